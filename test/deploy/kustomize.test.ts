import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { complaints, documentsIn, type Manifest, manifests } from './manifests';

const root = join(__dirname, '..', '..');
const isThere = spawnSync('kubectl', ['version', '--client']).status === 0;
if (!isThere)
  process.stderr.write('\nSKIPPED: what kustomize builds of deploy/kubernetes/example; install kubectl\n');

/** What `kubectl apply -k deploy/kubernetes/example` would send. */
function build(): Manifest[] {
  const { status, stdout, stderr } = spawnSync(
    'kubectl',
    ['kustomize', join(root, 'deploy/kubernetes/example')],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr);
  return documentsIn(stdout);
}

(isThere ? describe : describe.skip)('kustomize, of the example of an installation', () => {
  let built: Manifest[] = [];
  beforeAll(() => (built = build()));

  const find = <Content>(kind: string, name: string) =>
    built.find((each) => each.kind === kind && each.metadata.name.startsWith(name)) as
      (Manifest & Content) | undefined;

  it('builds every manifest, and they fit the types of the API of Kubernetes', () => {
    const names = (list: readonly Manifest[]): string[] =>
      list.filter(({ kind }) => kind !== 'ConfigMap').map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names(built).sort()).toEqual(names(manifests).sort());
    const kubernetes = built.filter(({ apiVersion }) => !apiVersion.startsWith('keda.sh/'));
    expect(complaints(kubernetes).flat()).toEqual([]);
  });

  it('resolves the name of every ConfigMap, so that changed settings are rolled out', () => {
    const generated = built.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
    const used = [...JSON.stringify(built).matchAll(/"(?:configMapRef|configMap)":\{"name":"([^"]+)"\}/g)];
    const names = new Set(used.map(([, name = '']) => name));
    expect([...names].filter((name) => !generated.includes(name))).toEqual([]);
    const ends = [...names].map((name) => name.replace(/-[a-z0-9]{10}$/, '-HASH')).sort();
    expect(ends).toEqual(
      ['ingest-settings', 'ingest-sources', 'settings', 'worker-settings'].map((name) => `efs-${name}-HASH`),
    );
  });

  it('leaves the number of workers to KEDA, up to the partitions that the installation sets', () => {
    expect(find<object>('Deployment', 'efs-workers')?.spec).not.toHaveProperty('replicas');
    const settings = find<{ data: Record<string, string> }>('ConfigMap', 'efs-settings-')?.data;
    expect(settings?.['EFS_PARTITIONS']).toBe('24');
    expect(find<object>('ScaledObject', 'efs-workers')?.spec).toHaveProperty('maxReplicaCount', 24);
  });

  it.each([
    ['efs-alerts', 'alerts.yaml', 'docs/grafana/alerts.yaml'],
    ['efs-board', 'efs.json', 'docs/grafana/dashboard.json'],
  ])('makes %s of the file in docs/grafana', (name, key, file) => {
    const data = find<{ data: Record<string, string> }>('ConfigMap', name)?.data;
    expect(data).toEqual({ [key]: readFileSync(join(root, file), 'utf8') });
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import type { PodDisruptionBudgetSpec } from 'kubernetes-types/policy/v1';
import type { Probe, ServiceSpec } from 'kubernetes-types/core/v1';
import { sourcesOf } from '../../src/app/ingest-sources';
import { configFrom, readConfig, settings } from '../../src/settings/config';
import { variableOf } from '../../src/settings/table';
import {
  complaints,
  configMaps,
  type Manifest,
  manifests,
  named,
  ofKind,
  type Workload,
  workloads,
} from './manifests';

const root = join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const serving = ['efs-workers', 'efs-ingest'].map(named);
const kubernetes = manifests.filter(({ apiVersion }) => !apiVersion.startsWith('keda.sh/'));

const matches = (selector: object | undefined, labels: Workload['labels']): boolean =>
  selector !== undefined &&
  Object.entries(selector).length > 0 &&
  Object.entries(selector).every(([key, value]) => labels[key] === value);

/** The environment of a workload where the files of its Secrets are in a folder of this machine. */
function environmentIn(folder: string, { env }: Workload): Record<string, string> {
  const moved = Object.entries(env).map(([name, value]) => {
    if (name === 'EFS_INGEST_CONFIG') {
      const text = configMaps.get('efs-ingest-sources')?.['sources.yaml'] ?? '';
      writeFileSync(
        join(folder, 'sources.yaml'),
        text.replaceAll(/\/run\/secrets\/[\w/-]+/g, join(folder, 'secret')),
      );
      return [name, join(folder, 'sources.yaml')] as const;
    }
    return [name, name.endsWith('_FILE') ? join(folder, 'secret') : value] as const;
  });
  writeFileSync(join(folder, 'secret'), 'a-secret-of-twenty-four-characters\n');
  return Object.fromEntries(moved);
}

describe('the manifests of deploy/kubernetes', () => {
  it('are what an installation consists of', () => {
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      ...['Deployment efs-workers', 'Service efs', 'PodDisruptionBudget efs-workers', 'Job efs-setup'],
      ...['NetworkPolicy efs', 'NetworkPolicy efs-workers'],
      ...['StatefulSet efs-ingest', 'Service efs-ingest', 'PodDisruptionBudget efs-ingest'],
      ...['NetworkPolicy efs-ingest', 'ScaledObject efs-workers', 'TriggerAuthentication efs-kafka'],
    ]);
  });

  const changed = (from: string, to: string): Manifest => {
    const text = JSON.stringify(kubernetes[0]);
    if (!text.includes(from)) throw new Error(`there is no ${from}`);
    return JSON.parse(text.replace(from, to)) as Manifest;
  };
  const bad = [
    changed('"terminationGracePeriodSeconds"', '"terminationGracePeriod"'),
    changed('"readinessProbe"', '"readynessProbe"'),
    changed('"name":"efs",', ''),
    changed('"minReadySeconds":10', '"minReadySeconds":"10"'),
  ];

  it('fit the types of the API of Kubernetes, which refuse unknown, missing and other fields', () => {
    const found = complaints([...kubernetes, ...bad]);
    expect(kubernetes.map(({ metadata }, index) => [metadata.name, found[index]])).toEqual(
      kubernetes.map(({ metadata }) => [metadata.name, []]),
    );
    expect(found.slice(kubernetes.length).map((each) => each.length)).toEqual(bad.map(() => 1));
  });

  it.each(workloads)('$name runs the image of this version', ({ container }) => {
    const { name, version } = JSON.parse(read('package.json')) as { name: string; version: string };
    expect(container.image).toBe(`${name}:${version}`);
  });

  it.each(workloads)(
    '$name runs as a user other than root, who may write nothing and do nothing else',
    (each) => {
      const { pod, container } = each;
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(container.securityContext).toEqual({
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      });
      expect(container.volumeMounts?.filter(({ readOnly }) => readOnly !== true)).toEqual([]);
      expect(container.resources?.limits?.['memory']).toBeDefined();
    },
  );
});

describe('the settings of the manifests', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'efs-test-kubernetes-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(workloads)('of $name are settings, valid ones, and fit each other', (each) => {
    expect(readConfig(environmentIn(folder, each))).toHaveProperty('ok');
  });

  it('name the sources of the ingesters, which other machines reach', () => {
    const environment = environmentIn(folder, named('efs-ingest'));
    expect(sourcesOf(configFrom(environment), {})).toHaveLength(1);
  });

  it.each(workloads)('of $name have secrets as files alone, each in a Secret that is mounted', (each) => {
    const { env, container, pod } = each;
    const inClear = settings
      .filter(([, { secret }]) => secret)
      .map(([name]) => env[variableOf(name)] ?? '')
      .filter((value) => value !== '' && !/^\w+:\/\/[^@]+$/.test(value));
    expect(inClear).toEqual([]);
    const secretAt = (path: string): string | undefined => {
      const mount = container.volumeMounts?.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
      return pod.volumes?.find(({ name }) => name === mount?.name)?.secret?.secretName;
    };
    const files = Object.entries(env).filter(([name]) => name.endsWith('_FILE'));
    expect(files.length).toBeGreaterThan(0);
    expect(files.map(([name, path]) => [name, secretAt(path)])).toEqual(
      files.map(([name]) => [name, expect.stringMatching(/^efs(-\w+)?-secrets$/)]),
    );
  });

  it('are the only variables: those of a Service named efs are refused, and no pod has them', () => {
    const environment = { ...environmentIn(folder, named('efs-workers')), EFS_SERVICE_HOST: '10.0.0.1' };
    expect(readConfig(environment)).toHaveProperty('errors', [expect.stringContaining('EFS_SERVICE_HOST')]);
    expect(workloads.map(({ pod }) => pod.enableServiceLinks)).toEqual(workloads.map(() => false));
  });
});

describe('the names and ports of the manifests', () => {
  const portOf = ({ env }: Workload, variable: string): number => Number(env[variable]);
  const PORTS = new Map([
    ['efs-workers', portOf(named('efs-workers'), 'EFS_HTTP_PORT')],
    ['efs-ingest', portOf(named('efs-ingest'), 'EFS_INGEST_PORT')],
  ]);

  it.each(serving)('$name listens where its probes, its Service and its metrics are looked for', (each) => {
    const { name, container, annotations, labels } = each;
    const port = PORTS.get(name);
    expect(container.ports).toEqual([{ name: 'http', containerPort: port }]);
    const asked = (probe: Probe | undefined) => [probe?.httpGet?.path, probe?.httpGet?.port];
    expect(asked(container.livenessProbe)).toEqual(['/livez', 'http']);
    expect(annotations).toMatchObject({
      'prometheus.io/port': String(port),
      'prometheus.io/path': '/metrics',
    });
    const services = ofKind<ServiceSpec>('Service').filter(({ spec }) => matches(spec.selector, labels));
    expect(services.map(({ spec }) => spec.ports?.map(({ targetPort }) => targetPort))).toEqual([['http']]);
  });

  it('let a rollout wait for what is ready, and keep the page alone in reach of what is not', () => {
    const probed = serving.map(({ name, labels, container }) => {
      const [service] = ofKind<ServiceSpec>('Service').filter(({ spec }) => matches(spec.selector, labels));
      const { startupProbe, readinessProbe } = container;
      const paths = [startupProbe, readinessProbe].map((probe) => probe?.httpGet?.path);
      return [name, ...paths, service?.spec.publishNotReadyAddresses ?? false];
    });
    expect(probed).toEqual([
      ['efs-workers', '/livez', '/readyz', true],
      ['efs-ingest', '/livez', '/readyz', false],
    ]);
  });

  it('join: selectors match the labels of their pods, and of no others', () => {
    for (const { selector, labels } of serving) expect(selector).toEqual(labels);
    const budgets = ofKind<PodDisruptionBudgetSpec>('PodDisruptionBudget');
    for (const { metadata, spec } of budgets) {
      const selected = workloads.filter(({ labels }) => matches(spec.selector?.matchLabels, labels));
      expect(selected.map(({ name }) => name)).toEqual([metadata.name]);
    }
    for (const { pod, labels } of serving)
      expect(pod.topologySpreadConstraints?.map((each) => each.labelSelector?.matchLabels)).toEqual([labels]);
    const selected = ofKind<NetworkPolicySpec>('NetworkPolicy').map(({ spec }) =>
      workloads.filter(({ labels }) => matches(spec.podSelector.matchLabels, labels)).map(({ name }) => name),
    );
    expect(selected).toEqual([
      ['efs-workers', 'efs-setup', 'efs-ingest'].sort(byWorkload),
      ['efs-workers'],
      ['efs-ingest'],
    ]);
  });

  const byWorkload = (a: string, b: string): number =>
    workloads.indexOf(named(a)) - workloads.indexOf(named(b));

  const policiesOf = ({ labels }: Workload): NetworkPolicySpec[] =>
    ofKind<NetworkPolicySpec>('NetworkPolicy')
      .map(({ spec }) => spec)
      .filter(({ podSelector }) => matches(podSelector.matchLabels, labels));

  it.each(workloads)('$name may reach every server of its settings, and others its port', (each) => {
    const addresses = [
      ...(each.env['EFS_KAFKA_BROKERS'] ?? '').split(',').map((broker) => `kafka://${broker}`),
      ...['EFS_SCHEMA_REGISTRY_URL', 'EFS_REDIS_URL'].flatMap((name) => each.env[name] ?? []),
    ];
    const ports = addresses.map((address) => Number(new URL(address).port));
    const opened = policiesOf(each).flatMap(({ egress = [] }) => egress.flatMap((rule) => rule.ports ?? []));
    const isOpen = (port: number): boolean =>
      opened.some(({ port: from, endPort }) => port >= Number(from) && port <= Number(endPort ?? from));
    expect(ports.filter((port) => !isOpen(port))).toEqual([]);
    expect([53, 22].map(isOpen)).toEqual([true, false]);
    const own = PORTS.get(each.name);
    const entered = policiesOf(each).flatMap(({ ingress = [] }) => ingress.map((rule) => rule.ports ?? []));
    if (own !== undefined)
      expect(entered.filter((list) => list.every(({ port }) => port !== own))).toEqual([]);
  });

  it('of ingesters are those by which the page asks them in the example', () => {
    const [service] = ofKind<ServiceSpec>('Service').filter(({ metadata }) => metadata.name === 'efs-ingest');
    expect(service?.spec).toMatchObject({ clusterIP: 'None' });
    const [set] = ofKind<{ serviceName: string; replicas: number }>('StatefulSet');
    expect(set?.spec.serviceName).toBe('efs-ingest');
    const urls = Array.from({ length: set?.spec.replicas ?? 0 }, (_, index) => {
      return `http://efs-ingest-${index}.efs-ingest:${PORTS.get('efs-ingest')}`;
    });
    expect(read('deploy/kubernetes/example/kustomization.yaml')).toContain(
      `EFS_INGEST_URLS=${urls.join(',')}\n`,
    );
  });
});

describe('the ends of pods', () => {
  it.each(['efs-workers', 'efs-ingest'])('%s has more time to stop than it takes', (name) => {
    const { pod, container } = named(name);
    const waits = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
    const [, text = ''] = /STOP_DEADLINE_MS = ([\d_]+);/.exec(read('src/cli/stopping.ts')) ?? [];
    const deadline = Number(text.replaceAll('_', '')) / 1_000;
    expect(deadline).toBeGreaterThan(0);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(waits + deadline);
  });
});

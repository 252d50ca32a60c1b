import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, PodSpec } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import * as ts from 'typescript';
import { parse, parseAllDocuments } from 'yaml';

const root = join(__dirname, '..', '..');
const FOLDER = join(root, 'deploy', 'kubernetes');

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & { readonly name: string };
  readonly spec: unknown;
}

/** What kubectl reads: YAML 1.1, in which 0440 is octal. */
export const documentsIn = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: '1.1' }).map((each) => each.toJS() as Manifest);

const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

interface Generator {
  readonly name: string;
  readonly behavior?: string;
  readonly envs?: readonly string[];
  readonly files?: readonly string[];
}

/** A kustomization, as far as the tests need it. */
function kustomization(folder: string) {
  const { resources = [], configMapGenerator = [] } = parse(read(join(folder, 'kustomization.yaml'))) as {
    resources?: readonly string[];
    configMapGenerator?: readonly Generator[];
  };
  return { folder, resources, configMapGenerator };
}

const GIVEN = ['workers', 'ingest', 'keda'].map(kustomization);

/** Every object that is in the folders as it is. */
export const manifests: readonly Manifest[] = GIVEN.flatMap(({ folder, resources }) =>
  resources.flatMap((file) => documentsIn(read(join(folder, file)))),
);

/** The manifests of a kind, with their spec as `kubernetes-types` has it. */
export const ofKind = <Spec>(kind: string): (Manifest & { readonly spec: Spec })[] =>
  manifests.filter((each): each is Manifest & { spec: Spec } => each.kind === kind);

const variables = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

/** The ConfigMaps that kustomize generates: variables, or files by name. */
export const configMaps: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  GIVEN.flatMap(({ folder, configMapGenerator }) =>
    configMapGenerator.map(({ name, envs = [], files = [] }) => [
      name,
      {
        ...Object.assign({}, ...envs.map((file) => variables(read(join(folder, file))))),
        ...Object.fromEntries(files.map((file) => [file, read(join(folder, file))])),
      },
    ]),
  ),
);

/** What starts pods. */
export interface Workload {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly pod: PodSpec;
  readonly container: Container;
  readonly env: Readonly<Record<string, string>>;
}

interface WorkloadSpec {
  readonly selector?: { readonly matchLabels: Record<string, string> };
  readonly template: { readonly metadata: ObjectMeta; readonly spec: PodSpec };
}

function workload({ metadata, spec }: Manifest & { readonly spec: WorkloadSpec }): Workload {
  const { metadata: podMetadata, spec: pod } = spec.template;
  const [container] = pod.containers;
  if (container === undefined || pod.containers.length > 1)
    throw new Error(`${metadata.name}: one container`);
  const env = (container.envFrom ?? []).map(({ configMapRef }) => {
    const found = configMaps.get(configMapRef?.name ?? '');
    if (found === undefined) throw new Error(`${metadata.name}: there is no ${configMapRef?.name}`);
    return found;
  });
  return {
    name: metadata.name,
    labels: podMetadata.labels ?? {},
    annotations: podMetadata.annotations ?? {},
    selector: spec.selector?.matchLabels,
    pod,
    container,
    env: Object.assign({}, ...env, ...(container.env ?? []).map(({ name, value }) => ({ [name]: value }))),
  };
}

export const workloads: readonly Workload[] = ['Deployment', 'StatefulSet', 'Job'].flatMap((kind) =>
  ofKind<WorkloadSpec>(kind).map(workload),
);

export const named = (name: string): Workload => {
  const found = workloads.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

/** `kubernetes-types/apps/v1` of apps/v1, `kubernetes-types/core/v1` of v1. */
const moduleOf = (apiVersion: string): string =>
  `kubernetes-types/${apiVersion.includes('/') ? apiVersion.replace('.k8s.io', '') : `core/${apiVersion}`}`;

/**
 * What Kubernetes' API types say about each manifest: a field that is missing, of another type, or unknown. The types are made
 * of Kubernetes' OpenAPI description, which itself lets unknown fields pass.
 */
export function complaints(list: readonly Manifest[]): string[][] {
  const name = join(root, 'test', 'deploy', 'manifests.generated.ts');
  const lines = list.map(
    (each, index) =>
      `export const m${index}: import('${moduleOf(each.apiVersion)}').${each.kind} = ${JSON.stringify(each)};`,
  );
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, types: [], lib: ['lib.es5.d.ts'] },
    moduleResolution: ts.ModuleResolutionKind.Node10,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.getSourceFile = (file, version) =>
    file === name ? ts.createSourceFile(file, lines.join('\n'), version) : getSourceFile(file, version);
  const program = ts.createProgram([name], options, host);
  const found: string[][] = list.map(() => []);
  const source = program.getSourceFile(name);
  for (const { start = 0, messageText } of program.getSemanticDiagnostics(source)) {
    const line = source?.getLineAndCharacterOfPosition(start).line ?? 0;
    found[line]?.push(ts.flattenDiagnosticMessageText(messageText, '\n'));
  }
  return found;
}

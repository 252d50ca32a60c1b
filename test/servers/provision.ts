import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The default broker version; one run can use another. */
export const KAFKA_VERSION = process.env['EFS_TEST_KAFKA_VERSION'] ?? '4.1.1';
const REGISTRY_VERSION = '3.0.9';

/** The cache of downloaded servers; its entries never change. */
const cacheDir = (): string => process.env['EFS_TEST_CACHE'] ?? join(homedir(), '.cache', 'efs-test-servers');

/** Whether `command args` runs and exits with 0. */
export async function answers(command: string, args: string[]): Promise<boolean> {
  return run(command, args, { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}

/**
 * `<cache>/<name>`, filled by `fill` where it is missing. It appears whole or not at all, so two runs may fill it at
 * once.
 */
export async function cached(name: string, fill: (dir: string) => Promise<void>): Promise<string> {
  const target = join(cacheDir(), name);
  if (existsSync(target)) return target;
  mkdirSync(cacheDir(), { recursive: true });
  process.stderr.write(`test servers: preparing ${name}, once, in ${cacheDir()}\n`);
  const draft = mkdtempSync(join(cacheDir(), `.${name}-`));
  try {
    await fill(draft);
    if (!existsSync(target)) renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

const maven = (args: string[]): Promise<unknown> =>
  run('mvn', ['-B', '-q', ...args], { timeout: 600_000, maxBuffer: 64 << 20 });

/** The directory of the jars that a POM depends on, kept under a name. Needs Java and, the first time, Maven. */
export function jarsOf(name: string, pom: string, properties: readonly string[] = []): Promise<string> {
  return cached(name, async (dir) => {
    await maven(['-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${dir}`, ...properties]);
  });
}

/**
 * The archive of the classes that a JVM loads (class data sharing), kept under a name and Java's version. `archive` starts the
 * JVM with an option that writes the archive at its end, and ends it. A JVM with the archive starts in half of the CPU time.
 */
export async function classArchive(
  name: string,
  archive: (option: string) => Promise<void>,
): Promise<string> {
  const java = (await run('java', ['--version'])).stdout.split('\n', 1)[0] ?? '';
  const file = 'classes.jsa';
  const dir = await cached(`${name}-classes-${java.replace(/[^\w.]+/g, '-')}`, (draft) =>
    archive(`-XX:ArchiveClassesAtExit=${join(draft, file)}`),
  );
  return join(dir, file);
}

/** The directory of the jars of a broker of this version. */
export function kafkaJars(version = KAFKA_VERSION): Promise<string> {
  return jarsOf(`kafka-${version}`, join(__dirname, 'pom.xml'), [`-Dkafka.version=${version}`]);
}

/**
 * The registry's runnable jar. Plugin 2.8 by name: later ones insist on the artifact's parent, which is not
 * published. Registry 3.0 by choice: later ones need Java 21.
 */
export async function registryJar(): Promise<string> {
  const artifact = `io.apicurio:apicurio-registry-app:${REGISTRY_VERSION}:tar.gz:all`;
  const home = await cached(`apicurio-${REGISTRY_VERSION}`, async (dir) => {
    const copy = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy';
    await maven([copy, `-Dartifact=${artifact}`, `-DoutputDirectory=${dir}`]);
    const archive = join(dir, `apicurio-registry-app-${REGISTRY_VERSION}-all.tar.gz`);
    await run('tar', ['-xzf', archive, '-C', dir]);
    rmSync(archive);
  });
  const jar = readdirSync(home).find((file) => file.endsWith('-runner.jar'));
  if (jar === undefined) throw new Error(`no runner jar in ${home}: remove the directory and run again`);
  return join(home, jar);
}

/** Null where broker and registry can run here, their jars fetched; else what to install. */
export async function lacksForJars(): Promise<string | null> {
  const java = 'Java 17 and Maven (Debian: default-jre-headless, maven)';
  if (!(await answers('java', ['-version']))) return java;
  try {
    await Promise.all([kafkaJars(), registryJar()]);
    return null;
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    return `${java}, with a way to Maven Central (${why})`;
  }
}

/** The folder with the `node` of a release, such as 20.19.0 or 24. For Linux; from where `npm ci` takes its packages. */
export async function nodeRelease(version: string): Promise<string> {
  const name = `node-linux-${process.arch}`;
  const home = await cached(`node-${version}`, async (dir) => {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
    await run('npm', [...args, '--prefix', dir, `${name}@${version}`], { timeout: 300_000 });
  });
  return join(home, 'node_modules', name, 'bin');
}

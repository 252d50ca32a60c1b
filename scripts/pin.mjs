// Pins images to digests and actions to commits: asks the registries and repositories what their tags mean now, and
// writes the answers behind the tags. `--check` writes nothing and fails where a file would change.
//   node scripts/pin.mjs [--check] [FILE...]
// Needs a network, `docker` with buildx for images, and `git` for actions.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const workflows = join(root, '.github', 'workflows');
const FILES = [
  join(root, 'Dockerfile'),
  join(root, 'docker-compose.yml'),
  ...readdirSync(workflows).map((file) => join(workflows, file)),
];

/** `FROM name:tag`, `image: name:tag`, with or without a digest. Stages have no tag. */
const IMAGE = /^(FROM |\s+image: )([\w./-]+:[\w.-]+)(?:@sha256:\w+)?(?=\s|$)/gm;
/** `uses: owner/name@commit # tag`, or `@tag` where it is not pinned yet. */
const ACTION = /(\buses: )([\w.-]+\/[\w.-]+)@(?:[0-9a-f]{40} # )?([\w.-]+)$/gm;

const run = (tool, ...args) => execFileSync(tool, args, { encoding: 'utf8' }).trim();

/** The digest of the list of platforms, so that a pin serves all of them. */
function digestOf(image) {
  const digest = run('docker', 'buildx', 'imagetools', 'inspect', image, '--format', '{{.Manifest.Digest}}');
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${image}: ${digest} is no digest`);
  return digest;
}

/** The commit of a tag; of an annotated one, what it points to: git lists that behind the tag itself, as `tag^{}`. */
function commitOf(action, tag) {
  const refs = run(
    'git',
    'ls-remote',
    `https://github.com/${action}`,
    `refs/tags/${tag}`,
    `refs/tags/${tag}^{}`,
  );
  const commit = refs.split('\n').at(-1).split('\t')[0];
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error(`${action} has no tag ${tag}`);
  return commit;
}

const pinned = (text) =>
  text
    .replace(IMAGE, (_, before, image) => `${before}${image}@${digestOf(image)}`)
    .replace(ACTION, (_, before, action, tag) => `${before}${action}@${commitOf(action, tag)} # ${tag}`);

const check = process.argv.includes('--check');
const given = process.argv.slice(2).filter((each) => each !== '--check');
for (const file of given.length > 0 ? given : FILES) {
  const text = readFileSync(file, 'utf8');
  const wanted = pinned(text);
  if (wanted === text) continue;
  if (!check) writeFileSync(file, wanted);
  console.log(`${file}: ${check ? 'is not pinned to what its tags mean now' : 'pinned'}`);
  if (check) process.exitCode = 1;
}

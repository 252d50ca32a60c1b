// Prints a software bill of materials (CycloneDX, JSON): every package that reaches users, with its version, SHA-512,
// licence and dependencies.
//   node scripts/sbom.mjs > sbom.cdx.json
// npm makes it, from copies of package.json and package-lock.json without the tools: `npm sbom --omit dev` also leaves out
// packages that service and tools share.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shipped } from './shipped.mjs';

const { manifest, lock } = shipped();
const temporary = mkdtempSync(join(tmpdir(), 'efs-sbom-'));
// npm calls the whole by the name of its folder.
const folder = join(temporary, manifest.name);
mkdirSync(folder);
writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
const { status } = spawnSync('npm sbom --sbom-format cyclonedx --package-lock-only', {
  cwd: folder,
  shell: true,
  stdio: ['ignore', 'inherit', 'inherit'],
});
rmSync(temporary, { recursive: true });
process.exitCode = status ?? 1;

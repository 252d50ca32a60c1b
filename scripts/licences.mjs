// Lists the licence of every package that reaches users, and fails where one is not on the list of those allowed.
//   node scripts/licences.mjs [FOLDER]
import { nameOf, root, shipped } from './shipped.mjs';

/** Each permits use and distribution with the service, under Apache-2.0, for the price of a notice. */
const ALLOWED = ['MIT', 'MIT-0', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause'];

/** Packages whose package.json names no licence: that of their LICENSE file, for one version. */
const READ = { '@kafkajs/confluent-schema-registry@3.9.0': 'MIT' };

const { packages } = shipped(process.argv[2] ?? root).lock;
const rows = Object.entries(packages)
  .filter(([path]) => path !== '')
  .map(([path, { version, license }]) => {
    const id = `${nameOf(path)}@${version}`;
    return { id, licence: license ?? READ[id] ?? 'none' };
  });
for (const { id, licence } of rows) console.log(`${licence.padEnd(14)}${id}`);
const refused = rows.filter(({ licence }) => !ALLOWED.includes(licence));
for (const { id, licence } of refused) console.error(`not allowed: ${licence} of ${id}`);
if (refused.length > 0) process.exitCode = 1;

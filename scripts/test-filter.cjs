'use strict';

const { readFileSync } = require('node:fs');

/** Whether a test file requires, in `describeWithServers([...])`, that no other runs beside it: it measures time. */
const measuresTime = (file) =>
  /describeWithServers\(\s*\[[^\]]*'undisturbed'/.test(readFileSync(file, 'utf8'));

/** Jest's filter: `EFS_TEST_UNDISTURBED` is `only` for the files that measure time, `without` for the others. */
module.exports = (files) => {
  const wanted = process.env['EFS_TEST_UNDISTURBED'] === 'only';
  return { filtered: files.filter((file) => measuresTime(file) === wanted) };
};

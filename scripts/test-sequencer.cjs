'use strict';

const { default: Sequencer } = require('@jest/test-sequencer');

/** The files that take longest: begun last, one of them would run alone at the end, on a single processor. */
const LONGEST = [
  'histories/histories.sim.test.ts',
  'histories/mutants.sim.test.ts',
  'fire/truth.e2e.test.ts',
  'docs/first-hour.e2e.test.ts',
  'supply/package.e2e.test.ts',
  'supply/image.e2e.test.ts',
  'fire/rollout.e2e.test.ts',
  'security/connections.e2e.test.ts',
  'ingest/serve.e2e.test.ts',
  'security/oauth.e2e.test.ts',
  'outages/away.e2e.test.ts',
  'outages/state.e2e.test.ts',
  'ingest/native-index.e2e.test.ts',
  'docs/model.io.test.ts',
  'ingest/sources.e2e.test.ts',
  'generations/rebuild.e2e.test.ts',
  'generations/upgrade.e2e.test.ts',
  'fire/tenants.e2e.test.ts',
  'servers/servers.io.test.ts',
  'store/failover.redis.io.test.ts',
  'cli/cli.e2e.test.ts',
];

const rank = ({ path }) => {
  const place = LONGEST.findIndex((file) => path.endsWith(file));
  return place === -1 ? LONGEST.length : place;
};

/** Jest's order, by what earlier runs took and by the size of the files, after the longest. */
module.exports = class extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((one, other) => rank(one) - rank(other));
  }
};

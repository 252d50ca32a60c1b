// The tests by their price, which a file's suffix tells; see CONTRIBUTING.md.

const shared = {
  rootDir: '.',
  testEnvironment: 'node',
  transform: {
    '\\.ts$|/dashboard/.+\\.js$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, sourceMaps: 'inline' },
    ],
  },
};

const inMemory = { ...shared, moduleNameMapper: { '^(\\.{1,2}/.+)\\.js$': ['$1.js', '$1'] } };

const onServers = {
  ...shared,
  globalSetup: '<rootDir>/test/servers/setup.ts',
  globalTeardown: '<rootDir>/test/servers/teardown.ts',
};

export default {
  // Far above what any test takes: a test fails by what it finds, not by a machine that is slow today.
  testTimeout: 60_000,
  projects: [
    {
      ...inMemory,
      displayName: 'memory',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['\\.(sim|io|e2e)\\.test\\.ts$'],
    },
    { ...inMemory, displayName: 'quick', testMatch: ['<rootDir>/test/quick/*.quick.ts'] },
    { ...shared, displayName: 'sim', testMatch: ['<rootDir>/test/**/*.sim.test.ts'] },
    { ...onServers, displayName: 'io', testMatch: ['<rootDir>/test/**/*.io.test.ts'] },
    { ...onServers, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.e2e.test.ts'] },
  ],
};

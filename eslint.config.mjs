import tseslint from 'typescript-eslint';

/** Time, chance, timers and the environment come in as arguments; only base/ and the doors reach out for them. */
const MAY_REACH_OUT = ['src/base/**', 'src/cli.ts', 'src/cli/**', 'src/app/**', 'src/index.ts'];

const reach =
  'Take it as an argument (Clock, Random, settings); only src/base and the doors reach out for it.';
const timers = ['setTimeout', 'setInterval', 'setImmediate'];

export default tseslint.config(
  { ignores: ['dist/', '.dist-*/', 'node_modules/', '.cache/', 'coverage/', '**/vendor/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', 300],
      'no-console': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    // The page: ids and reasons in it are others' input, so markup is never made of text.
    files: ['src/dashboard/*.js'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 70],
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-unused-vars': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write', 'cssText'].map((property) => ({
          property,
          message: 'Text goes in as text: dom.js.',
        })),
      ],
    },
  },
  {
    files: ['src/dashboard/*.js'],
    ignores: ['src/dashboard/time.js'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write', 'cssText'].map((property) => ({
          property,
          message: 'Text goes in as text: dom.js.',
        })),
        { object: 'Date', property: 'now', message: reach },
        { object: 'Math', property: 'random', message: reach },
        { object: 'performance', property: 'now', message: reach },
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'bench/**/*.ts'],
    rules: { 'max-lines-per-function': ['error', 70] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: MAY_REACH_OUT,
    rules: {
      'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: reach }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: reach },
        { object: 'Math', property: 'random', message: reach },
        { object: 'performance', property: 'now', message: reach },
        { object: 'process', property: 'env', message: reach },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: [...MAY_REACH_OUT, 'src/**/*.http.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...timers.map((name) => ({ name, message: reach })),
        { name: 'fetch', message: 'The network belongs to *.http.ts.' },
      ],
    },
  },
  {
    files: [...MAY_REACH_OUT, 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
);

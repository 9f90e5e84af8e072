// @ts-check
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import jest from 'eslint-plugin-jest';
import tseslint from 'typescript-eslint';

/**
 * The walls between the rooms of src/: what each room may import besides itself and the leaves
 * (log, errors, clock, domain). main.ts, index.ts and cli/ may import everything.
 */
const ROOMS = {
  domain: [],
  config: [],
  // sessions is pure: the rules by which the stores change a status.
  db: ['sessions'],
  sources: [],
  sessions: [],
  processes: [],
  files: ['processes'],
  extract: ['processes'],
  activities: [],
  record: [],
  page: [],
  export: [],
  harvest: ['db', 'sources', 'sessions'],
  daemon: ['db', 'sources', 'sessions', 'files', 'extract', 'activities', 'record', 'export'],
  http: ['db', 'sources'],
  demo: ['db'],
};
const ALL_ROOMS = [...Object.keys(ROOMS), 'cli'];

const walls = Object.entries(ROOMS).map(([room, allowed]) => {
  const reachable = new Set([room, 'domain', ...(room === 'domain' ? [] : allowed)]);
  const forbidden = ALL_ROOMS.filter((other) => !reachable.has(other));
  const leaves =
    room === 'domain' ? 'main|index|configured-database|log' : 'main|index|configured-database';
  return {
    files: [`src/${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(\\.\\./)+((${forbidden.join('|')})/|(${leaves})\\.js$)`,
              message: `Room '${room}' may import only ${[...reachable].join(', ')} and the leaves.`,
            },
            ...(room === 'db'
              ? []
              : [
                  {
                    regex: '^(knex|pg|better-sqlite3)(/|$)',
                    message: 'Only db/ knows the engines.',
                  },
                ]),
            ...(room === 'record'
              ? []
              : [
                  { regex: '^libxml2-wasm', message: 'Only record/validate-xml.ts knows libxml2.' },
                ]),
          ],
        },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.cache/', 'node_modules/', 'recordsmith-demo/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: ['./test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // An interface and a type alias say the same; consistency inside a file is enough.
      '@typescript-eslint/consistent-type-definitions': 'off',
    },
  },
  { files: ['src/**/*.ts'], rules: { 'no-console': 'error' } },
  ...walls,
  {
    files: ['test/**/*.ts'],
    ...jest.configs['flat/recommended'],
    rules: {
      ...jest.configs['flat/recommended'].rules,
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/consistent-type-assertions': 'off',
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect', 'expect*'] }],
      'jest/no-conditional-expect': 'off',
      'jest/no-standalone-expect': 'off',
      'jest/valid-title': 'off',
    },
  },
  {
    // Brackets that make the describe and test blocks of other files.
    files: ['test/support/**'],
    rules: { 'jest/no-export': 'off', 'jest/expect-expect': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: { process: 'readonly', console: 'readonly', Buffer: 'readonly', URL: 'readonly' },
    },
  },
  prettier,
);

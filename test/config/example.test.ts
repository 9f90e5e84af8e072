import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { configKeys } from '../../src/config/config-keys.js';
import { getAt } from '../../src/config/config-tree.js';
import { configSchema } from '../../src/config/schema.js';

const example = readFileSync(
  new URL('../../config/recordsmith.example.yaml', import.meta.url),
  'utf8',
);
const defaults = configSchema.parse({});

describe('config/recordsmith.example.yaml', () => {
  test.each(configKeys().map(({ key, path }) => [key, path] as const))(
    'shows %s with its default',
    (_key, path) => {
      const parsed: unknown = parse(example);
      expect(getAt(parsed, path)).toBeDefined();
      expect(getAt(parsed, path)).toStrictEqual(getAt(defaults, path));
    },
  );

  test('holds nothing that the schema does not know', () => {
    expect(configSchema.parse(parse(example))).toStrictEqual(defaults);
  });

  test('explains every key in a comment above it', () => {
    const lines = example.split('\n');
    const bare = lines.filter(
      (line, index) => /^ +[a-z_]+: \S/.test(line) && !/^ *#/.test(lines[index - 1] ?? ''),
    );
    expect(bare).toStrictEqual([]);
  });
});

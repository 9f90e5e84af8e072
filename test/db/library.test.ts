import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as library from '../../src/index.js';

const SOURCE = readFileSync(new URL('../../src/index.ts', import.meta.url), 'utf8');
const DOCUMENTATION = readFileSync(new URL('../../docs/library.md', import.meta.url), 'utf8');
const BUILT = new URL('../../dist/index.js', import.meta.url).href;

test('everything the library exports is documented, and nothing else is', () => {
  const exported = [...SOURCE.matchAll(/\{([^}]*)\} from/g)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.replace('type ', '').trim())
    .filter((name) => name !== '');
  expect(exported).toEqual(expect.arrayContaining(Object.keys(library)));
  const named = new Set(
    [...DOCUMENTATION.matchAll(/`([A-Za-z_]\w*)/g)].map(([, name = '']) => name),
  );
  expect(exported.filter((name) => !named.has(name))).toEqual([]);
  const called = [...DOCUMENTATION.matchAll(/`([a-z]\w+)\([^`]*\)`/g)].map(([, name]) => name);
  expect(called.filter((name) => !exported.includes(String(name)))).toEqual(['reader', 'writer']);
});

test('the example of the documentation does what it says', () => {
  const [, example = ''] = /```js\n([^]*?)```/.exec(DOCUMENTATION) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-library-'));
  try {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', example.replace("'recordsmith'", JSON.stringify(BUILT))],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('inserted TO_BE_BUILT\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

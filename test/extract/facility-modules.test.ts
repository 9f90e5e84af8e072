import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  FacilityFolder,
  factsOf,
  moduleText,
  readByFacility,
} from '../support/facility-reading.js';

let folder: FacilityFolder;

beforeAll(() => {
  folder = new FacilityFolder();
  for (const name of ['modules', 'empty']) mkdirSync(join(folder.path, name));
  folder.write(
    'modules/plain.mjs',
    moduleText('plain', '.pla', `return answer({ 'Stage X': { value: 1, unit: 'mm' } });`),
  );
});

afterAll(() => folder.remove());

describe('modules of the facility', () => {
  test('are asked for the names that they claim, before the readers of recordsmith, and harmonised', async () => {
    const ours = folder.write(
      'text.mjs',
      moduleText('our-text', '.txt', `return answer({ Operator: { value: ' Ada ' } });`),
    );
    const { claims, results } = await readByFacility(
      { modules: [join(folder.path, 'modules'), ours] },
      [folder.job('a.pla'), folder.job('b.TXT'), folder.job('c.msa', 'no spectrum')],
    );
    expect(claims).toMatchObject([
      { id: 'plain', version: 1, kind: 'module', extensions: ['.pla'] },
      { id: 'our-text', path: ours },
    ]);
    expect(results.map(factsOf)).toMatchObject([
      { reader: 'plain@1', metadata: { 'Stage X': { value: 1000, unit: 'µm' } } },
      { reader: 'our-text@1', metadata: { Operator: { value: 'Ada' } } },
      { reader: expect.stringMatching(/^text@/) as unknown },
    ]);
  });

  test('that throw, answer nonsense or take the process down cost the file its metadata', async () => {
    const modules = [
      folder.write('throws.mjs', moduleText('throws', '.thr', `throw new Error('no licence');`)),
      folder.write('sniffs.mjs', moduleText('sniffs', '.sni', '', `head.nothing.there`)),
      folder.write('nonsense.mjs', moduleText('nonsense', '.non', `return { format: 3 };`)),
      folder.write(
        'tags.mjs',
        moduleText('tags', '.tag', `const it = answer({}); it.tags = it; return it;`),
      ),
      folder.write('aborts.mjs', moduleText('aborts', '.abo', `process.abort();`)),
    ];
    const names = ['a.thr', 'b.sni', 'c.non', 'd.tag', 'e.abo'];
    const { results } = await readByFacility(
      { modules },
      names.map((name) => folder.job(name)),
    );
    expect(results.map(factsOf)).toMatchObject([
      { kind: 'read', warnings: ['The reader throws could not read the file: no licence'] },
      {
        kind: 'read',
        warnings: [expect.stringMatching(/^The reader sniffs could not/) as unknown],
      },
      {
        kind: 'read',
        warnings: [expect.stringMatching(/^The reader nonsense .*format/) as unknown],
      },
      { kind: 'read', format: 'Of tags', warnings: [] },
      { kind: 'killed', warnings: [expect.stringContaining('crashed') as unknown] },
    ]);
  });

  test('that cannot be used are all told, with their keys', async () => {
    const modules = [
      folder.write('syntax.mjs', 'export const = 1;'),
      folder.write('none.mjs', 'export const answer = 42;'),
      folder.write(
        'half.mjs',
        `export const half = { id: 'Half', version: 0, sniff: 1, extract() {} };`,
      ),
      folder.write('exits.mjs', 'process.exit(0);'),
      folder.write('twice.mjs', moduleText('plain', '.two', '')),
      folder.write('ours.mjs', moduleText('tiff', '.thr', '')),
      join(folder.path, 'missing.mjs'),
      join(folder.path, 'empty'),
    ];
    await expect(
      readByFacility({ modules: [join(folder.path, 'modules'), ...modules] }, []),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: {
        faults: [
          expect.stringMatching(
            /^extract\.readers\[1\]: .*syntax\.mjs cannot be loaded/,
          ) as unknown,
          expect.stringMatching(/^extract\.readers\[2\]: .*none\.mjs exports no reader/) as unknown,
          expect.stringMatching(
            /\[3\]: .*half\.mjs .*id: a name.*version: .*extensions: .*sniff: a function/,
          ) as unknown,
          expect.stringMatching(/\[4\]: loading it took its process down/) as unknown,
          expect.stringMatching(/\[5\]: .*plain\.mjs has a reader plain already/) as unknown,
          expect.stringMatching(/\[6\]: recordsmith itself has a reader tiff already/) as unknown,
          expect.stringMatching(/\[7\]: .*missing\.mjs/) as unknown,
          expect.stringMatching(/\[8\]: The folder .*empty has no module/) as unknown,
        ],
      },
    });
  });
});

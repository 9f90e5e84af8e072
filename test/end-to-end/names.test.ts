import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';
import { bytesBelow, readXmlRecord, type XmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const MIDDLE = '2026-03-02T09:30:00Z';
const MIDDLE_S = Date.parse(MIDDLE) / 1000;

/** Names as bytes: whatever a file system of Linux may hold. */
const NAMES: readonly Buffer[] = [
  ...[
    `markup & <tag> "double" 'single' ]]> --.tif`,
    '100% %41 %2F %00.tif',
    'line\nbreak and \r return.tif',
    'tab\tand \u0001 \u001b[31m control.tif',
    'emoji 🔬 and combining e\u0301.tif',
    'combining é.tif',
    'right-to-left \u202Egnp.tif',
    'replacement \uFFFD character.tif',
    'not in XML \uFFFF \uFFFE.tif',
    ' blank around .tif',
    '-n --help.tif',
    '..tif',
    '$(touch x) `id` ; * ? [a].tif',
    'back\\slash.tif',
    'Case.tif',
    'case.TIF',
    'a.tif',
    'a.tif.thumb.png',
    'a_signal1.tif',
    `${'l'.repeat(251)}.tif`,
    `${'é'.repeat(125)}x.tif`,
    `${'l'.repeat(250)}m.tif`,
  ].map((name) => Buffer.from(name)),
  Buffer.from('latin1 M\xfcller \xb5m.tif', 'latin1'),
  Buffer.from('broken \xc3.tif', 'latin1'),
  Buffer.from([0xed, 0xa0, 0x80, 0x2e, 0x74, 0x69, 0x66]),
];

const FOLDERS: readonly Buffer[] = [
  Buffer.from('M\xfcller & <S\xf6hne>', 'latin1'),
  Buffer.from('日本語 100%\n'),
];

describe('file names of every kind', () => {
  let lab: Lab;
  let result: RunOnceResult;
  let record: XmlRecord;
  const written = new Map<string, Buffer>();

  function writeImage(parts: readonly Buffer[], image: Buffer): void {
    const slash = Buffer.from('/');
    const path = Buffer.concat(
      [Buffer.from(lab.data), ...parts].flatMap((part, index) =>
        index === 0 ? [part] : [slash, part],
      ),
    );
    writeFileSync(path, image);
    utimesSync(path, MIDDLE_S, MIDDLE_S);
    written.set(path.toString('latin1'), path);
  }

  beforeAll(async () => {
    lab = await createLab({ engine: 'sqlite' });
    await lab.log('names', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    const image = readFileSync(lab.image('template.tif', MIDDLE));
    const titan = Buffer.from('titan');
    for (const name of NAMES) writeImage([titan, name], image);
    for (const folder of FOLDERS) {
      mkdirSync(Buffer.concat([Buffer.from(`${lab.data}/titan/`), folder]));
      writeImage([titan, folder, Buffer.from('inside.tif')], image);
    }
    result = await lab.runOnce();
    record = readXmlRecord(result.sessions[0]?.record ?? '');
  });
  afterAll(() => lab.remove());

  test('are all in the record, and each location leads to the bytes on the disk', () => {
    expect(result.counts).toEqual({ COMPLETED: 1 });
    const found = record.datasets.map(({ location }) => bytesBelow(lab.data, location));
    expect(found.map((path) => path.toString('latin1')).sort()).toEqual([...written.keys()].sort());
    expect(record.datasets.every(({ location }) => /^[A-Za-z0-9_.~/%-]+$/.test(location))).toBe(
      true,
    );
  });

  test('have previews where the record says, each its own', () => {
    const previews = record.datasets.flatMap(({ preview }) => (preview === null ? [] : [preview]));
    expect(new Set(previews).size).toBe(previews.length);
    expect(previews.length).toBe(written.size);
    for (const preview of previews) expect(existsSync(bytesBelow(lab.output, preview))).toBe(true);
  });

  test('have sidecars', () => {
    const folders = ['', ...FOLDERS].map((folder) =>
      Buffer.concat([Buffer.from(`${lab.output}/titan/`), Buffer.from(folder)]),
    );
    const names = folders.flatMap((folder) => readdirSync(folder, { encoding: 'latin1' }));
    expect(names.filter((name) => name.endsWith('.json')).length).toBe(written.size);
    expect(names.filter((name) => Buffer.from(name, 'latin1').length > 255)).toEqual([]);
  });

  test('are told in words where they are UTF-8, percent-encoded where they are not', () => {
    const names = record.datasets.map(({ name }) => name);
    expect(names).toContain(`markup & <tag> "double" 'single' ]]> --.tif`);
    expect(names).toContain('100% %41 %2F %00.tif');
    expect(names).toContain('emoji 🔬 and combining e\u0301.tif');
    expect(names).toContain('latin1%20M%FCller%20%B5m.tif');
  });

  test('are the same in the JSON and in the database', async () => {
    const locations = record.datasets.map(({ location }) => location).sort();
    const json: unknown = JSON.parse(
      lab.read((result.sessions[0]?.record ?? '').replace(/\.xml$/, '.json')),
    );
    const inJson = [...JSON.stringify(json).matchAll(/"location":"([^"]+)"/g)].map(
      ([, text]) => text,
    );
    expect([...new Set(inJson)].sort()).toEqual(locations);
    const inDatabase = await lab.database.knex('datasets').pluck('location');
    expect(inDatabase.map(String).sort()).toEqual(locations);
    const verdicts = await lab.database
      .knex('file_verdicts')
      .where({ verdict: 'in' })
      .pluck('location');
    expect(verdicts.map(String).sort()).toEqual(locations);
  });

  test('give a record that is valid, and the same one again when nothing changed', async () => {
    const path = result.sessions[0]?.record ?? '';
    const valid = await lab.run(['validate', path]);
    expect([valid.code, valid.stderr]).toEqual([0, '']);
    const before = lab.read(path);
    await lab.database.createScope(() => retrySessions({ identifiers: ['names'] }));
    const again = await lab.runOnce();
    expect(again.sessions[0]).toMatchObject({ outcome: 'COMPLETED', version: 1 });
    expect(lab.read(path)).toBe(before);
    expect(lab.files(join(lab.records, 'versions')).length).toBe(2);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';
import { addNote } from '../../src/db/annotation-store.js';
import { writeDm3 } from '../../src/demo/write-dm3.js';
import { postgresServerUrl } from '../support/databases.js';
import { createLab, utc, type Lab, type RunOnceResult } from '../support/lab.js';
import { readXmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const SCHEMA = new URL('../../config/schemas/record.schema.json', import.meta.url);

function dm3(name: string, minute: number): Buffer {
  return writeDm3({
    name,
    axes: [
      { length: 64, scale: 0.25, origin: -8, unit: 'nm' },
      { length: 48, scale: 0.25, origin: -6, unit: 'nm' },
    ],
    pixels: Float32Array.from({ length: 64 * 48 }, (_, index) => Math.sin(index / 40) * 1000),
    intensityUnit: '',
    acquired: utc(Date.UTC(2026, 2, 2, 9, minute)),
    tags: {
      'Microscope Info': { Voltage: 200_000, 'Indicated Magnification': 50_000 + minute },
      'Session Info': { Operator: 'Ada Lovelace', Specimen: 'Größe < 5 µm & "Äußeres"' },
    },
  });
}

/** The same files, written in another order each time. */
function writeFiles(lab: Lab, backwards: boolean): void {
  const writers: (() => void)[] = [
    ...[1, 2, 3, 4].map((minute) => () => {
      lab.write(
        `titan/grid & co/${minute}.dm3`,
        `2026-03-02T09:0${minute}:00Z`,
        dm3('HAADF', minute),
      );
    }),
    ...[40, 41, 42].map((minute) => () => {
      lab.spectrum(`titan/eds/${minute}.msa`, `2026-03-02T09:${minute}:00Z`);
    }),
    () => lab.image('titan/übersicht.tif', '2026-03-02T09:43:00Z'),
    () => lab.write('titan/notes.txt', '2026-03-02T09:44:00Z', 'Größe: 5 µm\n'),
    () => lab.write('titan/cut.dm3', '2026-03-02T09:45:00Z', dm3('cut', 45).subarray(0, 900)),
  ];
  for (const write of backwards ? writers.reverse() : writers) write();
}

let labs: readonly Lab[] = [];
let results: readonly RunOnceResult[] = [];

beforeAll(async () => {
  const engines = ['sqlite', postgresServerUrl() === null ? 'sqlite' : 'postgres'] as const;
  const surroundings = [
    { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' },
    { TZ: 'America/St_Johns', LANG: 'C', LC_ALL: 'C' },
  ];
  labs = await Promise.all(engines.map((engine) => createLab({ engine })));
  results = await Promise.all(
    labs.map(async (lab, index) => {
      writeFiles(lab, index === 1);
      const session = { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' };
      await lab.log('https://nemo.example.org/api/usage_events/?id=42', session);
      await lab.database.createScope(() =>
        addNote('https://nemo.example.org/api/usage_events/?id=42', 'Grid 3 was bent.', 'ada'),
      );
      return lab.runOnce([], surroundings[index]);
    }),
  );
});
afterAll(() => Promise.all(labs.map((lab) => lab.remove())));

function firstRecord(): string {
  return results[0]?.sessions[0]?.record ?? '';
}

test('files close in time are one activity, what is equal in all of them its setup', () => {
  expect(results[0]?.sessions[0]).toMatchObject({ outcome: 'COMPLETED', files: 10, activities: 2 });
  const { activities } = readXmlRecord(firstRecord());
  expect(activities.map((datasets) => datasets.map(({ name }) => name))).toEqual([
    ['1.dm3', '2.dm3', '3.dm3', '4.dm3'],
    ['40.msa', '41.msa', '42.msa', 'übersicht.tif', 'notes.txt', 'cut.dm3'],
  ]);
  const xml = readFileSync(firstRecord(), 'utf8');
  expect(xml).toContain('<param name="Acceleration Voltage" unit="kV">200</param>');
  expect(xml).toContain('Größe &lt; 5 µm &amp; "Äußeres"');
  // START in the zone of the instrument.
  expect(xml).toContain('<startTime>2026-03-02T10:01:00.000+01:00</startTime>');
});

test('the record, its JSON, previews and sidecars are the same bytes wherever they are made', () => {
  const [first, second] = labs;
  if (first === undefined || second === undefined) throw new Error('There are no two labs.');
  for (const place of ['records', 'output'] as const) {
    const names = first.files(first[place]);
    expect(names.length).toBeGreaterThan(3);
    expect(second.files(second[place])).toEqual(names);
    for (const name of names) {
      const [bytes, others] = [first, second].map((lab) => readFileSync(join(lab[place], name)));
      expect([name, bytes?.equals(others ?? Buffer.alloc(0))]).toEqual([name, true]);
      // No folder of the machine, and no machine, is in them.
      expect(bytes?.includes(first.folder)).toBe(false);
    }
  }
});

test('the JSON follows its schema and says the same as the XML', () => {
  const json: unknown = JSON.parse(readFileSync(firstRecord().replace(/\.xml$/, '.json'), 'utf8'));
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const isValid = ajv.compile(z.looseObject({}).parse(JSON.parse(readFileSync(SCHEMA, 'utf8'))));
  expect([isValid(json), isValid.errors]).toEqual([true, null]);
});

test('every preview and sidecar that the record speaks of is there, and no other file', () => {
  const [lab] = labs;
  const { datasets, notes } = readXmlRecord(firstRecord());
  const previews = datasets.flatMap(({ preview }) => (preview === null ? [] : [preview]));
  for (const preview of previews) {
    expect(existsSync(join(lab?.output ?? '', decodeURIComponent(preview)))).toBe(true);
  }
  expect(lab?.files(lab.output).length).toBe(previews.length + datasets.length);
  expect(notes).toContain('Grid 3 was bent.');
  expect(notes.filter((note) => note.startsWith('cut.dm3: '))).toHaveLength(1);
});

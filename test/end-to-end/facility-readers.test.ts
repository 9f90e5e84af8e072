import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Engine } from '../../src/db/dialect.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { describeEngines } from '../support/databases.js';
import { moduleText, PRINT_ONE } from '../support/facility-reading.js';
import { createLab, type Lab, type ReportedSession } from '../support/lab.js';
import { readXmlRecord, type XmlDataset } from '../support/read-record.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const ID = 'https://nemo.example/api/usage_events/?id=11';
const MODULE = moduleText(
  'kestrel',
  '.kes',
  `return answer({ 'Stage X': { value: 2, unit: 'mm' } });`,
);
const PROGRAM = `const file = process.argv[2];
  if (file.includes('locked')) { console.error('no licence'); process.exit(2); }
  ${PRINT_ONE}`;

/** A lab with one reader of each kind, and a session with files for them. */
async function labWithReaders(engine: Engine): Promise<Lab> {
  const lab = await createLab({
    engine,
    settings: {
      build: { previews: false, clustering: { min_gap_s: 0 } },
      extract: {
        readers: ['readers'],
        commands: [
          {
            name: 'owl',
            files: ['*.owl', 'scan_*'],
            command: [process.execPath, './owl.cjs', '{file}'],
            companions: [{ main: '(.+)\\.owl', companions: ['$1.hdr'] }],
          },
        ],
      },
    },
  });
  writeFileSync(join(lab.folder, 'owl.cjs'), PROGRAM);
  mkdirSync(join(lab.folder, 'readers'));
  writeFileSync(join(lab.folder, 'readers/kestrel.mjs'), MODULE);
  for (const name of ['a.kes', 'b.owl', 'b.hdr', 'c.owl.locked', 'scan_1', 'locked.owl', 'd.xyz']) {
    lab.write(`titan/${name}`, '2026-03-02T09:30:00Z', name);
  }
  await lab.log(ID, { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
  return lab;
}

describeEngines('Readers and adjustments of a facility', (engine) => {
  let lab: Lab;
  const build = async (): Promise<ReportedSession | undefined> => {
    await lab.database.createScope(() => retrySessions({ identifiers: [ID] }));
    return (await lab.runOnce(['--session', ID])).sessions[0];
  };
  const datasetsOf = (session: ReportedSession | undefined): readonly XmlDataset[] =>
    readXmlRecord(session?.record ?? '').datasets;

  beforeAll(async () => {
    lab = await labWithReaders(engine);
  });
  afterAll(() => lab.remove());

  test('claim files of an exclusive search and their companions; one that fails has a warning', async () => {
    const dry = await lab.run(['--run-once', '--dry-run', '--json', '--session', ID]);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      sessions: [
        {
          outcome: 'COMPLETED',
          files: [
            { location: '/titan/a.kes', verdict: 'in' },
            { location: '/titan/b.hdr', verdict: 'companion', rule: 'companion of b.owl' },
            { location: '/titan/b.owl', verdict: 'in' },
            { location: '/titan/c.owl.locked', verdict: 'no format' },
            { location: '/titan/d.xyz', verdict: 'no format' },
            { location: '/titan/locked.owl', verdict: 'in' },
            { location: '/titan/scan_1', verdict: 'in' },
          ],
        },
      ],
    });
    const session = await build();
    expect(session).toMatchObject({ outcome: 'COMPLETED', version: 1, files: 4 });
    const datasets = datasetsOf(session).map(({ name, format }) => [name, format]);
    expect(datasets.sort()).toStrictEqual([
      ['a.kes', 'Of kestrel'],
      ['b.owl', 'Of a program'],
      ['locked.owl', 'unknown'],
      ['scan_1', 'Of a program'],
    ]);
    const { notes } = readXmlRecord(session?.record ?? '');
    expect(notes.join('\n')).toMatch(
      /locked\.owl: The reader owl failed: \S+ ended with exit code 2\. It wrote: no licence/,
    );
  });

  test('a changed adjustment makes a new version; the sidecar keeps what the reader gave', async () => {
    expect(await build()).toMatchObject({ version: 1 });
    const stageOf = (session: ReportedSession | undefined): string | undefined =>
      datasetsOf(session).find(({ name }) => name === 'a.kes')?.meta['Stage X'];
    lab.configure({
      extract: {
        adjustments: [
          { name: 'other', match: { instrument: 'quanta' }, value: 'Stage X', drop: true },
          { name: 'stage in tens', match: { instrument: 'titan' }, value: 'Stage X', scale: 10 },
        ],
      },
    });
    const adjusted = await build();
    expect(adjusted).toMatchObject({ version: 2 });
    expect(stageOf(adjusted)).toBe('20000');
    const sidecar: unknown = JSON.parse(lab.read(join(lab.output, 'titan/a.kes.json')));
    expect(sidecar).toMatchObject({
      adjusted: [
        {
          adjustment: 'stage in tens',
          signal: 1,
          value: 'Stage X',
          original: { value: 2000, unit: 'µm' },
        },
      ],
    });
    lab.configure({ extract: { adjustments: [] } });
    const plain = await build();
    expect(plain).toMatchObject({ version: 3 });
    expect(stageOf(plain)).toBe('2000');
  });
});

describe('Readers and adjustments of a facility in the commands', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await labWithReaders('sqlite');
  });
  afterAll(() => lab.remove());

  test('extract --instrument shows what the record holds', async () => {
    lab.configure({
      extract: {
        adjustments: [{ name: 'far', match: { instrument: 'titan' }, value: 'Stage X', scale: 3 }],
      },
    });
    const { stdout } = await lab.run([
      'extract',
      '--json',
      '--instrument',
      'titan',
      'data/titan/a.kes',
    ]);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        metadata: { 'Stage X': { value: 6000 } },
        adjusted: [{ adjustment: 'far', value: 'Stage X', original: { value: 2000, unit: 'µm' } }],
      },
    ]);
    const shown = await lab.run(['instruments', 'show', 'titan']);
    expect(shown.stdout).toMatch(/extract\.adjustments .*far \(Stage X: times 3\)/);
    const unknown = await lab.run(['extract', '--instrument', 'titn', 'data/titan/a.kes']);
    expect(unknown).toMatchObject({ code: 65 });
  });

  test('one that cannot be used ends a run at its start: 78; doctor says which', async () => {
    lab.configure({ extract: { readers: ['readers', 'gone.mjs'] } });
    const run = await lab.run(['--run-once']);
    expect(run.code).toBe(78);
    expect(run.stderr).toMatch(/extract\.readers\[1\]: The module \S+gone\.mjs cannot be loaded/);
    const doctor = await lab.run(['doctor']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/fail +readers of the facility +extract\.readers\[1\]/);
    lab.configure({
      extract: {
        readers: ['readers'],
        adjustments: [{ name: 'far', match: { instrument: 'titn' }, value: 'Stage X', scale: 3 }],
      },
    });
    const mended = await lab.run(['doctor']);
    expect(mended.stdout).toMatch(/ok +reader kestrel +module .*\.kes/);
    expect(mended.stdout).toMatch(
      /warn +adjustment far +there is no instrument titn \(did you mean titan\?\)/,
    );
  });
});

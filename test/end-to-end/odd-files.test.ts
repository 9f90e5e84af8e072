import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import { writeDm3, type Dm3Content } from '../../src/demo/write-dm3.js';
import { writeFeiTiff } from '../../src/demo/write-fei-tiff.js';
import { writeMsa } from '../../src/demo/write-msa.js';
import { describeEngines } from '../support/databases.js';
import { createLab, utc, type Lab, type RunOnceResult } from '../support/lab.js';
import {
  HangingStore,
  runOnceWithPermissions,
  testWith,
  whyNoFuse,
  whyNoPermissions,
} from '../support/mounts.js';
import { readXmlRecord, type XmlRecord } from '../support/read-record.js';
import { parseRunOnce } from '../support/run-once-document.js';
import { waitFor } from '../support/wait-for.js';

jest.setTimeout(180_000);

const START = '2026-03-02T09:00:00Z';
const MIDDLE = '2026-03-02T09:30:00Z';
const END = '2026-03-02T10:00:00Z';
const ACQUIRED = utc(MIDDLE);
/** What XML 1.0 cannot hold, and PostgreSQL neither. */
const CONTROLS = 'a\u0000b\u0001c\u001bd\uD800e\uFFFFf\u0085g\r\nh <&">]]>';

function dm3(changes: Partial<Dm3Content>): Buffer {
  return writeDm3({
    name: 'image',
    axes: [
      { length: 32, scale: 0.5, origin: 0, unit: 'nm' },
      { length: 32, scale: 0.5, origin: 0, unit: 'nm' },
    ],
    pixels: Float32Array.from({ length: 1024 }, (_, index) => index % 97),
    intensityUnit: '',
    acquired: ACQUIRED,
    tags: { 'Microscope Info': { Voltage: 200_000 } },
    ...changes,
  });
}

function tiff(pixels: Uint8Array | Uint16Array, sections = { EBeam: { HV: 5000 } }): Buffer {
  return writeFeiTiff({ width: 16, height: 16, pixels, acquired: ACQUIRED, sections });
}

/** Bytes of a linear congruential generator: the same each time. */
function noise(length: number): Buffer {
  let state = 20_260_302;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    }),
  );
}

function onlySession(result: RunOnceResult) {
  const [session, second] = result.sessions;
  if (session === undefined || second !== undefined) {
    throw new Error(`Not one session:\n${result.stdout}\n${result.stderr}`);
  }
  return session;
}

describeEngines('files with odd contents', (engine) => {
  let lab: Lab;
  let result: RunOnceResult;
  let record: XmlRecord;

  beforeAll(async () => {
    lab = await createLab({ engine });
    await lab.log('odd', { start: START, end: END });
    const picture = readFileSync(lab.image('titan/whole.tif', MIDDLE));
    const spectrum = readFileSync(lab.spectrum('titan/whole.msa', MIDDLE));
    const contents: Record<string, Buffer | string> = {
      'whole.dm3': dm3({}),
      'empty.dm3': '',
      'empty.tif': '',
      'empty.msa': '',
      'empty.png': '',
      'empty.txt': '',
      'cut.dm3': dm3({}).subarray(0, 700),
      'cut.tif': picture.subarray(0, 150),
      'cut.msa': spectrum.subarray(0, 300),
      'only-magic.png': Buffer.from('89504e470d0a1a0a', 'hex'),
      'not-a-picture.jpg': noise(5000),
      'binary.txt': noise(2_000_000),
      'long-line.txt': 'word '.repeat(300_000),
      'controls.txt': `${CONTROLS.replace('\u0000', '')}\n`,
      'constant.dm3': dm3({ pixels: new Float32Array(1024).fill(7) }),
      'all-nan.dm3': dm3({ pixels: new Float32Array(1024).fill(Number.NaN) }),
      'some-nan.dm3': dm3({
        pixels: Float32Array.from({ length: 1024 }, (_, index) =>
          index % 3 === 0 ? Number.NaN : index % 3 === 1 ? Number.POSITIVE_INFINITY : index,
        ),
      }),
      'infinite.dm3': dm3({ pixels: new Float32Array(1024).fill(Number.NEGATIVE_INFINITY) }),
      'constant.tif': tiff(new Uint8Array(256)),
      'controls.dm3': dm3({
        name: CONTROLS,
        tags: {
          'Session Info': { Operator: CONTROLS, Specimen: CONTROLS },
          'Microscope Info': { Voltage: Number.NaN, Name: CONTROLS, [CONTROLS]: CONTROLS },
        },
        axes: [
          { length: 32, scale: Number.NaN, origin: Number.POSITIVE_INFINITY, unit: CONTROLS },
          { length: 32, scale: 0.5, origin: 0, unit: 'nm' },
        ],
      }),
      'controls.msa': writeMsa({
        title: CONTROLS,
        owner: CONTROLS,
        acquired: ACQUIRED,
        signalType: CONTROLS,
        offset: 0,
        channelWidth: 10,
        xUnit: CONTROLS,
        yUnit: 'counts',
        values: [1, 2, 3],
        fields: { COMMENT: CONTROLS, BEAMKV: 'NaN' },
      }),
      'controls.tif': writeFeiTiff({
        width: 16,
        height: 16,
        pixels: new Uint8Array(256).fill(3),
        acquired: ACQUIRED,
        sections: {
          User: { User: CONTROLS },
          EBeam: { HV: 'Infinity' },
          [CONTROLS]: { a: CONTROLS },
        },
      }),
    };
    for (const [name, content] of Object.entries(contents)) {
      lab.write(`titan/${name}`, MIDDLE, content);
    }
    result = await lab.runOnce();
    record = readXmlRecord(onlySession(result).record ?? '');
  });
  afterAll(() => lab.remove());

  test('are all in the record, which is valid XML and JSON', async () => {
    const session = onlySession(result);
    expect(session).toMatchObject({ outcome: 'COMPLETED', files: 24 });
    const path = session.record ?? '';
    expect((await lab.run(['validate', path])).code).toBe(0);
    const json: unknown = JSON.parse(lab.read(path.replace(/\.xml$/, '.json')));
    expect(json).toHaveProperty('activities');
    expect(new Set(record.datasets.map(({ location }) => location)).size).toBe(24);
  });

  test('keep their place with file facts when they are empty or cut, and the notes say what is wrong', () => {
    const kindOf = (name: string): string =>
      record.datasets.find((dataset) => dataset.name === name)?.type ?? 'not there';
    expect(kindOf('whole.dm3')).toBe('Image');
    for (const name of [
      'empty.dm3',
      'empty.tif',
      'empty.msa',
      'empty.png',
      'cut.dm3',
      'binary.txt',
    ]) {
      expect([name, kindOf(name)]).toEqual([name, 'Unknown']);
    }
    const notes = record.notes.join('\n');
    for (const name of ['cut.dm3', 'cut.tif', 'only-magic.png'])
      expect(notes).toContain(`${name}: `);
  });

  test('of constant or not-a-number pixels have a preview, or none and no fault', () => {
    const previewOf = (name: string): string | null =>
      record.datasets.find((dataset) => dataset.name === name)?.preview ?? null;
    for (const name of ['constant.dm3', 'some-nan.dm3', 'constant.tif']) {
      const preview = previewOf(name);
      expect([name, preview]).toEqual([name, `/titan/${name}.thumb.png`]);
      const png = readFileSync(join(lab.output, preview ?? ''));
      expect(png.subarray(1, 4).toString()).toBe('PNG');
    }
    for (const name of ['all-nan.dm3', 'infinite.dm3']) {
      expect(record.datasets.find((dataset) => dataset.name === name)?.type).toBe('Image');
    }
  });

  test('lose only the characters that cannot be kept, which is said', async () => {
    const dataset = record.datasets.find(({ name }) => name === 'controls.dm3');
    expect(Object.values(dataset?.meta ?? {})).toContainEqual(
      expect.stringMatching(/^a.?b.c.d.e/su),
    );
    const xml = lab.read(onlySession(result).record ?? '');
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    expect(xml).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/u);
    const rows: unknown = await lab.database
      .knex('datasets')
      .where('name', 'controls.dm3')
      .select();
    expect(JSON.stringify(rows)).not.toContain('\\u0000');
    expect(record.notes.join('\n')).toMatch(/U\+FFFD|cannot hold|forbids/);
  });

  test('have metadata only where it is finite', () => {
    for (const dataset of record.datasets) {
      expect(
        Object.values(dataset.meta).filter((value) => /^(NaN|-?Infinity)$/.test(value)),
      ).toEqual([]);
    }
  });
});

describe('symbolic links', () => {
  let lab: Lab;
  let result: RunOnceResult;

  beforeAll(async () => {
    lab = await createLab({ engine: 'sqlite' });
    await lab.log('links', { start: START, end: END });
    const titan = join(lab.data, 'titan');
    lab.image('titan/real/one.tif', MIDDLE);
    lab.image('titan/zz-last/two.tif', MIDDLE);
    lab.image('elsewhere/in-store.tif', MIDDLE);
    mkdirSync(join(lab.folder, 'outside'));
    execFileSync('cp', ['-p', join(titan, 'real/one.tif'), join(lab.folder, 'outside/secret.tif')]);
    execFileSync('mkfifo', [join(titan, 'pipe.tif')]);
    const links: Record<string, string> = {
      'real/up': '..',
      'real/self': '.',
      'real/loop.tif': 'loop.tif',
      'real/ping.tif': 'pong.tif',
      'real/pong.tif': 'ping.tif',
      'again.tif': 'real/one.tif',
      'nowhere.tif': 'not/there.tif',
      outside: join(lab.folder, 'outside'),
      'secret.tif': join(lab.folder, 'outside/secret.tif'),
      elsewhere: '../elsewhere',
    };
    for (const [name, target] of Object.entries(links)) {
      symlinkSync(target, join(titan, name));
      lutimesSync(join(titan, name), new Date(MIDDLE), new Date(MIDDLE));
    }
    utimesSync(join(titan, 'pipe.tif'), new Date(MIDDLE), new Date(MIDDLE));
    result = await lab.runOnce();
  });
  afterAll(() => lab.remove());

  test('are followed inside the store, once a file; siblings are searched although links form circles', () => {
    expect(onlySession(result).outcome).toBe('COMPLETED');
    const record = readXmlRecord(onlySession(result).record ?? '');
    expect(record.datasets.map(({ location }) => location).sort()).toEqual([
      '/titan/elsewhere/in-store.tif',
      '/titan/real/one.tif',
      '/titan/zz-last/two.tif',
    ]);
  });

  test('that lead nowhere, in a circle or out of the store are told and never followed', () => {
    const { notes } = readXmlRecord(onlySession(result).record ?? '');
    const said = notes.join('\n');
    expect(said).toContain('/titan/nowhere.tif cannot be read: it does not exist');
    expect(said).toContain('/titan/real/loop.tif cannot be read: its symbolic links form a loop');
    expect(said).toMatch(/\/titan\/outside .*leads out of the allowed folders/);
    expect(said).toMatch(/\/titan\/secret\.tif .*leads out of the allowed folders/);
    expect(said).not.toContain(lab.folder);
  });
});

describe('files that cannot be read', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ engine: 'sqlite' });
    await lab.log('rights', { start: START, end: END });
  });
  afterEach(() => lab.remove());

  const noPermissions = whyNoPermissions();

  testWith(
    noPermissions,
    'are named in the record with the reason, the rest is built',
    async () => {
      lab.image('titan/readable.tif', MIDDLE);
      chmodSync(lab.image('titan/locked.tif', MIDDLE), 0);
      lab.image('titan/locked-folder/inside.tif', MIDDLE);
      chmodSync(join(lab.data, 'titan/locked-folder'), 0);
      const result = await runOnceWithPermissions(lab);
      expect(onlySession(result)).toMatchObject({ outcome: 'COMPLETED', files: 1 });
      const { datasets, notes } = readXmlRecord(onlySession(result).record ?? '');
      expect(datasets.map(({ name }) => name)).toEqual(['readable.tif']);
      expect(notes.join('\n')).toContain('/titan/locked.tif cannot be read: permission denied');
      expect(notes.join('\n')).toContain('/titan/locked-folder cannot be read: permission denied');
    },
  );

  testWith(
    noPermissions,
    'that a version has already defer the next one; after some tries it says that they cannot be read',
    async () => {
      lab.image('titan/readable.tif', MIDDLE);
      const shut = lab.image('titan/shut.tif', MIDDLE);
      const folder = join(lab.data, 'titan/folder');
      lab.image('titan/folder/inside.tif', MIDDLE);
      expect(onlySession(await runOnceWithPermissions(lab))).toMatchObject({ files: 3 });
      for (const place of [shut, folder]) {
        chmodSync(place, 0);
        await lab.run(['sessions', 'retry', 'rights']);
        expect(onlySession(await runOnceWithPermissions(lab))).toMatchObject({
          outcome: 'DEFERRED',
          reason: expect.stringMatching(/^FILE_UNREADABLE: .* is in the record.*permission denied/),
          version: 1,
        });
        expect(await lab.database.knex('sessions').select('tries')).toEqual([{ tries: 1 }]);
        chmodSync(place, 0o755);
      }
      chmodSync(shut, 0);
      chmodSync(folder, 0);
      await lab.database
        .knex('sessions')
        .update({ next_attempt_at: null, tries: 3, first_failed_at: '2026-03-01T00:00:00.000Z' });
      const last = onlySession(await runOnceWithPermissions(lab));
      expect(last).toMatchObject({ outcome: 'COMPLETED', version: 2, files: 3 });
      expect([...readXmlRecord(last.record ?? '').notes].sort()).toEqual([
        '/titan/folder cannot be read: permission denied.',
        '/titan/shut.tif cannot be read: permission denied.',
      ]);
      const missing = lab.database.knex('datasets').whereNotNull('missing_since');
      expect(await missing).toEqual([]);
      expect(lab.read(last.record ?? '')).not.toContain('missing');
      chmodSync(folder, 0o755);
    },
  );

  testWith(noPermissions, 'a root that may not be read defers the session', async () => {
    lab.image('titan/readable.tif', MIDDLE);
    chmodSync(join(lab.data, 'titan'), 0);
    const result = await runOnceWithPermissions(lab);
    expect(onlySession(result)).toMatchObject({
      outcome: 'DEFERRED',
      reason: `The folder ${join(lab.data, 'titan')} cannot be read: permission denied.`,
    });
  });

  testWith(whyNoFuse(), 'vanished between look and reading, are looked for again', async () => {
    rmSync(join(lab.data, 'titan'), { recursive: true });
    // Large enough to be read for seconds at this rate.
    const pixels = Uint8Array.from({ length: 150_000 }, (_, index) => index % 251);
    const slow = writeFeiTiff({
      width: 1000,
      height: 150,
      pixels,
      acquired: ACQUIRED,
      sections: { EBeam: { HV: 5000 } },
    });
    for (const count of [1, 2]) lab.write(`behind/0-slow-${count}.tif`, MIDDLE, slow);
    lab.image('behind/9-vanishes.tif', MIDDLE);
    const store = await HangingStore.mount(join(lab.data, 'behind'), join(lab.data, 'titan'), [
      '--read-rate=200k',
    ]);
    try {
      const running = lab.start(['--run-once', '--json']);
      await waitFor('a look came through', async () => {
        const rows = await lab.database.knex('file_verdicts').select('location').limit(1);
        return rows.length > 0;
      });
      rmSync(join(lab.data, 'behind/9-vanishes.tif'));
      const first = parseRunOnce((await running.ended).stdout);
      expect(first.sessions[0]).toMatchObject({
        outcome: 'DEFERRED',
        reason: expect.stringContaining('9-vanishes.tif cannot be read (ENOENT)'),
      });
      expect(lab.files(lab.output)).toEqual([]);
      const second = await lab.runOnce(['--session', 'rights']);
      expect(onlySession(second)).toMatchObject({ outcome: 'COMPLETED', files: 2 });
    } finally {
      await store.unmount();
    }
  });
});

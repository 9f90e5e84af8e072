import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { runCli, type CliResult } from '../cli/run-cli.js';
import { describeWithSamples } from '../support/samples.js';

const documentSchema = z.strictObject({
  sessions: z.array(
    z.strictObject({
      session_identifier: z.string(),
      session_key: z.string().regex(/^[a-z2-7]{16}$/),
      instrument: z.string(),
      start: z.iso.datetime().nullable(),
      end: z.iso.datetime().nullable(),
      user: z.string().nullable(),
      outcome: z.string(),
      reason: z.string().nullable(),
      files: z.int(),
      activities: z.int(),
      record: z.string().nullable(),
      version: z.int().nullable(),
      duration_ms: z.int().nullable(),
    }),
  ),
  counts: z.record(z.string(), z.int()),
});
type DemoDocument = z.infer<typeof documentSchema>;
type DemoSession = DemoDocument['sessions'][number];

const folder = mkdtempSync(join(tmpdir(), 'recordsmith-demo-test-'));
const NEMO = 'https://nemo.example.org/api/usage_events/?id=101';

function documentOf({ stdout }: CliResult): DemoDocument {
  return documentSchema.parse(JSON.parse(stdout));
}

function sessionOf({ sessions }: DemoDocument, identifier: string): DemoSession {
  const session = sessions.find((each) => each.session_identifier === identifier);
  if (session === undefined) throw new Error(`no session ${identifier}`);
  return session;
}

function textOf(path: string | null): string {
  if (path === null) throw new Error('no record');
  return readFileSync(path, 'utf8');
}

/** Every record, kept versions of each as well. */
function recordsIn(lab: string): string[] {
  return readdirSync(join(lab, 'records'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.xml'))
    .map((name) => join(lab, 'records', name));
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('demo', () => {
  const lab = join(folder, 'recordsmith-demo');
  const elsewhere = join(folder, 'production.sqlite');
  let first: CliResult;
  let built: DemoDocument;

  beforeAll(async () => {
    first = await runCli(folder, ['demo', '--no-samples', '--json'], {
      RECORDSMITH_DATABASE__FILE: elsewhere,
    });
    built = documentOf(first);
  }, 60_000);

  test('an ERROR among its sessions is no failure of the demo', () => {
    expect(first.code).toBe(0);
    expect(first.stderr).toBe('');
    expect(built.counts).toEqual({
      CANCELLED: 1,
      COMPLETED: 7,
      DEFERRED: 3,
      ERROR: 1,
      NO_FILES_FOUND: 1,
      SKIPPED: 1,
      TO_BE_BUILT: 1,
      WAITING_FOR_END: 2,
    });
  });

  test.each([
    ['three-activities', 'COMPLETED', null, 9, 3],
    ['truncated-file', 'COMPLETED', null, 3, 1],
    ['late-file', 'COMPLETED', null, 3, 1],
    ['unusual-names', 'COMPLETED', null, 2, 1],
    ['overlap-eve', 'COMPLETED', null, 2, 1],
    ['overlap-omar', 'COMPLETED', null, 2, 1],
    [NEMO, 'COMPLETED', null, 5, 2],
    ['no-files', 'NO_FILES_FOUND', /the file delay \(2 days\) is over/, 0, 0],
    ['service-visit', 'SKIPPED', /rule: service visits/, 0, 0],
    ['too-many-files', 'ERROR', /4 files, more than build\.limits\.session_files \(3\)/, 4, 0],
    ['cancelled', 'CANCELLED', /Cancelled by ben: started on the wrong instrument/, 0, 0],
    ['no-files-yet', 'DEFERRED', /no files yet/, 0, 0],
    ['still-arriving', 'DEFERRED', /^waiting: grains_\d{4}\.tif/, 1, 0],
    ['store-away', 'DEFERRED', /Cryo-TEM does not exist: is the store mounted\?/, 0, 0],
    ['still-open', 'WAITING_FOR_END', /no END yet/, 0, 0],
    ['end-before-start', 'TO_BE_BUILT', /END lies before the START/, 0, 0],
    ['without-start', 'WAITING_FOR_END', /an END and no START/, 0, 0],
  ] as const)('%s comes out as %s', (identifier, outcome, reason, files, activities) => {
    const session = sessionOf(built, identifier);
    expect(session).toMatchObject({ outcome, files, activities });
    if (reason === null) expect(session.reason).toBeNull();
    else expect(session.reason).toMatch(reason);
    expect(session.record === null).toBe(outcome !== 'COMPLETED');
  });

  test('a late file made a second version of the record', () => {
    const versions = built.sessions.map((session) => [session.session_identifier, session.version]);
    expect(versions.filter(([, version]) => version === 2)).toEqual([['late-file', 2]]);
    expect(textOf(sessionOf(built, 'late-file').record)).toContain('diffraction_1140.dm3');
  });

  test('a file that is cut off stays in the record, with a warning', () => {
    const record = textOf(sessionOf(built, 'truncated-file').record);
    expect(record).toContain('<name>particles_1424.dm3</name>');
    expect(record).toMatch(/<p>particles_1424\.dm3: .*is cut off/);
  });

  test('a file with two signals is two datasets', () => {
    const record = textOf(sessionOf(built, 'three-activities').record);
    expect(record).toContain('survey_with_spectrum_1031.dm3 (1 of 2)');
    expect(record).toContain('survey_with_spectrum_1031.dm3 (2 of 2)');
  });

  test('names that are not UTF-8, or hold what XML uses, are in the record', () => {
    const record = textOf(sessionOf(built, 'unusual-names').record);
    expect(record).toContain('/K%F6rner%201.tif</location>');
    expect(record).toContain('Körner 🔬 &amp; &lt;grains&gt; 100%.tif');
  });

  test('overlapping sessions each have the files of their own user', () => {
    const eve = textOf(sessionOf(built, 'overlap-eve').record);
    const omar = textOf(sessionOf(built, 'overlap-omar').record);
    expect(eve).toContain('/Quattro/eve/grains_1131.tif');
    expect(eve).not.toContain('/omar/');
    expect(omar).toContain('/Quattro/omar/grains_1130.tif');
    expect(omar).not.toContain('/eve/');
  });

  test('the record of a NEMO session is named by its usage event', () => {
    expect(sessionOf(built, NEMO).record).toMatch(/_Helios_101\.xml$/);
  });

  test('variables of the environment never lead to another database', () => {
    expect(existsSync(elsewhere)).toBe(false);
    expect(existsSync(join(lab, 'recordsmith.sqlite'))).toBe(true);
  });

  test('every version of every record follows the schema', async () => {
    const records = recordsIn(lab);
    // Seven public files, and eight versions of them.
    expect(records).toHaveLength(15);
    const { code, stderr } = await runCli(folder, ['validate', ...records]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('run again it builds what became due, and shows all of the lab in 120 columns', async () => {
    const { start, end } = sessionOf(built, 'store-away');
    const store = join(lab, 'data', 'Cryo-TEM');
    mkdirSync(store);
    copyFileSync(join(lab, 'data', 'Quattro', 'eve', 'grains_1030.tif'), join(store, 'found.tif'));
    const middle = (Date.parse(start ?? '') + Date.parse(end ?? '')) / 2000;
    utimesSync(join(store, 'found.tif'), middle, middle);

    const { code, stdout, stderr } = await runCli(folder, ['demo'], {
      RECORDSMITH_MODE: 'shadow',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('The lab in recordsmith-demo was there already');
    const [, table = ''] = stdout.split(/^(?=SESSION )/m);
    const rows = table.slice(0, table.indexOf('\n\n')).split('\n');
    expect(rows.filter((row) => row.length > 120)).toEqual([]);
    for (const { session_identifier: identifier, session_key: key } of built.sessions) {
      const name = identifier === NEMO ? key : identifier;
      expect(rows.filter((row) => row.startsWith(`${name} `))).toHaveLength(1);
    }
    const rowOf = (name: string): string => rows.find((row) => row.startsWith(`${name} `)) ?? '';
    expect(rowOf('store-away')).toMatch(/Cryo-TEM +COMPLETED +1 +1 +records\/.*_Cryo-TEM_.*\.xml$/);
    expect(rowOf('no-files')).toMatch(/Helios +NO_FILES_FOUND +0 +0 +no file was written/);
    expect(table).toMatch(/\(version 2\)/);
    expect(table).toMatch(/\(1 file with a warning\)/);
    expect(stdout).toContain('recordsmith sessions set end-before-start --start TIME --end TIME');
    expect(stdout).toContain(
      'recordsmith log start --session without-start --instrument Helios --at TIME',
    );
    expect(stdout).toMatch(
      /sessions explain overlap-eve --config recordsmith-demo\/recordsmith\.yaml/,
    );
    expect(stdout).toContain('RECORDSMITH_MODE of this shell would hold');
  });
});

describe('where the demo refuses', () => {
  test.each([
    ['somebody else’s files', 'notes.txt'],
    ['an unfinished lab', 'recordsmith.yaml'],
  ])('a folder with %s is left as it is', async (_what, name) => {
    const foreign = mkdtempSync(join(folder, 'foreign-'));
    writeFileSync(join(foreign, name), 'mine');
    const { code, stdout, stderr } = await runCli(folder, ['demo', '--dir', foreign]);
    expect({ code, stdout }).toEqual({ code: 65, stdout: '' });
    expect(stderr).toMatch(/is not empty and is no finished demo lab/);
    expect(stderr).toMatch(/--dir FOLDER/);
    expect(readdirSync(foreign)).toEqual([name]);
    expect(readFileSync(join(foreign, name), 'utf8')).toBe('mine');
  });

  test('a configuration means nothing to it', async () => {
    const { code, stderr } = await runCli(folder, ['demo', '--config', 'mine.yaml']);
    expect(code).toBe(64);
    expect(stderr).toMatch(/--dir names the folder of the lab/);
  });

  test('a folder without samples is said to be one', async () => {
    const dir = join(folder, 'no-samples-lab');
    const args = ['demo', '--dir', dir, '--samples', folder];
    const { code, stderr } = await runCli(folder, args);
    expect(code).toBe(65);
    expect(stderr).toMatch(/holds none of the sample files/);
    expect(existsSync(dir)).toBe(false);
  });
});

describeWithSamples('demo with files of real instruments', () => {
  const samples = fileURLToPath(new URL('../../.cache/samples/', import.meta.url));
  const lab = join(folder, 'a lab', 'with spaces');
  let printed: CliResult;

  beforeAll(async () => {
    mkdirSync(dirname(lab));
    printed = await runCli(folder, ['demo', '--dir', lab, '--samples', samples]);
  }, 60_000);

  test('it says which files are real, and comes out the same', () => {
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(printed.stdout).toMatch(/Made a lab in a lab\/with spaces: 5 instruments/);
    expect(printed.stdout).toMatch(/30 of the files are of real instruments \(.*samples/);
    expect(printed.stdout.match(/ COMPLETED /g)).toHaveLength(7);
    expect(printed.stdout).toContain("--config 'a lab/with spaces/recordsmith.yaml'");
  });

  test('the files are those of the instruments, byte for byte', () => {
    const [record = ''] = recordsIn(lab).filter((path) => path.endsWith('_Helios_101.xml'));
    const [, location = ''] =
      /<location>(.*grains_0920\.tif)<\/location>/.exec(textOf(record)) ?? [];
    const sample = 'tiff_files/tiff_FEI_Helios/FEI-Helios-Ebeam-8bits.tif';
    const copied = readFileSync(join(lab, 'data', location));
    expect(copied.equals(readFileSync(join(samples, sample)))).toBe(true);
  });

  test('every version of every record follows the schema', async () => {
    const { code, stderr } = await runCli(folder, ['validate', ...recordsIn(lab)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

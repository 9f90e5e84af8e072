import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeLocation } from '../../src/domain/location.js';
import { DirectoryIndex } from '../../src/files/directory-index.js';
import { findSessionFiles } from '../../src/files/find-session-files.js';
import {
  END_MS,
  FileStore,
  look,
  lookRequest,
  makeClaim,
  makeFolder,
  MIDDLE_MS,
  START_MS,
  verdictsOf,
} from '../support/file-store.js';

let store: FileStore;

beforeEach(() => {
  store = new FileStore();
  mkdirSync(join(store.path, 'titan'));
});
afterEach(() => store.remove());

const HOUR = 3_600_000;
const ns = (milliseconds: number): bigint => BigInt(milliseconds) * 1_000_000n;

function unsafeLook(
  changes: Parameters<typeof lookRequest>[1] = {},
): ReturnType<typeof findSessionFiles> {
  const { signal } = new AbortController();
  return findSessionFiles(lookRequest(store.path, changes), {
    signal,
    indexOf: () => new DirectoryIndex(),
    nowMs: Date.now(),
  });
}

describe('the window', () => {
  test('START < t <= END to the nanosecond, with the rule in words', async () => {
    const times = { a: ns(START_MS), b: ns(START_MS) + 1n, c: ns(END_MS), d: ns(END_MS) + 1n };
    for (const [name, time] of Object.entries(times)) {
      store.write(`titan/${name}.dm3`);
      store.touch(`titan/${name}.dm3`, time);
    }
    const result = await look(lookRequest(store.path));
    expect(result.verdicts.map(({ verdict, rule }) => [verdict, rule])).toEqual([
      ['before start', 'written exactly at START'],
      ['in', 'written between START and END'],
      ['in', 'written between START and END'],
      ['after end', 'written 00:00:00.000000001 after END'],
    ]);
    expect(result.files.map((file) => file.mtimeNs)).toEqual([times.b, times.c]);
  });

  test('files near the session get a verdict, files beyond 30 minutes are only counted', async () => {
    store.write('titan/early.dm3', START_MS - HOUR / 2 + 1000);
    store.write('titan/late.dm3', END_MS + HOUR / 2);
    store.write('titan/earlier.dm3', START_MS - HOUR / 2 - 1000);
    store.write('titan/later.dm3', END_MS + HOUR / 2 + 1000);
    const result = await look(lookRequest(store.path));
    expect(result.verdicts.map((one) => [one.location, one.rule])).toEqual([
      ['/titan/early.dm3', 'written 00:29:59 before START'],
      ['/titan/late.dm3', 'written 00:30:00 after END'],
    ]);
    expect(result.otherFileCount).toBe(2);
  });

  test('end_grace takes files after END, but never past the next START', async () => {
    store.write('titan/a.dm3', END_MS + 60_000);
    store.write('titan/b.dm3', END_MS + 120_000);
    const endGraceMs = 120_000;
    const all = await look(lookRequest(store.path, { endGraceMs }));
    expect(all.files.map((file) => file.name)).toEqual(['a.dm3', 'b.dm3']);
    const nextStartMs = END_MS + 60_000;
    const cut = await look(lookRequest(store.path, { endGraceMs, nextStartMs }));
    expect(verdictsOf(cut)).toEqual(['/titan/a.dm3: in', '/titan/b.dm3: after end']);
  });

  test('a next START before END does not cut the session itself', async () => {
    store.write('titan/a.dm3', END_MS);
    const request = lookRequest(store.path, { endGraceMs: 1000, nextStartMs: MIDDLE_MS });
    expect((await look(request)).files).toHaveLength(1);
  });

  test('a session whose END is its START has no files, grace or not', async () => {
    store.write('titan/a.dm3', START_MS);
    store.write('titan/b.dm3', START_MS + 1000);
    const request = lookRequest(store.path, { endMs: START_MS, endGraceMs: 60_000 });
    expect((await look(request)).files).toHaveLength(0);
  });

  test('the clock offset that was valid at the time is taken off', async () => {
    store.write('titan/fast.dm3', START_MS + HOUR + 60_000);
    store.write('titan/slow.dm3', START_MS - 60_000);
    const clockOffsets = [
      { validFromMs: 0, offsetMs: -120_000 },
      { validFromMs: MIDDLE_MS, offsetMs: 120_000 },
    ];
    const folders = [makeFolder('titan', { clockOffsets })];
    const result = await look(lookRequest(store.path, { folders }));
    expect(result.files.map((file) => [file.name, file.timeNs])).toEqual([
      ['slow.dm3', ns(START_MS + 60_000)],
      ['fast.dm3', ns(END_MS - 60_000)],
    ]);
  });

  test('files are sorted by time, then location', async () => {
    for (const name of ['b', 'a', 'c']) store.write(`titan/${name}.dm3`);
    store.write('titan/z.dm3', MIDDLE_MS - 1);
    const result = await look(lookRequest(store.path));
    expect(result.files.map((file) => file.name)).toEqual(['z.dm3', 'a.dm3', 'b.dm3', 'c.dm3']);
  });

  test('old folders are searched: their own time excludes nothing', async () => {
    store.write('titan/old/deep/a.dm3');
    const old = ns(START_MS - 365 * 24 * HOUR);
    for (const folder of ['titan/old/deep', 'titan/old', 'titan']) store.touch(folder, old);
    expect((await look(lookRequest(store.path))).files).toHaveLength(1);
  });

  test('time basis acquired: files written after START are to be read first, names are judged already', async () => {
    store.write('titan/late.dm3', END_MS + 24 * HOUR);
    store.write('titan/late.part', END_MS + 24 * HOUR);
    store.write('titan/early.dm3', START_MS - 1000);
    store.write('titan/much-later.dm3', END_MS + 8 * 24 * HOUR);
    const folders = [makeFolder('titan', { timeBasis: 'acquired' })];
    const result = await look(lookRequest(store.path, { folders }));
    expect(result.needsAcquiredTime.map((file) => file.name)).toEqual(['late.dm3']);
    expect(result.files).toEqual([]);
    expect(result.otherFileCount).toBe(3);
  });
});

describe('names', () => {
  test('ignore patterns, ignored folders and strategy; case does not matter', async () => {
    for (const name of ['a.dm3', 'b.DB', 'c.part', '~$d.docx', 'e.txt', 'F.DM3']) {
      store.write(`titan/${name}`);
    }
    for (const folder of ['.snapshot', '$recycle.bin', 'System Volume Information', '@eaDir']) {
      store.write(`titan/x/${folder}/a.dm3`);
    }
    const inclusive = await look(lookRequest(store.path));
    expect(inclusive.verdicts.map((one) => [one.location, one.rule])).toEqual([
      ['/titan/F.DM3', 'written between START and END'],
      ['/titan/a.dm3', 'written between START and END'],
      ['/titan/b.DB', 'ignored by pattern "*.db"'],
      ['/titan/c.part', 'ignored by pattern "*.part"'],
      ['/titan/e.txt', 'written between START and END'],
      ['/titan/~%24d.docx', 'ignored by pattern "~$*"'],
    ]);
    const exclusive = await look(lookRequest(store.path, { strategy: 'exclusive' }));
    expect(verdictsOf(exclusive)).toContain('/titan/e.txt: no format');
    expect(exclusive.files.map((file) => file.name)).toEqual(['F.DM3', 'a.dm3']);
  });

  test('a pattern never hides a file that a format claims; one with a slash is for the path', async () => {
    store.write('titan/a.mib');
    store.write('titan/raw/a.log');
    store.write('titan/a.log');
    const request = lookRequest(store.path, { ignorePatterns: ['*.mib', 'raw/**'] });
    expect(verdictsOf(await look(request))).toEqual([
      '/titan/a.log: in',
      '/titan/a.mib: in',
      '/titan/raw/a.log: ignored',
    ]);
  });

  test('companions of a main file in the same folder are no datasets', async () => {
    for (const name of ['x/Map.MIB', 'x/map.hdr', 'x/other.hdr', 'y/map.hdr', 's_1.ser', 's.emi']) {
      store.write(`titan/${name}`);
    }
    const companions = [
      { main: String.raw`(.+)\.mib`, companions: ['$1.hdr'] },
      { main: String.raw`(.+)_\d+\.ser`, companions: ['$1.emi'] },
    ];
    const result = await look(lookRequest(store.path, { companions }));
    expect(result.verdicts.map((one) => [one.location, one.verdict, one.rule])).toEqual([
      ['/titan/s.emi', 'companion', 'companion of s_1.ser'],
      ['/titan/s_1.ser', 'in', expect.anything()],
      ['/titan/x/Map.MIB', 'in', expect.anything()],
      ['/titan/x/map.hdr', 'companion', 'companion of Map.MIB'],
      ['/titan/x/other.hdr', 'in', expect.anything()],
      ['/titan/y/map.hdr', 'in', expect.anything()],
    ]);
  });

  test('patterns of a folder: only these count', async () => {
    store.write('titan/raw/a.dm3');
    store.write('titan/b.dm3');
    const folders = [makeFolder('titan', { patterns: ['RAW/**'] })];
    expect(verdictsOf(await look(lookRequest(store.path, { folders })))).toEqual([
      '/titan/b.dm3: ignored',
      '/titan/raw/a.dm3: in',
    ]);
  });

  test('any file name is kept byte for byte', async () => {
    const names = [
      Buffer.from([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72, 0x2e, 0x64, 0x6d, 0x33]),
      Buffer.from(`a & b < c > "d" 'e' 100% ?#*[x]{y}\\.dm3`),
      Buffer.from('line\nfeed\ttab\r.dm3'),
      Buffer.from('🔬 über \uFFFD.dm3'),
      Buffer.from('  .dm3 '),
      Buffer.from(`${'n'.repeat(251)}.dm3`),
      Buffer.from('-rf'),
    ];
    for (const name of names) store.write(Buffer.concat([Buffer.from('titan/'), name]));
    // A folder that is not UTF-8, with a folder and a file in it.
    const folder = Buffer.from([0x67, 0xff]);
    mkdirSync(Buffer.concat([Buffer.from(`${store.path}/titan/`), folder, Buffer.from('/sub')]), {
      recursive: true,
    });
    const inside = Buffer.concat([folder, Buffer.from('/sub/a.dm3')]);
    store.write(Buffer.concat([Buffer.from('titan/'), inside]));
    const result = await look(lookRequest(store.path));
    const sorted = (list: readonly Buffer[]): string[] =>
      list.map((one) => one.toString('hex')).sort();
    expect(sorted(result.files.map((file) => decodeLocation(file.location)))).toEqual(
      sorted([...names, inside].map((name) => Buffer.concat([Buffer.from('/titan/'), name]))),
    );
    expect(result.warnings).toEqual([]);
  });
});

describe('symbolic links', () => {
  const link = (target: string, name: string): void => symlinkSync(target, join(store.path, name));

  test('cycles are cut, siblings still searched, a file reached twice counts once at its real place', async () => {
    store.write('titan/a/file.dm3');
    store.write('titan/z/sibling.dm3');
    link('..', 'titan/a/up');
    link('.', 'titan/self');
    link('a', 'titan/0-link-to-a');
    link('a/file.dm3', 'titan/0-link.dm3');
    link('loop2', 'titan/loop1');
    link('loop1', 'titan/loop2');
    const result = await look(lookRequest(store.path));
    expect(result.files.map((file) => file.location)).toEqual([
      '/titan/a/file.dm3',
      '/titan/z/sibling.dm3',
    ]);
  });

  test('links inside paths.data are followed, also into other folders, once', async () => {
    store.write('archive/run/file.dm3');
    store.write('archive/single.dm3');
    link('../archive/run', 'titan/run');
    link('../archive/run', 'titan/run-again');
    link('../archive/single.dm3', 'titan/one.dm3');
    link('../archive/single.dm3', 'titan/two.dm3');
    const result = await look(lookRequest(store.path));
    expect(result.files.map((file) => file.location)).toEqual([
      '/titan/one.dm3',
      '/titan/run/file.dm3',
    ]);
  });

  test('a link out of the allowed folders is not followed and said; an allowed root makes it right', async () => {
    const outside = new FileStore();
    outside.write('secret.dm3');
    link(outside.path, 'titan/out');
    link(join(outside.path, 'secret.dm3'), 'titan/secret.dm3');
    const refused = await look(lookRequest(store.path));
    expect(refused.files).toEqual([]);
    expect(refused.warnings).toEqual([
      '/titan/out cannot be read: it is a symbolic link that leads out of the allowed folders.',
      '/titan/secret.dm3 cannot be read: it is a symbolic link that leads out of the allowed folders.',
    ]);
    const allowed = await look(lookRequest(store.path, { allowedRoots: [outside.path] }));
    expect(allowed.files.map((file) => file.location)).toEqual(['/titan/out/secret.dm3']);
    outside.remove();
  });

  test('a root that is a link to another store is searched', async () => {
    const other = new FileStore();
    other.write('a.dm3');
    link(other.path, 'themis');
    const folders = [makeFolder('themis')];
    const result = await look(lookRequest(store.path, { folders }));
    expect(result.files.map((file) => file.location)).toEqual(['/themis/a.dm3']);
    other.remove();
  });

  test('a folder of the instrument inside another keeps its own rules, each file counts once', async () => {
    store.write('titan/eds/a.dm3');
    store.write('titan/b.dm3');
    const folders = [makeFolder('titan'), makeFolder('titan/eds', { patterns: ['*.spc'] })];
    expect(verdictsOf(await look(lookRequest(store.path, { folders })))).toEqual([
      '/titan/b.dm3: in',
      '/titan/eds/a.dm3: ignored',
    ]);
  });
});

describe('what a person said', () => {
  test('included and excluded files win over every rule', async () => {
    store.write('titan/out.dm3');
    store.write('titan/old.db', START_MS - 100 * HOUR);
    store.write('elsewhere/far.dm3', START_MS - 100 * HOUR);
    const result = await look(
      lookRequest(store.path, {
        included: ['/titan/old.db', '/elsewhere/far.dm3', '/titan/gone.dm3', '/../../etc/passwd'],
        excluded: ['/titan/out.dm3'],
      }),
    );
    expect(verdictsOf(result)).toEqual([
      '/../../etc/passwd: unreadable',
      '/elsewhere/far.dm3: included',
      '/titan/gone.dm3: unreadable',
      '/titan/old.db: included',
      '/titan/out.dm3: excluded',
    ]);
    expect(result.files.map((file) => file.location)).toEqual([
      '/elsewhere/far.dm3',
      '/titan/old.db',
    ]);
    expect(result.warnings).toHaveLength(2);
  });

  test('annotated directories replace the folders and cannot lead out of paths.data', async () => {
    const outside = new FileStore();
    outside.write('secret.dm3');
    symlinkSync(outside.path, join(store.path, 'escape'));
    store.write('titan/a.dm3');
    store.write('given/b.dm3');
    const directories = ['given', 'escape', 'not-there'];
    const result = await look(lookRequest(store.path, { directories }));
    expect(result.files.map((file) => file.location)).toEqual(['/given/b.dm3']);
    expect(result.warnings).toEqual([
      'The directory escape given to this session is not searched: it is a symbolic link that leads out of paths.data.',
      'The directory not-there given to this session is not searched: it does not exist.',
    ]);
    await expect(unsafeLook({ directories: ['../other'] })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    outside.remove();
  });

  test('a file of an overlapping session is named as such, without a word on that session', async () => {
    store.write('titan/a.dm3');
    const neighbours = [
      makeClaim({ sessionIdentifier: 'https://nemo/usage_events/?id=77', startMs: MIDDLE_MS - 1 }),
    ];
    const result = await look(lookRequest(store.path, { neighbours }));
    expect(result.verdicts.map(({ verdict, rule }) => [verdict, rule])).toEqual([
      [
        'other session',
        'belongs to another session on the same folder: that session started later',
      ],
    ]);
  });
});

describe('a store in trouble', () => {
  test('a missing root, a root that is a file: store-unavailable', async () => {
    rmSync(join(store.path, 'titan'), { recursive: true });
    expect(await unsafeLook()).toEqual({
      kind: 'store-unavailable',
      reason: `The folder ${store.path}/titan does not exist: is the store mounted?`,
    });
    writeFileSync(join(store.path, 'titan'), '');
    expect(await unsafeLook()).toMatchObject({ kind: 'store-unavailable' });
  });

  test('an empty root is unavailable only where files were seen before', async () => {
    const never = await look(lookRequest(store.path));
    expect(never.nonemptyFolders).toEqual([]);
    const folders = [makeFolder('titan', { rootSeenNonemptyAtMs: Date.UTC(2026, 0, 1) })];
    expect(await unsafeLook({ folders })).toMatchObject({
      kind: 'store-unavailable',
      reason: expect.stringContaining('held files before (2026-01-01T00:00:00.000Z)'),
    });
    store.write('titan/a.dm3');
    expect((await look(lookRequest(store.path, { folders }))).nonemptyFolders).toEqual(['titan']);
  });

  test('a folder outside paths.data is refused', async () => {
    await expect(unsafeLook({ folders: [makeFolder('/etc')] })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });

  test('an aborted look stops', async () => {
    store.write('titan/a.dm3');
    const controller = new AbortController();
    controller.abort();
    const request = lookRequest(store.path);
    const options = {
      signal: controller.signal,
      indexOf: () => new DirectoryIndex(),
      nowMs: Date.now(),
    };
    await expect(findSessionFiles(request, options)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

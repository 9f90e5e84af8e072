import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { IndexShelf } from '../../src/files/index-shelf.js';
import { StorePool } from '../../src/files/store-pool.js';
import {
  FileStore,
  look,
  lookRequest,
  makeClaim,
  makeFolder,
  START_MS,
  verdictsOf,
} from '../support/file-store.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const OLD = START_MS - 100 * DAY;
const KEY = 'a root';

let store: FileStore;
let state: string;
let shelf: IndexShelf;
const realNow = Date.now;

beforeEach(() => {
  store = new FileStore();
  state = join(mkdtempSync(join(tmpdir(), 'index-')), 'folders');
  shelf = new IndexShelf();
});
afterEach(() => {
  Date.now = realNow;
  store.remove();
  rmSync(join(state, '..'), { recursive: true });
});

/** The clock of this machine: folders made now are long past for it. */
function setClock(nowMs: number): void {
  Date.now = () => nowMs;
}

/** A time so late that nothing made now is young any more. */
const LATER = realNow() + 20 * DAY;

/** A look with the index, which is kept as a store process keeps it. */
async function indexedLook(changes: Parameters<typeof lookRequest>[1] = {}) {
  const index = shelf.take(state, KEY);
  const result = await look(
    lookRequest(store.path, { effort: 'index', ...changes }),
    index,
    Date.now(),
  );
  shelf.keep(state, KEY, changes.effort === 'walk', Date.now());
  return result;
}

/** What a walk of everything finds. */
async function walked() {
  return look(lookRequest(store.path));
}

async function expectTruth(): Promise<string[]> {
  const result = await indexedLook();
  const truth = await walked();
  expect(result).toEqual({ ...truth, durationMs: expect.any(Number) });
  return verdictsOf(result);
}

describe('A look that knows the folders sees what a walk sees', () => {
  beforeEach(async () => {
    for (const name of ['a/1', 'a/2', 'b/3', 'c/d/4']) store.write(`titan/${name}.dm3`, OLD);
    setClock(LATER);
    await indexedLook();
  });

  test('of new, removed and renamed files and folders', async () => {
    expect(await expectTruth()).toEqual([]);
    store.write('titan/b/5.dm3');
    store.write('titan/new/6.dm3');
    renameSync(join(store.path, 'titan/c'), join(store.path, 'titan/e'));
    rmSync(join(store.path, 'titan/a/2.dm3'));
    expect(await expectTruth()).toEqual(['/titan/b/5.dm3: in', '/titan/new/6.dm3: in']);
    rmSync(join(store.path, 'titan/new'), { recursive: true });
    renameSync(join(store.path, 'titan/b/5.dm3'), join(store.path, 'titan/b/7.dm3'));
    expect(await expectTruth()).toEqual(['/titan/b/7.dm3: in']);
  });

  test('of a folder that another one of the same name and times took the place of', async () => {
    const times = [OLD / 1000, OLD / 1000] as const;
    utimesSync(join(store.path, 'titan/a'), ...times);
    await indexedLook();
    rmSync(join(store.path, 'titan/a'), { recursive: true });
    store.write('titan/a/9.dm3');
    utimesSync(join(store.path, 'titan/a'), ...times);
    expect(await expectTruth()).toEqual(['/titan/a/9.dm3: in']);
  });

  test('of young files that were written again where they lie', async () => {
    const youngMs = LATER - 2 * DAY;
    store.write('titan/b/young.dm3', youngMs);
    expect(await expectTruth()).toEqual([]);
    store.write('titan/b/young.dm3');
    expect(await expectTruth()).toEqual(['/titan/b/young.dm3: in']);
    store.write('titan/b/young.dm3', youngMs);
    expect(await expectTruth()).toEqual([]);
    expect((await indexedLook()).otherFileCount).toBe(5);
  });

  test('through links to folders, also when they lead elsewhere by now', async () => {
    for (const name of ['x', 'y']) store.write(`elsewhere/${name}/${name}.dm3`, OLD);
    store.write('elsewhere/y/in.dm3');
    const link = join(store.path, 'titan/link');
    symlinkSync('../elsewhere/x', link);
    expect(await expectTruth()).toEqual([]);
    unlinkSync(link);
    symlinkSync('../elsewhere/y', link);
    expect(await expectTruth()).toEqual(['/titan/link/in.dm3: in']);
    store.write('elsewhere/y/more.dm3');
    expect(await expectTruth()).toHaveLength(2);
    unlinkSync(link);
    expect(await expectTruth()).toEqual([]);
  });

  test('of names that are no text', async () => {
    const name = Buffer.from('titan/gr\u00f6.dm3', 'latin1');
    store.write(name);
    mkdirSync(Buffer.concat([Buffer.from(`${store.path}/titan/`), Buffer.from([0xf6])]));
    expect(await expectTruth()).toEqual(['/titan/gr%F6.dm3: in']);
    store.write(Buffer.concat([Buffer.from('titan/'), Buffer.from([0xf6]), Buffer.from('/a.dm3')]));
    expect(await expectTruth()).toEqual(['/titan/%F6/a.dm3: in', '/titan/gr%F6.dm3: in']);
  });

  test('when the clock is set back', async () => {
    store.write('titan/a/1.dm3');
    setClock(LATER - HOUR);
    expect(await expectTruth()).toEqual(['/titan/a/1.dm3: in']);
  });

  test('for another session, whose files it met before', async () => {
    const session = { startMs: OLD - HOUR, endMs: OLD + HOUR };
    const { files } = await indexedLook({ ...session, claim: makeClaim(session) });
    expect(files).toHaveLength(4);
  });
});

test('an old file that is written again where it lies is seen by the walk of the week, or by one that is asked for', async () => {
  store.write('titan/a.dm3', OLD);
  setClock(LATER);
  await indexedLook();
  store.write('titan/a.dm3');
  // This is what makes a look cheap: the folder does not show it.
  expect((await indexedLook()).files).toHaveLength(0);
  setClock(LATER + 7 * DAY);
  expect((await indexedLook()).files).toHaveLength(1);
  store.write('titan/a.dm3', OLD);
  await indexedLook({ effort: 'walk' });
  store.write('titan/a.dm3');
  expect((await indexedLook({ effort: 'walk' })).files).toHaveLength(1);
});

describe('The file of an index', () => {
  const fileOf = (): string => join(state, readdirSync(state)[0] ?? '');
  /** Whether a look of another process uses it: then it does not see an old file that was written again. */
  const isUsed = async (): Promise<boolean> => {
    shelf = new IndexShelf();
    store.write('titan/a.dm3');
    const { files } = await indexedLook();
    store.write('titan/a.dm3', OLD);
    return files.length === 0;
  };

  /** The text with the digest that it ought to have. */
  const resealed = (text: string): Buffer => {
    const body = text.slice(text.indexOf('\n') + 1);
    return Buffer.from(`${createHash('sha256').update(body).digest('hex')}\n${body}`);
  };

  beforeEach(async () => {
    store.write('titan/a.dm3', OLD);
    setClock(LATER);
    await indexedLook();
  });

  test('is used by other processes and after a start', async () => {
    expect(await isUsed()).toBe(true);
  });

  test('is made anew when it is damaged, cut off, empty, of another version or of another root', async () => {
    const whole = readFileSync(fileOf());
    const text = whole.toString('utf8');
    for (const content of [
      whole.subarray(0, whole.length - 10),
      Buffer.alloc(0),
      // What can still be read, but is not what was written.
      Buffer.concat([whole, Buffer.from(' ')]),
      Buffer.from('no index\n'),
      resealed(text.replace('"version":1', '"version":2')),
      resealed(text.replace(KEY, 'another root')),
      resealed(text.replace('"folders":[', '"folders":[7,')),
      Buffer.concat([whole.subarray(0, 200), Buffer.alloc(50), whole.subarray(250)]),
    ]) {
      writeFileSync(fileOf(), content);
      expect(await isUsed()).toBe(false);
      expect(readFileSync(fileOf()).equals(content)).toBe(false);
      await indexedLook({ effort: 'walk' });
      expect(await isUsed()).toBe(true);
    }
    rmSync(fileOf());
    expect(await isUsed()).toBe(false);
  });

  test('is put in place in one step, and what others left behind is removed', async () => {
    const kept = fileOf();
    const left = `${kept}.0f8f9b3c.tmp`;
    writeFileSync(left, 'half');
    utimesSync(left, (LATER - 2 * HOUR) / 1000, (LATER - 2 * HOUR) / 1000);
    const unused = join(state, `${'0'.repeat(32)}.json`);
    writeFileSync(unused, '{}');
    utimesSync(unused, (LATER - 31 * DAY) / 1000, (LATER - 31 * DAY) / 1000);
    writeFileSync(join(state, 'notes.txt'), 'of a person');
    utimesSync(join(state, 'notes.txt'), 1, 1);
    const before = readFileSync(kept, 'utf8');
    store.write('titan/new/c.dm3', OLD);
    setClock(LATER + HOUR);
    await indexedLook();
    expect(readdirSync(state)).toHaveLength(2);
    expect(existsSync(join(state, 'notes.txt'))).toBe(true);
    expect(readFileSync(kept, 'utf8')).not.toBe(before);
  });

  test('that cannot be kept costs no look, and is told once', async () => {
    const faults: string[] = [];
    const blocked = join(store.path, 'titan/a.dm3', 'folders');
    Date.now = realNow;
    const pool = new StorePool({
      indexFolder: blocked,
      onIndexFault: (message) => faults.push(message),
    });
    try {
      for (const user of [1, 2]) {
        const folders = [makeFolder('titan', { patterns: [`${user}*`, '*'] })];
        const result = await pool.look(
          'titan',
          lookRequest(store.path, { folders, effort: 'walk' }),
        );
        expect(result.kind).toBe('looked');
      }
    } finally {
      await pool.stop();
    }
    expect(faults).toEqual([`The index of folders cannot be kept in ${blocked}.`]);
  });

  test('is shared by the looks of a store, which come one after the other', async () => {
    Date.now = realNow;
    const folder = join(state, '../pool');
    const pool = new StorePool({ indexFolder: folder });
    try {
      const request = lookRequest(store.path, { effort: 'index' });
      const results = await Promise.all([1, 2, 3].map(() => pool.look('titan', request)));
      expect(results.map(({ kind }) => kind)).toEqual(['looked', 'looked', 'looked']);
    } finally {
      await pool.stop();
    }
    expect(readdirSync(folder)).toHaveLength(1);
  });
});

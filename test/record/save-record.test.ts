import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeRecord } from '../../src/record/describe-record.js';
import { fingerprintOf } from '../../src/record/fingerprint.js';
import {
  publishRecord,
  removeRecordFiles,
  removeUnfinished,
} from '../../src/record/publish-record.js';
import { publicPaths } from '../../src/record/record-names.js';
import { buildRecord } from '../../src/record/record-model.js';
import { saveRecord } from '../../src/record/save-record.js';
import { loadXmlValidator } from '../../src/record/validate-xml.js';
import { writeUnfinished } from '../../src/record/write-file-durably.js';
import { activity, dataset, nameInput, recordInput } from './sample-record.js';

const validator = await loadXmlValidator();
let recordsFolder = '';

beforeEach(async () => {
  recordsFolder = await mkdtemp(join(tmpdir(), 'recordsmith-save-'));
});
afterEach(async () => {
  await rm(recordsFolder, { recursive: true });
});

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function described(input: ReturnType<typeof recordInput>) {
  return describeRecord(buildRecord(input));
}

async function save(title = 'A title') {
  const base = recordInput();
  if (base.details === null) throw new Error('The sample has details.');
  const record = buildRecord({ ...base, details: { ...base.details, title } });
  const document = describeRecord(record);
  const fingerprint = fingerprintOf(document);
  const saved = await saveRecord({
    recordsFolder,
    document,
    fingerprint,
    names: nameInput,
    validator,
  });
  if (saved.kind !== 'saved') throw new Error('The sample is valid.');
  return saved;
}

describe('saving a version', () => {
  test('leaves an immutable XML and JSON file of the given content and nothing else', async () => {
    const saved = await save();
    expect(await filesIn(recordsFolder)).toStrictEqual([saved.paths.json, saved.paths.xml]);
    expect(saved.paths.xml).toMatch(
      /^versions\/2023\/2023-09-14_FEI-Titan-TEM_42_[0-9a-f]{8}\.[0-9a-f]{16}\.xml$/,
    );
    const bytes = await readFile(saved.xml.path);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(saved.xml.sha256);
    expect(bytes).toHaveLength(saved.xml.sizeBytes);
    expect((await stat(saved.xml.path)).mode & 0o222).toBe(0);
  });

  test('twice gives the same files; another content another version', async () => {
    const first = await save();
    const again = await save();
    expect(again).toStrictEqual(first);
    const other = await save('Another');
    expect(other.paths.xml).not.toBe(first.paths.xml);
    expect(await filesIn(recordsFolder)).toHaveLength(4);
  });

  test('keeps an invalid record aside, with the faults, and makes no version', async () => {
    const record = buildRecord(recordInput());
    const saved = await saveRecord({
      recordsFolder,
      document: describeRecord({ ...record, activities: [activity({ seqno: 0.5 })] }),
      fingerprint: 'f'.repeat(64),
      names: nameInput,
      validator,
    });
    expect(saved).toMatchObject({ kind: 'invalid', faults: [{ line: 24 }] });
    const files = await filesIn(recordsFolder);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatch(/^invalid\/.*\.xml$/);
  });

  test('that fails in the middle leaves no file', async () => {
    const record = buildRecord(recordInput());
    await expect(
      saveRecord({
        recordsFolder,
        document: {
          ...describeRecord({ ...record, activities: [activity({ datasets: [dataset()] })] }),
          get notes(): never {
            throw new Error('disk of the model');
          },
        },
        fingerprint: 'f'.repeat(64),
        names: nameInput,
        validator,
      }),
    ).rejects.toMatchObject({ message: 'disk of the model' });
    await expect(
      writeUnfinished(
        join(recordsFolder, 'a'),
        (function* () {
          yield 'half';
          throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        })(),
      ),
    ).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      remedy: expect.stringContaining('space'),
    });
    expect(await filesIn(recordsFolder)).toStrictEqual([]);
  });

  test('where a file is in the way of a folder says so', async () => {
    await writeFile(join(recordsFolder, 'versions'), '');
    await expect(save()).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      details: { path: expect.stringContaining('versions/2023/') },
    });
  });

  test('the fingerprint is of all that the record says', () => {
    const base = fingerprintOf(described(recordInput()));
    expect(fingerprintOf(described(recordInput()))).toBe(base);
    const changed = recordInput({
      activities: [activity({ datasets: [dataset({ sizeBytes: 2 })] })],
    });
    expect(fingerprintOf(described(changed))).not.toBe(base);
    expect(fingerprintOf(described(recordInput({ verdictCounts: { in: 2 } })))).not.toBe(base);
  });
});

describe('publishing', () => {
  const target = publicPaths(nameInput);

  test('makes the public files of the version, once', async () => {
    const { paths, xml } = await save();
    const publication = { version: paths, target, former: [] };
    expect(await publishRecord(recordsFolder, publication)).toBe(true);
    expect(await readFile(join(recordsFolder, target.xml))).toStrictEqual(await readFile(xml.path));
    expect(await publishRecord(recordsFolder, publication)).toBe(false);
  });

  test('under a new name leaves nothing under the old one', async () => {
    const { paths } = await save();
    const moved = publicPaths({ ...nameInput, startMs: Date.UTC(2024, 0, 5) });
    await publishRecord(recordsFolder, { version: paths, target, former: [] });
    await publishRecord(recordsFolder, { version: paths, target: moved, former: [target, moved] });
    expect(await filesIn(recordsFolder)).toStrictEqual(
      [moved.json, moved.xml, paths.json, paths.xml].sort(),
    );
    expect(await readdir(recordsFolder)).toStrictEqual(['2024', 'versions']);
  });

  test('is undone by removing the files; missing ones are no error', async () => {
    const { paths } = await save();
    await publishRecord(recordsFolder, { version: paths, target, former: [] });
    const all = [paths.xml, paths.json, target.xml, target.json, 'gone/nothing.xml'];
    await removeRecordFiles(recordsFolder, all);
    expect(await filesIn(recordsFolder)).toStrictEqual([]);
  });

  test('clean-up removes unfinished files that are old, and nothing else', async () => {
    const { paths } = await save();
    await mkdir(join(recordsFolder, '2023'));
    const names = ['2023/.unfinished-old', '2023/.unfinished-new', 'kept.xml'];
    for (const name of names) await writeFile(join(recordsFolder, name), '');
    await utimes(join(recordsFolder, '2023/.unfinished-old'), 1000, 1000);
    await utimes(join(recordsFolder, 'kept.xml'), 1000, 1000);
    expect(await removeUnfinished(recordsFolder, 2_000_000)).toBe(1);
    expect(await filesIn(recordsFolder)).toStrictEqual(
      ['2023/.unfinished-new', 'kept.xml', paths.json, paths.xml].sort(),
    );
    expect(await removeUnfinished(join(recordsFolder, 'none'), 2_000_000)).toBe(0);
  });

  test('published again is mended where it was damaged', async () => {
    const { paths, xml } = await save();
    const publication = { version: paths, target, former: [] };
    await publishRecord(recordsFolder, publication);
    await writeFile(join(recordsFolder, target.xml), 'damaged');
    expect(await publishRecord(recordsFolder, publication)).toBe(true);
    expect(await readFile(join(recordsFolder, target.xml))).toStrictEqual(await readFile(xml.path));
    expect(await publishRecord(recordsFolder, publication)).toBe(false);
  });

  test('is not published from a lost version, nor to a place outside of the records folder', async () => {
    const { paths } = await save();
    const lost = { xml: 'versions/x.xml', json: 'versions/x.json' };
    await expect(
      publishRecord(recordsFolder, { version: lost, target, former: [] }),
    ).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    const outside = { xml: '../x.xml', json: '../x.json' };
    await expect(
      publishRecord(recordsFolder, { version: paths, target: outside, former: [] }),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DateTime } from 'luxon';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFeiTiff } from '../../src/demo/write-fei-tiff.js';
import { encodeLocation } from '../../src/domain/location.js';
import { extractFile, type ExtractFileJob } from '../../src/extract/extract-file.js';
import { CLAIMED_EXTENSIONS } from '../../src/extract/registry.js';

const GIB = 1024 ** 3;
const LIMIT_BYTES = 32 * 1024 * 1024;
/** Code that is loaded for a format and what else this process reads. */
const SLACK_BYTES = 16 * 1024 * 1024;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'large-files-'));
  mkdirSync(join(folder, 'data'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A file of 20 GB that begins with these bytes and takes no room on the disk. */
function sparse(name: string, head: Buffer): ExtractFileJob {
  const path = join(folder, 'data', name);
  writeFileSync(path, head);
  truncateSync(path, 20 * GIB);
  const stats = statSync(path, { bigint: true });
  return {
    location: encodeLocation(`/${name}`),
    path: Buffer.from(path),
    sizeBytes: Number(stats.size),
    blocks: Number(stats.blocks),
    mtimeNs: stats.mtimeNs,
    timezone: 'UTC',
    previews: true,
    dicomIdentity: false,
    limitBytes: LIMIT_BYTES,
    outputPath: join(folder, 'output'),
    stagingPath: join(folder, 'staging'),
  };
}

/** Bytes that this process has read so far; null: the system does not tell. */
function bytesRead(): number | null {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return null;
  }
}

describe('A file of 20 GB', () => {
  test('is read for its metadata and preview', async () => {
    const acquired = DateTime.fromMillis(0, { zone: 'utc' });
    if (!acquired.isValid) throw new Error('No time.');
    const picture = writeFeiTiff({
      width: 64,
      height: 64,
      pixels: new Uint8Array(64 * 64).fill(7),
      acquired,
      sections: { Beam: { Beam: 'EBeam' }, EBeam: { HV: 5000 } },
    });
    const result = await extractFile(sparse('scan.tif', picture));
    expect(result).toMatchObject({
      kind: 'read',
      metadata: {
        format: expect.stringMatching(/^TIFF/),
        signals: [{ shape: [64, 64], previewName: 'scan.tif.thumb.png' }],
      },
    });
  });

  test.each(CLAIMED_EXTENSIONS)('named %s is never read beyond the limit', async (extension) => {
    for (const [index, head] of [Buffer.alloc(4096, 1), Buffer.from('II*\0\b\0\0\0')].entries()) {
      const job = sparse(`hole-${index}${extension}`, head);
      const before = bytesRead();
      const result = await extractFile(job);
      const after = bytesRead();
      expect(result.kind).toBe('read');
      if (before !== null && after !== null) {
        expect(after - before).toBeLessThan(LIMIT_BYTES + SLACK_BYTES);
      }
    }
  });

  test('that has no blocks is not opened', async () => {
    const job = sparse('archived.tif', Buffer.alloc(0));
    expect(job.blocks).toBe(0);
    const before = bytesRead();
    const result = await extractFile({ ...job, path: Buffer.from('/nowhere/archived.tif') });
    expect(result).toMatchObject({
      kind: 'read',
      staged: [],
      metadata: { warnings: [expect.stringContaining('tape')] },
    });
    expect((bytesRead() ?? 0) - (before ?? 0)).toBeLessThan(SLACK_BYTES);
  });
});

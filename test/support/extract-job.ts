import { statSync } from 'node:fs';
import { join } from 'node:path';
import { encodeLocation } from '../../src/domain/location.js';
import type { ExtractFileJob } from '../../src/extract/extract-file.js';

/**
 * The job of reading a file.
 * @param path of the file; below `data`, which has no slash at its end
 * @param folder for its outputs: `output` and `staging` in it
 */
export function extractJob(
  path: Buffer,
  data: string,
  folder: string,
  changes: Partial<ExtractFileJob> = {},
): ExtractFileJob {
  const stats = statSync(path, { bigint: true });
  return {
    location: encodeLocation(path.subarray(Buffer.byteLength(data))),
    path,
    sizeBytes: Number(stats.size),
    blocks: Number(stats.blocks),
    mtimeNs: stats.mtimeNs,
    timezone: 'Europe/Berlin',
    previews: true,
    dicomIdentity: false,
    limitBytes: 1024 * 1024,
    outputPath: join(folder, 'output'),
    stagingPath: join(folder, 'staging'),
    ...changes,
  };
}

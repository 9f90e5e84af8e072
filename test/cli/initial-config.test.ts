import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { parse } from 'yaml';
import { writeInitialConfig } from '../../src/cli/write-initial-config.js';
import { sourcesSchema } from '../../src/config/sources-schema.js';

const NOW = '2031-04-05T06:07:08Z';

test('the example of a NEMO takes in nothing that began before the file was written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-init-'));
  try {
    const clock = { now: () => DateTime.fromISO(NOW, { zone: 'utc' }) as DateTime<true> };
    const { file } = await writeInitialConfig(folder, undefined, clock);
    const lines = readFileSync(file, 'utf8').split('\n');
    const start = lines.findIndex((line) => /^# {3}- name: nemo$/.test(line));
    const end = lines.findIndex((line) => line.startsWith('#sources:'));
    const entries: unknown = parse(
      lines
        .slice(start, end)
        .map((line) => line.slice(1))
        .join('\n'),
    );
    expect(sourcesSchema.parse(entries)).toMatchObject([
      { name: 'nemo', since: NOW },
      { name: 'instrument-pcs' },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encodeLocation } from '../../src/domain/location.js';
import { fuzzSamples, type FuzzSamples } from '../support/fuzz-samples.js';
import { writeDamaged } from '../support/fuzz-run.js';
import { createLab, type Lab } from '../support/lab.js';
import { readXmlRecord } from '../support/read-record.js';
import { DICOM_SAMPLES, samples as real } from '../support/samples.js';

const SOAK = process.env['SOAK'] === '1';
const SEED = Number(process.env['SEED'] ?? '20261121');
const SESSIONS = Number(process.env['SESSIONS'] ?? (SOAK ? '50' : '1'));
const FILES = SOAK ? 200 : 40;
/** In the session, seconds since the epoch. */
const WRITTEN_S = Date.parse('2026-03-02T09:30:00Z') / 1000;

let samples: FuzzSamples;
const labs: Lab[] = [];

beforeAll(async () => {
  samples = await fuzzSamples(real.available && existsSync(join(DICOM_SAMPLES, '.complete')));
}, 60_000);

afterAll(async () => {
  for (const lab of labs) await lab.remove();
});

/** Files that are read with another one are in the record with it. */
async function companionsOf(lab: Lab): Promise<ReadonlySet<string>> {
  const rows = await lab.database
    .knex<{ location: string; verdict: string }>('file_verdicts')
    .where('verdict', 'companion')
    .select('location');
  return new Set(rows.map(({ location }) => location));
}

test(
  `the record of a session with ${FILES} damaged files is written, valid, and has each of them (SEED=${SEED})`,
  async () => {
    for (let session = 0; session < SESSIONS; session += 1) {
      const lab = await createLab({
        engine: 'sqlite',
        settings: { build: { strategy: 'inclusive' } },
      });
      labs.push(lab);
      const first = SEED + session * FILES;
      const damaged = Array.from({ length: FILES }, (_, index) =>
        writeDamaged(samples, first + index, join(lab.data, 'titan')),
      );
      for (const file of lab.files(lab.data))
        utimesSync(join(lab.data, file), WRITTEN_S, WRITTEN_S);
      await lab.log('damaged', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
      const result = await lab.runOnce();
      expect(result.sessions).toMatchObject([{ outcome: 'COMPLETED' }]);
      const record = result.sessions[0]?.record ?? '';
      const { code, stdout, stderr } = await lab.run(['validate', record]);
      expect([first, code, code === 0 ? '' : stdout + stderr]).toEqual([first, 0, '']);
      const inRecord = new Set(readXmlRecord(record).datasets.map(({ location }) => location));
      const companions = await companionsOf(lab);
      const missing = damaged.filter(({ relative }) => {
        const location = `/titan/${encodeLocation(relative)}`;
        return !inRecord.has(location) && !companions.has(location);
      });
      expect(missing.map(({ seed, sample }) => `${seed} ${sample.name}`)).toEqual([]);
      expect(result.stderr).not.toMatch(/INTERNAL|TypeError|RangeError/);
      await lab.remove();
      labs.pop();
    }
  },
  SOAK ? 6 * 3_600_000 : 60_000,
);

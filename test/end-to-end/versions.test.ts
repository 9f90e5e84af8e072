import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { addNote } from '../../src/db/annotation-store.js';
import { excludeFile } from '../../src/db/session-files-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { setOverrides } from '../../src/db/set-overrides.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type ReportedSession } from '../support/lab.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const ID = 'https://nemo.example/api/usage_events/?id=7';
const PERSON = { who: 'grace', why: 'the log is wrong', nowMs: Date.UTC(2026, 5, 1) };

describeEngines('A record that is built again', (engine) => {
  let lab: Lab;
  const build = async (): Promise<ReportedSession | undefined> =>
    (await lab.runOnce(['--session', ID])).sessions[0];
  const record = (path: string | null | undefined): string => lab.read(path ?? '');

  beforeAll(async () => {
    lab = await createLab({ engine, settings: { build: { previews: false } } });
    for (const minute of [10, 20, 30]) {
      lab.spectrum(`titan/scan-${minute}.msa`, `2026-03-02T09:${minute}:00Z`);
    }
    await lab.log(ID, { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
  });
  afterAll(() => lab.remove());

  test('has versions whose files never change, and one public name', async () => {
    const first = await build();
    expect(first).toMatchObject({ version: 1, files: 3 });
    const old = record(first?.record);

    await lab.database.createScope(() =>
      excludeFile(ID, '/titan/scan-30.msa', { author: 'grace' }),
    );
    const second = await build();
    expect(second).toMatchObject({ version: 2, files: 2, record: first?.record });
    expect(record(second?.record)).not.toBe(old);

    const versions = await lab.database
      .knex('records')
      .orderBy('version')
      .select<{ path: string; sha256: string; superseded_at: string | null }[]>(
        ...['path', 'sha256', 'superseded_at'],
      );
    expect(versions).toHaveLength(2);
    for (const { path, sha256 } of versions) {
      const bytes = readFileSync(join(lab.records, path));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    expect(versions.map((version) => version.superseded_at === null)).toEqual([false, true]);
    expect(lab.read(join(lab.records, versions[0]?.path ?? ''))).toBe(old);
  });

  test('without any change stays as it is, without a new version', async () => {
    const before = lab.files(lab.records);
    await lab.database.createScope(() => retrySessions({ identifiers: [ID] }));
    expect(await build()).toMatchObject({ outcome: 'COMPLETED', version: 2 });
    expect(lab.files(lab.records)).toEqual(before);
  });

  test('keeps what a person corrected, whatever the source says later', async () => {
    await lab.database.createScope(() =>
      setOverrides(ID, { end: '2026-03-02T09:15:00Z', user: 'grace' }, PERSON),
    );
    // What a version had is kept in the next one; only a fresh start drops what lies outside by now.
    expect(await build()).toMatchObject({ version: 3, files: 2, user: 'grace' });
    await lab.log(ID, { start: '2026-03-02T09:00:00Z', end: '2026-03-02T11:00:00Z', user: 'bob' });
    await lab.database.createScope(() => retrySessions({ identifiers: [ID] }, { fresh: true }));
    expect(await build()).toMatchObject({
      version: 4,
      files: 1,
      user: 'grace',
      end: '2026-03-02T09:15:00.000Z',
    });
  });

  test('is served on when a rebuild finds nothing', async () => {
    const before = await lab.database
      .knex('records')
      .whereNull('superseded_at')
      .first<{ version: number; public_path: string }>('version', 'public_path');
    rmSync(join(lab.data, 'titan'), { recursive: true });
    lab.spectrum('titan/elsewhen.msa', '2026-03-09T09:30:00Z');
    await lab.database.createScope(() => retrySessions({ identifiers: [ID] }, { fresh: true }));
    expect(await build()).toMatchObject({
      outcome: 'NO_FILES_FOUND',
      version: before.version,
      record: join(lab.records, before.public_path),
    });
    expect(record(join(lab.records, before.public_path))).toContain('scan-10.msa');
  });

  test('every build that ended has one RECORD_GENERATION, with what it came to', async () => {
    const attempts = await lab.database
      .knex('build_attempts')
      .orderBy('attempt')
      .select('attempt', 'outcome');
    const events = await lab.database
      .knex('session_log')
      .where('event_type', 'RECORD_GENERATION')
      .orderBy('attempt')
      .select<{ attempt: number; detail: string | object }[]>('attempt', 'detail');
    const said = events.map(({ attempt, detail }) => {
      const read: unknown = typeof detail === 'string' ? JSON.parse(detail) : detail;
      return { attempt, outcome: (read as { outcome: string }).outcome };
    });
    expect(said).toEqual(attempts);
    expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
  });

  test('a note of a person is in the record when changes have gathered', async () => {
    lab.spectrum('titan/scan-10.msa', '2026-03-02T09:10:00Z');
    await lab.database.createScope(() => addNote(ID, 'Sample was tilted by 3 degrees.', 'grace'));
    const noted = await build();
    expect(noted).toMatchObject({ outcome: 'COMPLETED' });
    expect(record(noted?.record)).toContain('Sample was tilted by 3 degrees.');
  });
});

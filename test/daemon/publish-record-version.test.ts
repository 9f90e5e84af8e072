import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import {
  publishRecordVersion,
  repairPublications,
  tidyStaging,
} from '../../src/daemon/publish-record-version.js';
import { stagingPath } from '../../src/daemon/staging.js';
import type { Database } from '../../src/db/database.js';
import { currentRecord } from '../../src/db/record-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { createLog } from '../../src/log.js';
import { describeDatabases } from '../support/databases.js';
import { withEventAfter } from '../support/passing-calls.js';
import { addInstrument, build, logSession } from '../support/session-rows.js';

const PUBLIC = '2026/same.xml';
const NOW = DateTime.fromISO('2026-03-05T12:00:00Z', { zone: 'utc' });

let folder: string;
let output: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-publish-'));
  output = join(folder, 'output');
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

describeDatabases('publishing beside other processes', (fixture) => {
  function environment(database: Database = fixture.database, log = new PassThrough().resume()) {
    const clock = { now: () => (NOW.isValid ? NOW : DateTime.utc()) };
    const paths = { data: '', output, records: join(folder, 'records') };
    const level = { level: 'warn', format: 'json', file: null } as const;
    return { database, log: createLog(level, { stream: log }), paths, clock };
  }

  async function log(identifier: string): Promise<void> {
    await logSession(fixture.database, identifier, {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T10:00:00Z',
    });
  }

  /** Has a session built, with version files that say whose they are; nothing is published. @returns the record's id. */
  async function built(identifier: string, name = identifier): Promise<number> {
    const path = `versions/2026/${name}`;
    await build(fixture.database, identifier, {
      record: {
        path: `${path}.xml`,
        publicPath: PUBLIC,
        sha256: 'a'.repeat(64),
        cause: 'first build',
        activities: [],
      },
    });
    write(join(folder, 'records', `${path}.xml`), name);
    write(join(folder, 'records', `${path}.json`), name);
    const record = await fixture.database.createScope(() => currentRecord(identifier));
    return record?.recordId ?? 0;
  }

  const cancel = (identifier: string): Promise<void> =>
    fixture.database.createScope(() => cancelSession(identifier, { who: 'ada' }));

  async function retry(identifier: string): Promise<void> {
    await fixture.database.createScope(() => retrySessions({ identifiers: [identifier] }));
  }

  /** What the public file says; null: there is none. */
  function shown(): string | null {
    const path = join(folder, 'records', PUBLIC);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  const unpublished = () => fixture.database.knex('records').whereNull('published_at');

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await log('first');
    await log('second');
  });

  test('a late process that wrote over the public name of another session puts that back', async () => {
    const first = await built('first');
    const database = withEventAfter(fixture.database, 1, async () => {
      await cancel('first');
      await publishRecordVersion(environment(), await built('second'));
    });
    await publishRecordVersion(environment(database), first);
    expect(shown()).toBe('second');
    expect(await unpublished()).toEqual([]);
  });

  test('a late process that removed a public name which another session has by now puts that back', async () => {
    const first = await built('first');
    await publishRecordVersion(environment(), first);
    await cancel('first');
    const database = withEventAfter(fixture.database, 1, async () => {
      await publishRecordVersion(environment(), await built('second'));
    });
    await publishRecordVersion(environment(database), first);
    expect(shown()).toBe('second');
  });

  test('a late process that wrote over a newer version puts that back', async () => {
    const first = await built('first', 'first-1');
    const database = withEventAfter(fixture.database, 1, async () => {
      await retry('first');
      await publishRecordVersion(environment(), await built('first', 'first-2'));
    });
    await publishRecordVersion(environment(database), first);
    expect(shown()).toBe('first-2');
    expect(await unpublished()).toEqual([]);
  });

  test('a record that is withdrawn just before it would be noted as published is not shown', async () => {
    const first = await built('first');
    const database = withEventAfter(fixture.database, 2, () => cancel('first'));
    await publishRecordVersion(environment(database), first);
    expect(shown()).toBeNull();
    expect(await unpublished()).toEqual([]);
  });

  /** Stages a sidecar of an attempt. */
  function stage(token: number, content: string, sessionKey = sessionKeyOf('first')) {
    const attempt = { sessionKey, token };
    const path = stagingPath(output, attempt);
    write(join(path, 'titan', 'a.json'), content);
    return { attempt, path };
  }
  const sidecar = () => readFileSync(join(output, 'titan', 'a.json'), 'utf8');

  test('sidecars of the current record come into place, also after a later attempt was an error', async () => {
    await built('first');
    await retry('first');
    await build(fixture.database, 'first', { outcome: 'ERROR', record: null });
    const ofRecord = stage(1, 'of the record');
    const ofError = stage(2, 'of the error');
    await repairPublications(environment());
    expect(sidecar()).toBe('of the record');
    expect([existsSync(ofRecord.path), existsSync(ofError.path)]).toEqual([false, false]);
  });

  test('sidecars of an unknown attempt stay for a day: they may be another database’s', async () => {
    const { path } = stage(3, 'unknown', 'b'.repeat(16));
    const setAge = (hours: number) => {
      const seconds = NOW.toSeconds() - hours * 3600;
      utimesSync(path, seconds, seconds);
    };
    setAge(23);
    await repairPublications(environment());
    expect(existsSync(join(path, 'titan', 'a.json'))).toBe(true);
    setAge(25);
    await repairPublications(environment());
    expect(existsSync(path)).toBe(false);
  });

  test('a late process that moved older sidecars over newer ones says so, and how to mend it', async () => {
    await built('first', 'first-1');
    const { attempt } = stage(1, 'old');
    // So that the files are moved one by one.
    write(join(output, 'titan', 'b.json'), '');
    const database = withEventAfter(fixture.database, 1, async () => {
      await retry('first');
      await built('first', 'first-2');
      await tidyStaging(environment(), stage(2, 'new').attempt);
      expect(sidecar()).toBe('new');
    });
    const lines = new PassThrough();
    await tidyStaging(environment(database, lines), attempt);
    expect(String(lines.read())).toContain(`sessions retry ${attempt.sessionKey}`);
    await tidyStaging(environment(fixture.database, lines), stage(2, 'new').attempt);
    expect(lines.read()).toBeNull();
  });
});

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';
import { readXmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const START = '2026-03-02T09:00:00Z';
const MIDDLE = '2026-03-02T09:30:00Z';
const END = '2026-03-02T10:00:00Z';

/** An instant some seconds from now. */
function inSeconds(seconds: number): string {
  return DateTime.utc().plus({ seconds }).toISO();
}

function sessionOf(result: RunOnceResult, identifier: string) {
  const session = result.sessions.find((one) => one.session_identifier === identifier);
  if (session === undefined) throw new Error(`${identifier} was not taken up:\n${result.stderr}`);
  return session;
}

describe('files that still arrive', () => {
  let lab: Lab;
  let first: RunOnceResult;
  let second: RunOnceResult;

  beforeAll(async () => {
    lab = await createLab({
      engine: 'sqlite',
      instruments: [
        { pid: 'growing', settings: { build: { settle_time_s: 60 } } },
        { pid: 'endless', settings: { build: { settle_time_s: 60, settle_max_s: 60 } } },
        { pid: 'quiet', settings: { build: { settle_time_s: 60 } } },
        { pid: 'none', settings: { build: { file_delay_days: 1 } } },
        'over',
      ],
    });
    const nowMs = Date.now();
    const session = { start: inSeconds(-3600), end: inSeconds(-90) };
    for (const instrument of ['growing', 'endless']) {
      await lab.log(instrument, { ...session, instrument });
      lab.spectrum(`${instrument}/early.msa`, inSeconds(-1800));
    }
    await lab.log('quiet', { start: inSeconds(-7200), end: inSeconds(-3600), instrument: 'quiet' });
    lab.spectrum('quiet/done.msa', inSeconds(-5000));
    await lab.log('none', { start: inSeconds(-3600), end: inSeconds(-60), instrument: 'none' });
    await lab.log('over', { start: START, end: END, instrument: 'over' });
    for (const instrument of ['growing', 'endless']) {
      lab.write(`${instrument}/scan.msa`, nowMs - 100_000, `#FORMAT : EMSA${'x'.repeat(41_000)}`);
    }
    first = await lab.runOnce();
    // The copy goes on: more bytes, a later time that is still in the session.
    for (const instrument of ['growing', 'endless']) {
      const path = join(lab.data, instrument, 'scan.msa');
      appendFileSync(path, 'x'.repeat(1000));
      utimesSync(path, nowMs / 1000 - 95, nowMs / 1000 - 95);
    }
    await pretendWaitedMinutes(10);
    second = await lab.runOnce([
      '--session',
      'growing',
      '--session',
      'endless',
      '--session',
      'none',
    ]);
  });
  afterAll(() => lab.remove());

  async function pretendWaitedMinutes(minutes: number): Promise<void> {
    for (const identifier of ['growing', 'endless']) {
      const look: unknown = await lab.database
        .knex('sessions')
        .where('session_identifier', identifier)
        .first('last_look');
      const text = JSON.stringify(look).replaceAll('\\', '');
      const since = Number(/"waiting_?since_?ms":(\d+)/i.exec(text)?.[1]);
      expect(since).toBeGreaterThan(0);
      await lab.database.knex.raw(
        'update sessions set last_look = replace(last_look, ?, ?) where session_identifier = ?',
        [String(since), String(since - minutes * 60_000), identifier],
      );
    }
  }

  test('defer the session, with the name and size of what grows', () => {
    expect(sessionOf(first, 'growing')).toMatchObject({
      outcome: 'DEFERRED',
      reason: 'waiting: scan.msa, 41 kB, new, looked at once more',
      record: null,
    });
    expect(sessionOf(second, 'growing')).toMatchObject({
      outcome: 'DEFERRED',
      reason: 'waiting: scan.msa, 42 kB, still growing',
    });
  });

  test('do not keep sessions waiting whose files are quiet', () => {
    expect(sessionOf(first, 'quiet').outcome).toBe('COMPLETED');
  });

  test('are built at last after settle_max, with a warning', () => {
    const session = sessionOf(second, 'endless');
    expect(session.outcome).toBe('COMPLETED');
    expect(readXmlRecord(session.record ?? '').notes).toContain(
      'scan.msa, 42 kB was still being written; the record was made after waiting 60 s.',
    );
  });

  test('may come until the file delay is over; then there is no record', () => {
    expect(sessionOf(first, 'none')).toMatchObject({
      outcome: 'DEFERRED',
      reason: 'no files yet, waiting for them up to 1 days after END',
    });
    expect(sessionOf(first, 'over')).toMatchObject({ outcome: 'NO_FILES_FOUND', record: null });
  });

  test('are built once they are unchanged between two looks', async () => {
    const third = await lab.runOnce(['--session', 'growing']);
    expect(sessionOf(third, 'growing')).toMatchObject({ outcome: 'COMPLETED', files: 2 });
  });

  test('are not new to the record that holds them: a retry is built at once', async () => {
    await lab.database.createScope(() => retrySessions({ identifiers: ['growing'] }));
    const again = await lab.runOnce(['--session', 'growing']);
    expect(sessionOf(again, 'growing')).toMatchObject({ outcome: 'COMPLETED', files: 2 });
  });
});

describe('files that change after the record was made', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ engine: 'sqlite' });
    await lab.log('session', { start: START, end: END });
    lab.spectrum('titan/stays.msa', MIDDLE);
    lab.spectrum('titan/moves.msa', '2026-03-02T09:31:00Z');
    lab.spectrum('titan/goes.msa', '2026-03-02T09:32:00Z');
    await lab.runOnce();
  });
  afterAll(() => lab.remove());

  async function again(fresh = false) {
    await lab.database.createScope(() => retrySessions({ identifiers: ['session'] }, { fresh }));
    const session = sessionOf(await lab.runOnce(), 'session');
    expect(session.outcome).toBe('COMPLETED');
    const record = readXmlRecord(session.record ?? '');
    return { ...session, ...record, locations: record.datasets.map((one) => one.location).sort() };
  }

  test('a late file is in a new version, a moved one is found again, one that is gone stays, marked', async () => {
    lab.spectrum('titan/late.msa', '2026-03-02T09:33:00Z');
    mkdirSync(join(lab.data, 'titan/sorted'));
    renameSync(join(lab.data, 'titan/moves.msa'), join(lab.data, 'titan/sorted/moves.msa'));
    rmSync(join(lab.data, 'titan/goes.msa'));
    const built = await again();
    expect(built).toMatchObject({ version: 2, files: 4 });
    expect(built.locations).toEqual([
      '/titan/goes.msa',
      '/titan/late.msa',
      '/titan/sorted/moves.msa',
      '/titan/stays.msa',
    ]);
    expect(built.notes.join('\n')).toMatch(
      /^\/titan\/goes\.msa: missing since \d{4}-\d\d-\d\dT.+[+-]\d\d:\d\d\.$/m,
    );
    const missing = await lab.database
      .knex('datasets')
      .join('records', 'records.id', 'datasets.record_id')
      .where('records.version', 2)
      .whereNotNull('missing_since')
      .pluck('location');
    expect(missing).toEqual(['/titan/goes.msa']);
  });

  test('the version before stays as it was, and nobody may write to it', () => {
    const versions = lab
      .files(join(lab.records, 'versions'))
      .filter((name) => name.endsWith('.xml'));
    expect(versions.length).toBe(2);
    for (const version of versions) {
      expect(statSync(join(lab.records, 'versions', version)).mode & 0o222).toBe(0);
    }
  });

  test('nothing new makes no new version, whatever the time', async () => {
    expect((await again()).version).toBe(2);
  });

  test('a file that comes back is no longer missing, one that was written again is read again', async () => {
    lab.spectrum('titan/goes.msa', '2026-03-02T09:32:00Z');
    lab.spectrum('titan/stays.msa', '2026-03-02T09:40:00Z', { BEAMKV: 80 });
    const built = await again();
    expect(built.version).toBe(3);
    expect(built.notes.join('\n')).not.toContain('missing since');
    const stays = built.datasets.find(({ name }) => name === 'stays.msa');
    expect(stays?.meta['Acceleration Voltage']).toBe('80');
    expect(existsSync(join(lab.output, 'titan/stays.msa.thumb.png'))).toBe(true);
  });

  test('--fresh drops what is gone', async () => {
    rmSync(join(lab.data, 'titan/goes.msa'));
    const built = await again(true);
    expect(built).toMatchObject({ version: 4, files: 3 });
    expect(built.locations).not.toContain('/titan/goes.msa');
  });
});

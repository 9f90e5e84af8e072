import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { Database } from '../../src/db/database.js';
import { instantText } from '../../src/db/instant.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { Metrics } from '../../src/http/metrics.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { serve, type ServedOptions } from './http-lab.js';

/** Samples of recordsmith by name and labels, as `name{label="value"}`. */
async function scrape(options: ServedOptions): Promise<ReadonlyMap<string, number>> {
  const { address } = await serve(options);
  return samplesOf(await (await fetch(`${address}/metrics`)).text());
}

function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('/metrics', () => {
  test('is text of Prometheus: each metric with help and type, and those of the process', async () => {
    const { address } = await serve();
    const answer = await fetch(`${address}/metrics`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) {
      expect(text).toContain(`# HELP ${name} `);
    }
    const samples = samplesOf(text);
    expect(samples.get('recordsmith_info{version="1.2.3"}')).toBe(1);
    expect(samples.get('recordsmith_database_up')).toBe(1);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(samples.has('nodejs_eventloop_lag_seconds')).toBe(true);
  });

  test('has each of its metrics explained to operators, and no other', async () => {
    const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const explained = [...page.matchAll(/^\| `(recordsmith_\w+)(?:\{.*?\})?`/gm)].map(
      ([, name]) => name,
    );
    const text = await new Metrics('1.2.3').text(null);
    const served = [...text.matchAll(/^# TYPE (recordsmith_\w+)/gm)].map(([, name]) => name);
    expect(explained.sort()).toEqual(served.sort());
  });

  test('counts builds, messages and passes over sources from the first on', async () => {
    const metrics = new Metrics('1.2.3');
    metrics.buildFinished({ outcome: 'COMPLETED', durationMs: 1500 });
    metrics.buildFinished({ outcome: 'COMPLETED', durationMs: 100 });
    metrics.buildFinished({ outcome: 'DEFERRED', durationMs: 0 });
    metrics.webhookTaken('nemo', 'accepted');
    metrics.sourcePolled('nemo', 'poll', { outcome: 'failed', durationMs: 250 });
    const samples = await scrape({ metrics });
    expect(samples.get('recordsmith_builds_total{outcome="COMPLETED"}')).toBe(2);
    expect(samples.get('recordsmith_builds_total{outcome="DEFERRED"}')).toBe(1);
    expect(samples.get('recordsmith_builds_total{outcome="ERROR"}')).toBe(0);
    const duration = 'recordsmith_build_duration_seconds';
    expect(samples.get(`${duration}_sum{outcome="COMPLETED"}`)).toBeCloseTo(1.6);
    expect(samples.get(`${duration}_bucket{le="1",outcome="COMPLETED"}`)).toBe(1);
    expect(samples.has(`${duration}_count{outcome="DEFERRED"}`)).toBe(false);
    const message = 'recordsmith_webhook_messages_total{source="nemo",outcome="accepted"}';
    expect(samples.get(message)).toBe(1);
    const pass = 'recordsmith_source_passes_total{source="nemo",pass="poll",outcome="failed"}';
    expect(samples.get(pass)).toBe(1);
  });

  test('without a database says so, keeps what it counts and leaves out the rest', async () => {
    const metrics = new Metrics('1.2.3');
    const { address, environment, lines } = await serve({ metrics });
    await fetch(`${address}/metrics`);
    await environment.database.close();
    const samples = samplesOf(await (await fetch(`${address}/metrics`)).text());
    expect(samples.get('recordsmith_database_up')).toBe(0);
    expect(samples.get('recordsmith_builds_total{outcome="ERROR"}')).toBe(0);
    const read = /^recordsmith_(?:sessions|problems|oldest|webhook_hints|source_(?:last|failures))/;
    expect([...samples.keys()].filter((name) => read.test(name))).toEqual([]);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

interface Row {
  readonly id: string;
  readonly status: string;
  readonly instrument?: string;
  readonly start?: number | null;
  readonly end?: number | null;
  readonly problem?: string;
  readonly next?: number;
  readonly updated?: number;
}

const HOUR = 3_600_000;
const NOW = Date.now();

/** Writes working rows; times in hours from now. */
async function writeSessions(database: Database, rows: readonly Row[]): Promise<void> {
  const at = (hours: number | null | undefined): string | null =>
    hours === null || hours === undefined ? null : instantText(NOW + hours * HOUR);
  await database.knex('sessions').insert(
    rows.map(({ id, status, instrument = 'titan', start = -30, end = null, ...row }) => ({
      session_identifier: id,
      session_key: sessionKeyOf(id),
      instrument,
      status,
      start_at: at(start),
      end_at: at(end),
      problem: row.problem ?? null,
      next_attempt_at: at(row.next),
      updated_at: at(row.updated ?? -100),
    })),
  );
}

describeDatabases('/metrics from the database', (fixture) => {
  test('counts sessions by status and problem', async () => {
    const { database } = fixture;
    await addInstrument(database, 'titan');
    await writeSessions(database, [
      { id: 'a', status: 'COMPLETED', end: -29 },
      { id: 'b', status: 'COMPLETED', end: -28 },
      { id: 'c', status: 'WAITING_FOR_END', start: -30 },
      { id: 'd', status: 'WAITING_FOR_END', start: -2 },
      { id: 'e', status: 'TO_BE_BUILT', end: -40, problem: 'END_BEFORE_START' },
      { id: 'f', status: 'CANCELLED', end: -40, problem: 'END_BEFORE_START' },
    ]);
    const samples = await scrape({ database });
    expect(samples.get('recordsmith_sessions{status="COMPLETED"}')).toBe(2);
    expect(samples.get('recordsmith_sessions{status="WAITING_FOR_END"}')).toBe(2);
    expect(samples.get('recordsmith_sessions{status="ERROR"}')).toBe(0);
    expect(samples.get('recordsmith_problems{problem="END_BEFORE_START"}')).toBe(1);
    expect(samples.get('recordsmith_problems{problem="START_WITHOUT_END"}')).toBe(1);
    expect([...samples.keys()].some((name) => name.includes('titan'))).toBe(true);
    expect([...samples.keys()].some((name) => /ada|session_identifier/.test(name))).toBe(false);
  });

  test('says for how long the oldest due session waits: since its END, back-off or last change', async () => {
    const { database } = fixture;
    await addInstrument(database, 'titan');
    const ageHours = async (): Promise<number> => {
      const samples = await scrape({ database });
      const seconds = samples.get('recordsmith_oldest_due_session_age_seconds') ?? Number.NaN;
      return Math.round((seconds / 3600) * 10) / 10;
    };
    expect(await ageHours()).toBe(0);
    await writeSessions(database, [
      { id: 'put off', status: 'TO_BE_BUILT', end: -90, next: 1 },
      { id: 'future', status: 'TO_BE_BUILT', end: 1 },
      { id: 'a problem', status: 'TO_BE_BUILT', end: -80, problem: 'USERS_DISAGREE' },
      { id: 'retried', status: 'TO_BE_BUILT', end: -70, updated: -1 },
    ]);
    expect(await ageHours()).toBe(1);
    await writeSessions(database, [
      { id: 'backed off', status: 'TO_BE_BUILT', end: -60, next: -2 },
    ]);
    expect(await ageHours()).toBe(2);
    await writeSessions(database, [{ id: 'forgotten', status: 'TO_BE_BUILT', end: -5 }]);
    expect(await ageHours()).toBe(5);
  });

  test('counts the newest sessions in a row that had no file, of each active instrument', async () => {
    const { database } = fixture;
    for (const pid of ['titan', 'helios', 'new']) await addInstrument(database, pid);
    await addInstrument(database, 'old', { active: false });
    const empty = 'NO_FILES_FOUND';
    await writeSessions(database, [
      { id: 'a', status: empty, end: -9 },
      { id: 'b', status: 'COMPLETED', end: -8 },
      { id: 'c', status: empty, end: -7 },
      { id: 'd', status: 'SKIPPED', end: -6 },
      { id: 'e', status: empty, end: -5 },
      { id: 'f', status: empty, end: -4 },
      { id: 'g', status: 'TO_BE_BUILT', end: -3 },
      { id: 'h', status: empty, end: -9, instrument: 'helios' },
      { id: 'i', status: 'ERROR', end: -8, instrument: 'helios' },
      { id: 'j', status: empty, end: -8, instrument: 'old' },
    ]);
    const samples = await scrape({ database });
    const inARow = [...samples].flatMap(([name, count]) => {
      const [, pid] = /in_a_row\{instrument="(\w+)"\}$/.exec(name) ?? [];
      return pid === undefined ? [] : [[pid, count]];
    });
    expect(Object.fromEntries(inARow)).toEqual({ helios: 0, new: 0, titan: 3 });
  });

  test('tells how each pass over the sources of the configuration goes, and what waits of them', async () => {
    const { database } = fixture;
    const succeeded = NOW - HOUR;
    await database.knex('source_cursors').insert([
      { source: 'nemo', pass: 'poll', succeeded_at: instantText(succeeded), failures: 3 },
      { source: 'removed', pass: 'poll', failures: 9 },
    ]);
    await database.knex('webhook_hints').insert([
      { source: 'nemo', event_id: 1 },
      { source: 'nemo', event_id: 2 },
      { source: 'removed', event_id: 3 },
    ]);
    try {
      const samples = await scrape({ database, sources: ['nemo', 'pc'] });
      const pass = 'source="nemo",pass="poll"';
      const last = `recordsmith_source_last_success_timestamp_seconds{${pass}}`;
      expect(samples.get(last)).toBe(succeeded / 1000);
      expect(samples.get(`recordsmith_source_failures{${pass}}`)).toBe(3);
      expect(samples.get('recordsmith_webhook_hints_waiting{source="nemo"}')).toBe(2);
      expect(samples.get('recordsmith_webhook_hints_waiting{source="pc"}')).toBe(0);
      expect([...samples.keys()].join('\n')).not.toContain('removed');
    } finally {
      await database.knex('source_cursors').del();
      await database.knex('webhook_hints').del();
    }
  });
});

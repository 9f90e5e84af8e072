import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { buildAloneWith } from '../../src/cli/build-alone.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { BuildReport, BuildResult } from '../../src/daemon/build-ending.js';
import type { BuildSessionOptions } from '../../src/daemon/build-session.js';
import { runPass, type PassOptions } from '../../src/daemon/run-pass.js';
import { pause } from '../../src/db/pause-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { AppError } from '../../src/errors.js';
import { createLog } from '../../src/log.js';
import { openApplication, type Application } from '../../src/main.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';

describeEngines('runPass', (engine) => {
  let lab: Lab;
  let application: Application;

  beforeEach(async () => {
    lab = await createLab({ engine, instruments: ['titan', 'helios'] });
    const { config } = loadConfig({
      file: lab.configFile,
      environment: {},
      workingFolder: lab.folder,
      flags: [],
    });
    const log = createLog(
      { level: 'error', format: 'json', file: null },
      { stream: new PassThrough().resume() },
    );
    application = await openApplication({ config, log, version: '0.1.0' });
  });

  afterEach(async () => {
    await application.close();
    await lab.remove();
  });

  /** A session of a minute. */
  async function addSession(identifier: string, instrument: string, minute: number): Promise<void> {
    await lab.log(identifier, {
      instrument,
      start: new Date(Date.UTC(2026, 2, 2, 9, minute, 1)).toISOString(),
      end: new Date(Date.UTC(2026, 2, 2, 9, minute + 1)).toISOString(),
    });
  }

  function builtReport(sessionIdentifier: string, changes: Partial<BuildReport> = {}): BuildResult {
    const report: BuildReport = {
      sessionIdentifier,
      sessionKey: sessionIdentifier,
      instrumentPid: 'titan',
      startMs: 0,
      endMs: 0,
      user: null,
      outcome: 'COMPLETED',
      reason: null,
      files: 0,
      activities: 0,
      recordPath: null,
      version: null,
      durationMs: 0,
      away: null,
      ...changes,
    };
    return { kind: 'built', report };
  }

  /** Which sessions were built by `build`, in order, and what the pass says. */
  async function passWith(
    build: (identifier: string, options: BuildSessionOptions) => BuildResult | Promise<BuildResult>,
    changes: Partial<PassOptions> = {},
  ) {
    const built: string[] = [];
    // What died twice is built alone, that is: by what the test says.
    await lab.database
      .knex('sessions')
      .whereNot('session_identifier', 'like', 'paused-%')
      .update({ died_builds: 2 });
    const summary = await runPass(application.environment, {
      identifiers: null,
      instrumentPids: null,
      ignoreBackoff: false,
      concurrency: 1,
      stopTaking: new AbortController().signal,
      stopWork: new AbortController().signal,
      buildAlone: async (identifier, options) => {
        built.push(identifier);
        return build(identifier, options);
      },
      ...changes,
    });
    const outcomes = summary.reports.map(({ sessionIdentifier, outcome, reason }) => [
      sessionIdentifier,
      outcome,
      reason,
    ]);
    return { built, outcomes };
  }

  const pauseInstrument = (target: string) =>
    lab.database.createScope(() =>
      pause({ scope: 'instrument', target, reason: 'repair', untilMs: null, author: 'eve' }),
    );

  test('many due sessions of a paused instrument keep no others waiting', async () => {
    // More than a pass asks for at a time; they come first, as their builds never died.
    const paused = Array.from({ length: 230 }, (_, index) => ({
      session_identifier: `paused-${index}`,
      session_key: sessionKeyOf(`paused-${index}`),
      instrument: 'titan',
      start_at: '2026-03-03T09:00:00.000Z',
      end_at: '2026-03-03T10:00:00.000Z',
      status: 'TO_BE_BUILT',
    }));
    await lab.database.knex.batchInsert('sessions', paused, 50);
    await addSession('other', 'helios', 1);
    await pauseInstrument('titan');
    const { built } = await passWith((identifier) => builtReport(identifier));
    expect(built).toEqual(['other']);
  });

  test('that all files are read is told while the last record is still made', async () => {
    for (let minute = 1; minute < 4; minute += 1) await addSession(`t-${minute}`, 'titan', minute);
    const story: string[] = [];
    await passWith(
      (identifier, { onFilesRead }) => {
        // The second one ends before it reads anything.
        if (identifier !== 't-2') onFilesRead?.();
        story.push(identifier);
        return builtReport(identifier);
      },
      { onAllRead: () => story.push('all read') },
    );
    expect(story).toEqual(['t-3', 't-2', 'all read', 't-1']);
  });

  test('a pause holds from the next session on', async () => {
    for (let minute = 1; minute < 4; minute += 1) await addSession(`t-${minute}`, 'titan', minute);
    await addSession('other', 'helios', 0);
    const { built } = await passWith(async (identifier) => {
      await pauseInstrument('titan');
      return builtReport(identifier);
    });
    expect(built).toEqual(['t-3', 'other']);
  });

  test('a pause of everything ends the pass, and rows by SQL are taken up all the same', async () => {
    await addSession('t-1', 'titan', 1);
    await lab.database.createScope(() =>
      pause({ scope: 'all', target: null, reason: 'move', untilMs: null, author: 'eve' }),
    );
    await lab.database.knex('session_log').insert({
      session_identifier: 'by-sql',
      instrument: 'titan',
      timestamp: '2026-03-03T09:00:00.000Z',
      event_type: 'START',
    });
    expect(await passWith((identifier) => builtReport(identifier))).toEqual({
      built: [],
      outcomes: [],
    });
    const known = await lab.database.knex('sessions').pluck('session_identifier');
    expect(known).toContain('by-sql');
  });

  test('once our own folders are away all further sessions wait, with the reason', async () => {
    await addSession('a', 'titan', 3);
    await addSession('b', 'helios', 2);
    await addSession('c', 'titan', 1);
    const reason = 'FILE_NOT_WRITABLE: the disk is full';
    const { built, outcomes } = await passWith((identifier) =>
      builtReport(identifier, { outcome: 'DEFERRED', reason, away: 'folders' }),
    );
    expect(built).toEqual(['a']);
    expect(outcomes).toEqual(['a', 'b', 'c'].map((one) => [one, 'DEFERRED', reason]));
    // The store is there: the file delay goes on.
    expect(await lab.database.knex('sessions').pluck('store_away_since')).toEqual([
      null,
      null,
      null,
    ]);
  });

  test('a store that is away stops only the sessions of its instrument', async () => {
    await addSession('a', 'titan', 3);
    await addSession('b', 'helios', 2);
    await addSession('c', 'titan', 1);
    const { built } = await passWith((identifier) =>
      builtReport(identifier, { outcome: 'DEFERRED', reason: 'away', away: 'store' }),
    );
    expect(built).toEqual(['a', 'b']);
  });

  test('an error that is not of the database stops no other session, one of the database ends the pass', async () => {
    await addSession('a', 'titan', 3);
    await addSession('b', 'titan', 2);
    const { built, outcomes } = await passWith((identifier) => {
      if (identifier === 'a') throw new Error('an odd answer');
      return builtReport(identifier);
    });
    expect(built).toEqual(['a', 'b']);
    expect(outcomes).toEqual([
      ['a', 'DEFERRED', 'an odd answer'],
      ['b', 'COMPLETED', null],
    ]);
    const away = passWith(() => {
      throw new AppError('DATABASE_UNAVAILABLE', 'The database is away.');
    });
    await expect(away).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('whether the back-off counts is told to who builds alone', async () => {
    await addSession('a', 'titan', 1);
    for (const ignoreBackoff of [false, true]) {
      let told: boolean | null = null;
      await passWith(() => builtReport('a'), {
        ignoreBackoff,
        buildAlone: async (identifier, options) => {
          told = options.ignoreBackoff;
          return builtReport(identifier);
        },
      });
      expect(told).toBe(ignoreBackoff);
    }
  });

  test('a process of its own that gives no answer, or is not to start, only passes the session over', async () => {
    await addSession('a', 'titan', 1);
    const options = { config: 'missing.yaml' };
    const context = { options, workingFolder: lab.folder };
    const buildAlone = buildAloneWith(application.environment, context, {});
    const how = { ignoreBackoff: false, stop: new AbortController().signal };
    expect(await buildAlone('a', how)).toMatchObject({
      kind: 'passed-over',
      reason: expect.stringContaining('its process gave no answer: exit code'),
    });
    expect(await buildAlone('a', { ...how, stop: AbortSignal.abort() })).toEqual({
      kind: 'passed-over',
      reason: 'interrupted',
    });
  });
});

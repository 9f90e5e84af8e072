import { join } from 'node:path';
import { noteStoreAway } from '../db/build-lease-store.js';
import { getSessionsToBuild, takeUpLogChanges } from '../db/due-sessions.js';
import { activePauses, type Pause } from '../db/pause-store.js';
import { currentRecord } from '../db/record-store.js';
import type { WorkingSession } from '../domain/working-session.js';
import { toError } from '../errors.js';
import type { BuildReport, BuildResult, WhatIsAway } from './build-ending.js';
import type { BuildEnvironment } from './build-environment.js';
import { buildSession, type BuildSessionOptions } from './build-session.js';
import { expireDeadLeases } from './expire-dead-leases.js';
import { reasonOf } from './classify-failure.js';
import { isDatabaseAway } from './once-database-answers.js';

/** What one pass takes up. */
export interface PassOptions {
  /** Identifiers or keys; null: all that are due. */
  readonly identifiers: readonly string[] | null;
  readonly instrumentPids: readonly string[] | null;
  /** Take also sessions whose next attempt is not due yet. */
  readonly ignoreBackoff: boolean;
  /** Sessions at a time. */
  readonly concurrency: number;
  /** Aborts: no further session is taken up. */
  readonly stopTaking: AbortSignal;
  /** Aborts: what is being built is given back. */
  readonly stopWork: AbortSignal;
  /** Builds a session whose builds died twice alone in a process of its own. */
  readonly buildAlone: (identifier: string, options: BuildSessionOptions) => Promise<BuildResult>;
  /** Told of each session as it is done. */
  readonly onReport?: (report: BuildReport) => void;
  /** Told when the files of all sessions that were due have been read; a session that becomes due meanwhile may still follow. */
  readonly onAllRead?: () => void;
}

/** What a pass did. */
export interface PassSummary {
  /** In the order in which they were done. */
  readonly reports: readonly BuildReport[];
  readonly durationMs: number;
}

/** Sessions asked for at a time. */
const PAGE = 200;
/** Builds that died in a row after which the next one runs alone. */
const DEAD_BUILDS_BEFORE_ALONE = 2;

/**
 * One pass: builds every session that is due, some at a time, until none is left. A session that cannot be built never stops
 * the others; once an instrument's store or a source is found to be away, its other sessions wait for a later pass, and once
 * our own folders are, all do. What is paused meanwhile is not taken up any more.
 * @throws AppError when the database cannot be reached.
 */
export async function runPass(
  environment: BuildEnvironment,
  options: PassOptions,
): Promise<PassSummary> {
  const startedAt = performance.now();
  await expireDeadLeases(environment);
  const pass = new Pass(environment, options);
  const workers = Array.from({ length: options.concurrency }, () => pass.work());
  const results = await Promise.allSettled(workers);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw toError(failed.reason);
  return { reports: pass.reports, durationMs: performance.now() - startedAt };
}

class Pass {
  readonly reports: BuildReport[] = [];
  readonly #environment: BuildEnvironment;
  readonly #options: PassOptions;
  readonly #taken = new Set<string>();
  /** Why the store of an instrument is away, by pid. */
  readonly #storesAway = new Map<string, string>();
  /** Why a source cannot be asked, by its name. */
  readonly #sourcesAway = new Map<string, string>();
  /** Why nothing can be written to our own folders; null: it can. */
  #foldersAway: string | null = null;
  #queue: WorkingSession[] = [];
  /** Being built; their files are still looked for or read. */
  readonly #unread = new Set<string>();
  #filling: Promise<void> | null = null;
  #failed = false;

  constructor(environment: BuildEnvironment, options: PassOptions) {
    this.#environment = environment;
    this.#options = options;
  }

  async work(): Promise<void> {
    for (;;) {
      const session = await this.#next();
      if (session === null) return;
      try {
        const report = await this.#buildContained(session);
        if (report === null) continue;
        const { away, reason } = report;
        if (away !== null && reason !== null) this.#noteAway(session, away, reason);
        this.reports.push(report);
        this.#options.onReport?.(report);
      } catch (error) {
        // Without the database nothing else would work either: the other workers end too.
        this.#failed = true;
        throw error;
      }
    }
  }

  /** Sessions that need the same are not tried in this pass. */
  #noteAway(session: WorkingSession, away: WhatIsAway, reason: string): void {
    const source = this.#environment.sourceOf(session);
    if (away === 'store') this.#storesAway.set(session.instrumentPid, reason);
    else if (away === 'folders') this.#foldersAway ??= reason;
    else if (source !== null) this.#sourcesAway.set(source, reason);
  }

  /** An error that is not of the database leaves the session as it is and stops no other. */
  async #buildContained(session: WorkingSession): Promise<BuildReport | null> {
    try {
      return await this.#build(session);
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      this.#environment.log.error('The build of a session was broken off; it is taken up again.', {
        session: session.key,
        error,
      });
      return this.#notTried(session, reasonOf(error), null);
    }
  }

  async #build(session: WorkingSession): Promise<BuildReport | null> {
    if (this.#foldersAway !== null) return this.#notTried(session, this.#foldersAway, 'folders');
    const storeAway = this.#storesAway.get(session.instrumentPid);
    if (storeAway !== undefined) return this.#notTried(session, storeAway, 'store');
    const sourceAway = this.#sourcesAway.get(this.#environment.sourceOf(session) ?? '');
    if (sourceAway !== undefined) return this.#notTried(session, sourceAway, 'source');
    const { log } = this.#environment;
    if (await this.#isPaused(session)) {
      log.debug('A session was passed over.', { session: session.key, reason: 'paused' });
      return null;
    }
    const { ignoreBackoff, stopWork, buildAlone } = this.#options;
    const { identifier } = session;
    this.#unread.add(identifier);
    const onFilesRead = (): void => this.#read(identifier);
    const options = { ignoreBackoff, stop: stopWork, onFilesRead };
    // Whoever holds the lease of a session that is due died too.
    const deaths = session.diedBuilds + (session.lease === null ? 0 : 1);
    const result =
      deaths >= DEAD_BUILDS_BEFORE_ALONE
        ? await buildAlone(identifier, options)
        : await buildSession(this.#environment, identifier, options);
    onFilesRead();
    if (result.kind === 'built') return result.report;
    log.debug('A session was passed over.', { session: session.key, reason: result.reason });
    return null;
  }

  /** A session needs nothing of its files any more. */
  #read(identifier: string): void {
    if (this.#unread.delete(identifier) && this.#unread.size === 0 && this.#queue.length === 0) {
      this.#options.onAllRead?.();
    }
  }

  /** The next session to build, or null: none is left. */
  async #next(): Promise<WorkingSession | null> {
    for (;;) {
      if (this.#failed || this.#options.stopTaking.aborted) return null;
      const session = this.#queue.shift();
      if (session !== undefined) return session;
      this.#filling ??= this.#fill().finally(() => {
        this.#filling = null;
      });
      await this.#filling;
      if (this.#queue.length === 0) return null;
    }
  }

  async #fill(): Promise<void> {
    const { clock, database, log } = this.#environment;
    const { identifiers, instrumentPids, ignoreBackoff } = this.#options;
    const nowMs = clock.now().toMillis();
    const onRefused = (error: Error, sessionIdentifier: string): void => {
      log.warn('What SQL changed in the log rows of a session cannot be taken up.', {
        sessionIdentifier,
        error,
      });
    };
    const due = await database.createScope(async () => {
      const pauses = await activePauses(nowMs);
      if (isAllPaused(pauses)) {
        // What came in by SQL is taken up all the same.
        await takeUpLogChanges(onRefused);
        return [];
      }
      return getSessionsToBuild({
        limit: PAGE + this.#taken.size,
        ignoreBackoff,
        nowMs,
        onRefused,
        exceptInstrumentPids: pausedInstruments(pauses),
        ...(identifiers === null ? {} : { identifiers }),
        ...(instrumentPids === null ? {} : { instrumentPids }),
      });
    });
    this.#queue = due.filter((session) => !this.#taken.has(session.identifier));
    for (const session of this.#queue) this.#taken.add(session.identifier);
  }

  /** Asked for each session: a pass may take days. */
  async #isPaused({ instrumentPid }: WorkingSession): Promise<boolean> {
    const { clock, database } = this.#environment;
    const pauses = await database.createScope(() => activePauses(clock.now().toMillis()));
    return isAllPaused(pauses) || pausedInstruments(pauses).includes(instrumentPid);
  }

  /** A session that waits for a later pass, as what it needs is away or its build was broken off. */
  async #notTried(
    session: WorkingSession,
    reason: string,
    away: WhatIsAway | null,
  ): Promise<BuildReport> {
    const { clock, database, paths } = this.#environment;
    const record = await database.createScope(async () => {
      // The clock of its file delay stands still too.
      if (away === 'store') {
        await noteStoreAway(session.identifier, true, clock.now().toMillis());
      }
      return currentRecord(session.identifier);
    });
    return {
      sessionIdentifier: session.identifier,
      sessionKey: session.key,
      instrumentPid: session.instrumentPid,
      startMs: session.startMs ?? 0,
      endMs: session.endMs ?? 0,
      user: session.user,
      outcome: 'DEFERRED',
      reason,
      files: 0,
      activities: 0,
      recordPath: record === null ? null : join(paths.records, record.publicPath),
      version: record?.version ?? null,
      durationMs: 0,
      away,
    };
  }
}

/** Whether a pause holds for everything. */
export function isAllPaused(pauses: readonly Pause[]): boolean {
  return pauses.some(({ scope }) => scope === 'all');
}

/** The instruments that are paused, by instrument_pid. */
export function pausedInstruments(pauses: readonly Pause[]): string[] {
  return pauses.flatMap(({ scope, target }) =>
    scope === 'instrument' && target !== null ? [target] : [],
  );
}

import { DateTime } from 'luxon';
import { Schedule } from '../daemon/schedule.js';
import { activePauses } from '../db/pause-store.js';
import { sourceCursor } from '../db/source-cursor-store.js';
import type { ObservedUsageEvent } from '../db/take-usage-event.js';
import { removeExpiredReplayKeys } from '../db/webhook-hint-store.js';
import { AppError, isAppError, toError } from '../errors.js';
import type { NemoSource } from '../event-sources.js';
import { compareAnswers } from '../harvest/compare-answers.js';
import { applyPayloads, followHints } from '../harvest/follow-hints.js';
import { NemoHarvester } from '../harvest/nemo-harvester.js';
import type { HarvestResult } from '../harvest/usage-event-intake.js';
import type { HarvestPass, NemoSource as HarvestedNemo } from '../harvest/nemo-source.js';
import { UsageEventObserver } from '../harvest/observe-usage-event.js';
import type { Log } from '../log.js';
import type { Application } from '../main.js';
import { readGivenTime } from './local-time-text.js';
import type { RunOptions } from './run-options.js';

/** Pushed messages are followed up at once; what was put off, this often. */
const HINTS_EVERY_MS = 2000;
const DAY_MS = 86_400_000;
/** A one-shot run compares everything when nobody did for this long. */
const RECONCILE_AFTER_MS = 3_600_000;

/** What harvesting works with. */
export interface HarvestOptions {
  readonly application: Application;
  readonly sources: readonly NemoSource[];
  readonly log: Log;
}

function harvestedNemo(
  { application, log }: Omit<HarvestOptions, 'sources'>,
  { name, baseUrl, settings, client, readTimes }: NemoSource,
): HarvestedNemo {
  const { environment, database } = application;
  return {
    name,
    url: baseUrl,
    client,
    readTimes,
    sinceMs: settings.since === null ? null : DateTime.fromISO(settings.since).toMillis(),
    lookBackMs: settings.look_back_days * DAY_MS,
    user: settings.user,
    asked: settings,
    database,
    log: log.child({ source: name }),
    clock: environment.clock,
  };
}

/** One source with all that is done for it. */
class SourceHarvest {
  readonly nemo: HarvestedNemo;
  readonly harvester: NemoHarvester | null;
  readonly #observer: UsageEventObserver;

  constructor(options: Omit<HarvestOptions, 'sources'>, source: NemoSource) {
    this.nemo = harvestedNemo(options, source);
    const { client } = this.nemo;
    this.harvester = client === null ? null : new NemoHarvester({ ...this.nemo, client });
    this.#observer = new UsageEventObserver(this.nemo);
  }

  /** Follows up what was pushed. @returns how many sessions changed */
  async followUp(signal: AbortSignal): Promise<number> {
    const { changed } =
      this.harvester === null
        ? await applyPayloads(this.nemo, this.#observer, signal)
        : await followHints(this.nemo, this.harvester, signal);
    return changed;
  }

  /** Compares everything with the source. @returns how many sessions changed */
  async compare(harvester: NemoHarvester, signal: AbortSignal): Promise<number> {
    const changed = countOf(await harvester.reconcile(signal));
    const { client } = this.nemo;
    return client === null
      ? changed
      : changed + (await compareAnswers({ ...this.nemo, client }, signal));
  }

  /** Whether a person stopped it, or it failed and its next try is not due. */
  async isOff(pass: HarvestPass): Promise<boolean> {
    const { database, name, clock } = this.nemo;
    const nowMs = clock.now().toMillis();
    return database.createScope(async () => {
      const pauses = await activePauses(nowMs);
      if (pauses.some(({ scope, target }) => scope === 'source' && target === name)) return true;
      const { nextAttemptAtMs } = await sourceCursor(name, pass);
      return nextAttemptAtMs !== null && nextAttemptAtMs > nowMs;
    });
  }
}

/** The harvesting of a daemon. */
export interface Harvesting {
  readonly schedules: readonly Schedule[];
  /** Messages of a source wait to be followed up. */
  readonly onHint: (source: string) => void;
}

/** Who wants to know. */
export interface HarvestListeners {
  /** Sessions began or changed: there may be something to build. */
  readonly onChange: () => void;
  readonly onPass: (pass: FinishedPass) => void;
}

/** A pass over a source that came to its end, well or not. */
export interface FinishedPass {
  readonly source: string;
  readonly pass: HarvestPass;
  readonly done: boolean;
  readonly durationMs: number;
}

/**
 * The schedules by which a daemon harvests its sources. A source that is away is told once, and when it is back.
 */
export function harvestSchedules(
  options: HarvestOptions,
  { onChange, onPass }: HarvestListeners,
): Harvesting {
  const { log, application } = options;
  const hints = new Map<string, Schedule>();
  const schedules = options.sources.flatMap((source) => {
    const harvest = new SourceHarvest(options, source);
    const { harvester } = harvest;
    const { settings, name } = source;
    const schedule = (
      pass: HarvestPass,
      when: string | { readonly everyMs: number },
      work: (signal: AbortSignal) => Promise<number>,
    ): Schedule =>
      new Schedule({
        name: `${pass} ${name}`,
        when,
        log,
        run: async (signal) => {
          if (await harvest.isOff(pass)) return;
          const startedAt = performance.now();
          const changed = await toldOnce(harvest.nemo, pass, () => work(signal));
          onPass({
            source: name,
            pass,
            done: changed !== null,
            durationMs: performance.now() - startedAt,
          });
          if (changed !== null && changed > 0) onChange();
        },
      });
    const followUp = schedule('hints', { everyMs: HINTS_EVERY_MS }, (signal) =>
      harvest.followUp(signal),
    );
    hints.set(name, followUp);
    if (harvester === null) return [followUp];
    return [
      followUp,
      schedule('poll', { everyMs: settings.poll_s * 1000 }, async (signal) =>
        countOf(await harvester.poll(signal)),
      ),
      schedule('adjustments', { everyMs: settings.adjustments_s * 1000 }, async (signal) =>
        countOf(await harvester.adjustments(signal)),
      ),
      schedule('reconcile', settings.reconcile, async (signal) => {
        const { database, environment } = application;
        const nowMs = environment.clock.now().toMillis();
        await database.createScope(() => removeExpiredReplayKeys(nowMs));
        return harvest.compare(harvester, signal);
      }),
    ];
  });
  return { schedules, onHint: (source) => hints.get(source)?.wake() };
}

function countOf({ started, changed, vanished }: HarvestResult): number {
  return started + changed + vanished;
}

/** Logs when a source goes away and when it is back, and nothing in between. @returns null: it is away */
async function toldOnce(
  { name, log, database }: HarvestedNemo,
  pass: HarvestPass,
  work: () => Promise<number>,
): Promise<number | null> {
  const { failures } = await database.createScope(() => sourceCursor(name, pass));
  try {
    const changed = await work();
    if (failures > 0) log.info('The source can be harvested again.', { pass });
    return changed;
  } catch (error) {
    if (!isAppError(error) || !error.code.startsWith('SOURCE_')) throw error;
    if (failures === 0)
      log.warn('The source cannot be harvested; it is tried again.', { pass, error });
    return null;
  }
}

/** Which usage events a person asks for, by when they began. Epoch milliseconds; null: no bound. */
interface HarvestBounds {
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** @throws AppError TIME_INVALID; USAGE when the first is not before the second */
function boundsOf({ from, to }: Pick<RunOptions, 'from' | 'to'>, nowMs: number): HarvestBounds {
  const read = (text: string | undefined): number | null =>
    text === undefined ? null : readGivenTime(text, 'utc', nowMs).epochMs;
  const bounds = { fromMs: read(from), toMs: read(to) };
  if (bounds.fromMs !== null && bounds.fromMs >= (bounds.toMs ?? nowMs)) {
    throw new AppError('USAGE', '--from must be before --to, and in the past.', {
      remedy: 'Name a time in which something can have begun.',
    });
  }
  return bounds;
}

/**
 * Harvests every source once, as far as it answers.
 * @returns what kept a source from being harvested
 * @throws AppError TIME_INVALID, USAGE for bounds that cannot be
 */
export async function harvestOnce(
  options: HarvestOptions,
  run: Pick<RunOptions, 'from' | 'to' | 'harvest'>,
  signal: AbortSignal,
): Promise<readonly AppError[]> {
  const nowMs = options.application.environment.clock.now().toMillis();
  const { fromMs, toMs } = boundsOf(run, nowMs);
  if (run.harvest === false) return [];
  const faults: AppError[] = [];
  for (const source of options.sources) {
    const harvest = new SourceHarvest(options, source);
    const { harvester, nemo } = harvest;
    try {
      if (fromMs !== null || toMs !== null) {
        await harvester?.range(fromMs ?? 0, toMs ?? nowMs, signal);
        continue;
      }
      await harvest.followUp(signal);
      if (harvester === null) continue;
      await harvester.poll(signal);
      await harvester.adjustments(signal);
      if (await isReconcileDue(nemo)) await harvest.compare(harvester, signal);
    } catch (error) {
      if (!isAppError(error) || !error.code.startsWith('SOURCE_')) throw toError(error);
      nemo.log.error('The source cannot be harvested.', { error });
      faults.push(error);
    }
  }
  return faults;
}

async function isReconcileDue({ database, name, clock }: HarvestedNemo): Promise<boolean> {
  const { succeededAtMs } = await database.createScope(() => sourceCursor(name, 'reconcile'));
  return clock.now().toMillis() - (succeededAtMs ?? 0) >= RECONCILE_AFTER_MS;
}

/** What a harvest would take in now, without writing anything. A source that does not answer is told of in the log. */
export async function previewHarvest(
  options: HarvestOptions,
  signal: AbortSignal,
): Promise<readonly ObservedUsageEvent[]> {
  const events: ObservedUsageEvent[] = [];
  for (const source of options.sources) {
    const { harvester, nemo } = new SourceHarvest(options, source);
    try {
      events.push(...((await harvester?.preview(signal)) ?? []));
    } catch (error) {
      if (!isAppError(error) || !error.code.startsWith('SOURCE_')) throw toError(error);
      nemo.log.error('The source cannot be harvested.', { error });
    }
  }
  return events;
}

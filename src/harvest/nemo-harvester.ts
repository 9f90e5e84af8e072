import { toolMapping } from '../db/tool-mapping.js';
import { passFailed, passSucceeded, sourceCursor } from '../db/source-cursor-store.js';
import { liveUsageEvents, knownUsageEvents } from '../db/usage-event-store.js';
import { takeUsageEvent, type ObservedUsageEvent } from '../db/take-usage-event.js';
import { isAppError, type AppError } from '../errors.js';
import type { UsageEvent } from '../sources/nemo/nemo-rows.js';
import type { UsageEventFilter } from '../sources/nemo/usage-event-filter.js';
import type { HarvestPass, ReadableSource } from './nemo-source.js';
import { toolFamilies, type ToolFamilies } from './observe-usage-event.js';
import {
  Harvest,
  UsageEventIntake,
  type HarvestResult,
  type PassContext,
} from './usage-event-intake.js';
import { forgetVanished, isThere } from './vanished-events.js';

/** How far each poll looks back behind the one before: NEMO's transactions may be written late. */
const OVERLAP_MS = 10 * 60_000;
/** A pass that fails again and again waits longer and longer, up to this. */
const LONGEST_BACK_OFF_MS = 10 * 60_000;
const FIRST_BACK_OFF_MS = 5_000;

/**
 * Brings the usage events of one NEMO into the session log. Polls see what begins, changes near now, ends or vanishes while
 * open; adjustments what was corrected by request; reconciling compares everything of the look-back. What is read is the whole
 * truth about an event: nothing depends on the order in which things are seen.
 */
export class NemoHarvester {
  readonly #source: ReadableSource;
  readonly #intake: UsageEventIntake;

  constructor(source: ReadableSource) {
    this.#source = source;
    this.#intake = new UsageEventIntake(source);
  }

  /** New, changed, ended and vanished usage events since the last poll. Throws as `run`. */
  poll(signal: AbortSignal): Promise<HarvestResult> {
    return this.#run('poll', signal, async (context, harvest) => {
      const { source, startedAtMs } = context;
      const fromMs = await this.#pollFromMs(startedAtMs);
      const open = new Set<number>();
      const read = async (filter: UsageEventFilter): Promise<void> => {
        await this.#intake.read(context, filter, harvest, (event) => {
          if (event.end === null) open.add(event.id);
        });
      };
      await read({ isOpen: true });
      await read({ startFromMs: fromMs });
      await read({ endFromMs: fromMs });
      const wereOpen = await source.database.createScope(() =>
        liveUsageEvents(source.name, { isOpen: true }),
      );
      const missing = wereOpen.filter(({ eventId }) => !open.has(eventId));
      await this.#readMissing(context, missing, wereOpen.length, harvest);
    });
  }

  /** Usage events that were corrected by an adjustment request since the last such pass. Throws as `run`. */
  adjustments(signal: AbortSignal): Promise<HarvestResult> {
    return this.#run('adjustments', signal, async (context, harvest) => {
      const { source, startedAtMs } = context;
      const { positionMs } = await source.database.createScope(() =>
        sourceCursor(source.name, 'adjustments'),
      );
      const fromMs = (positionMs ?? startedAtMs - source.lookBackMs) - OVERLAP_MS;
      const requests = await source.client.adjustmentRequests(fromMs, { signal });
      const ids = [...new Set((requests ?? []).flatMap(({ itemId }) => itemId ?? []))];
      const known = await source.database.createScope(() => knownUsageEvents(source.name, ids));
      if (known.size > 0) await this.#intake.read(context, { ids: [...known] }, harvest);
    });
  }

  /** Compares all usage events of the look-back, and older ones that are still open, with NEMO. Throws as `run`. */
  reconcile(signal: AbortSignal): Promise<HarvestResult> {
    return this.#run('reconcile', signal, async (context, harvest) => {
      const { source } = context;
      const fromMs = this.#earliestMs(context.startedAtMs);
      const seen = new Set<number>();
      const see = (event: UsageEvent): void => {
        seen.add(event.id);
      };
      await this.#intake.read(context, { startFromMs: fromMs }, harvest, see);
      await this.#intake.read(context, { endFromMs: fromMs }, harvest, see);
      await this.#intake.read(context, { isOpen: true }, harvest, see);
      const live = await source.database.createScope(async () => [
        ...(await liveUsageEvents(source.name, { fromMs })),
        ...(await liveUsageEvents(source.name, { isOpen: true })),
      ]);
      const known = new Map(live.map((event) => [event.eventId, event]));
      const missing = [...known.values()].filter(({ eventId }) => !seen.has(eventId));
      await this.#readMissing(context, missing, known.size, harvest);
    });
  }

  /**
   * Usage events that began from `fromMs` on and before `toMs` (epoch milliseconds), also from before `sinceMs`: a person asks
   * for them. Throws as `poll`.
   */
  range(fromMs: number, toMs: number, signal: AbortSignal): Promise<HarvestResult> {
    return this.#run('range', signal, async (context, harvest) => {
      await this.#intake.read(context, { startFromMs: fromMs, startBeforeMs: toMs }, harvest);
    });
  }

  /**
   * What a poll would take in, without changing anything.
   * @throws AppError SOURCE_* as NemoClient
   */
  async preview(signal: AbortSignal): Promise<readonly ObservedUsageEvent[]> {
    const source = this.#source;
    const startedAtMs = source.clock.now().toMillis();
    const families = await this.#families(signal);
    if (families.toolIds.length === 0) return [];
    const events = new Map<number, ObservedUsageEvent>();
    const harvest = new Harvest((event) => {
      events.set(event.eventId, event);
      return Promise.resolve('unchanged');
    });
    const context = { pass: 'poll' as const, source, families, signal, startedAtMs };
    const fromMs = await this.#pollFromMs(startedAtMs);
    await this.#intake.read(context, { isOpen: true }, harvest);
    await this.#intake.read(context, { startFromMs: fromMs }, harvest);
    await this.#intake.read(context, { endFromMs: fromMs }, harvest);
    return [...events.values()];
  }

  /**
   * Reads usage events that a message was about.
   * @returns what came of it, and those that NEMO does not have
   * @throws as `poll`
   */
  async refresh(
    eventIds: readonly number[],
    signal: AbortSignal,
  ): Promise<HarvestResult & { readonly missing: readonly number[] }> {
    let missing: number[] = [];
    const result = await this.#run('hints', signal, async (context, harvest) => {
      const found = new Set<number>();
      await this.#intake.read(context, { ids: eventIds }, harvest, (event) => found.add(event.id));
      for (const id of eventIds.filter((eventId) => !found.has(eventId))) {
        if (!(await isThere(this.#source, id, signal))) missing = [...missing, id];
      }
    });
    return { ...result, missing };
  }

  /** @throws AppError SOURCE_* as NemoClient, after the failure was noted; those of the database. */
  async #run(
    pass: HarvestPass,
    signal: AbortSignal,
    work: (context: PassContext, harvest: Harvest) => Promise<void>,
  ): Promise<HarvestResult> {
    const source = this.#source;
    const { database, clock, name } = source;
    const startedAtMs = clock.now().toMillis();
    const harvest = new Harvest((event) =>
      database.createScope(() => takeUsageEvent(event, clock.now().toMillis())),
    );
    try {
      const families = await this.#families(signal);
      if (families.toolIds.length > 0) {
        await work({ pass, source, families, signal, startedAtMs }, harvest);
      }
      const nowMs = clock.now().toMillis();
      await database.createScope(() =>
        passSucceeded(name, pass, { positionMs: startedAtMs, nowMs }),
      );
      return { started: harvest.started, changed: harvest.changed, vanished: harvest.vanished };
    } catch (error) {
      if (signal.aborted || !isOfTheSource(error)) throw error;
      await this.#noteFailure(pass, error);
      throw error;
    }
  }

  async #noteFailure(pass: HarvestPass, error: AppError): Promise<void> {
    const { database, clock, name } = this.#source;
    const nowMs = clock.now().toMillis();
    await database.createScope(async () => {
      const { failures } = await sourceCursor(name, pass);
      const asked = error.details['retryAfterMs'];
      const backOffMs = Math.min(FIRST_BACK_OFF_MS * 2 ** failures, LONGEST_BACK_OFF_MS);
      const waitMs = Math.max(backOffMs, typeof asked === 'number' ? asked : 0);
      const reason =
        error.remedy === undefined ? error.message : `${error.message} ${error.remedy}`;
      await passFailed(name, pass, { reason, nowMs, nextAttemptAtMs: nowMs + waitMs });
    });
  }

  async #families(signal: AbortSignal): Promise<ToolFamilies> {
    const { database, name, url, client } = this.#source;
    const mapping = await database.createScope(() => toolMapping(name, url));
    if (mapping.size === 0) return toolFamilies(mapping, []);
    return toolFamilies(mapping, await client.tools({ signal }));
  }

  #earliestMs(nowMs: number): number {
    const { sinceMs, lookBackMs } = this.#source;
    return Math.max(sinceMs ?? -Infinity, nowMs - lookBackMs);
  }

  async #pollFromMs(nowMs: number): Promise<number> {
    const { database, name, client } = this.#source;
    const { positionMs } = await database.createScope(() => sourceCursor(name, 'poll'));
    // Our last poll by NEMO's clock.
    const behindMs = Math.max(0, -(client.serverClockOffset?.offsetMs ?? 0));
    const earliestMs = this.#earliestMs(nowMs);
    return positionMs === null
      ? earliestMs
      : Math.max(earliestMs, positionMs - behindMs - OVERLAP_MS);
  }

  /**
   * Usage events that should have come with the others and did not: they were changed so that they are elsewhere, or are
   * gone.
   * @param of how many were looked for
   */
  async #readMissing(
    context: PassContext,
    missing: readonly { readonly eventId: number }[],
    of: number,
    harvest: Harvest,
  ): Promise<void> {
    const { pass, source, signal } = context;
    const found = new Set<number>();
    const ids = missing.map(({ eventId }) => eventId);
    if (ids.length > 0) {
      await this.#intake.read(context, { ids }, harvest, (event) => found.add(event.id));
    }
    const eventIds = ids.filter((id) => !found.has(id));
    harvest.vanished += await forgetVanished(source, { pass, eventIds, of }, signal);
  }
}

/** Whether an error says something of the source, and nothing of our database. */
function isOfTheSource(value: unknown): value is AppError {
  return isAppError(value) && value.code.startsWith('SOURCE_');
}

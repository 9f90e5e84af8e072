import { newsOf, type ObservedUsageEvent, type UsageEventEffect } from '../db/take-usage-event.js';
import { knownUsageEvents } from '../db/usage-event-store.js';
import { isAppError, type AppError, type ErrorCode } from '../errors.js';
import type { UsageEvent } from '../sources/nemo/nemo-rows.js';
import type { UsageEventFilter } from '../sources/nemo/usage-event-filter.js';
import type { HarvestPass, ReadableSource } from './nemo-source.js';
import { UsageEventObserver, type ToolFamilies } from './observe-usage-event.js';

/** Usage events that are taken in together. */
const BATCH = 50;
/** Rows that cannot be read and were told of. */
const MOST_INVALID_ROWS = 1000;
/** Errors that say something of one usage event alone. */
const OF_ONE_EVENT: readonly ErrorCode[] = [
  'INPUT_INVALID',
  'TIME_INVALID',
  'DATABASE_CONSTRAINT',
  'TRANSITION_NOT_ALLOWED',
];

/** What a pass came to. */
export interface HarvestResult {
  /** Usage events that began a session, changed one, or were found to be gone. */
  readonly started: number;
  readonly changed: number;
  readonly vanished: number;
}

/** What all parts of one pass work with. */
export interface PassContext {
  readonly pass: HarvestPass;
  readonly source: ReadableSource;
  readonly families: ToolFamilies;
  readonly signal: AbortSignal;
  readonly startedAtMs: number;
}

/** Where a pass brings what it finds, with the count of it. */
export class Harvest implements HarvestResult {
  started = 0;
  changed = 0;
  vanished = 0;
  readonly #take: (event: ObservedUsageEvent) => Promise<UsageEventEffect>;

  constructor(take: (event: ObservedUsageEvent) => Promise<UsageEventEffect>) {
    this.#take = take;
  }

  async take(event: ObservedUsageEvent): Promise<void> {
    const effect = await this.#take(event);
    if (effect === 'started') this.started += 1;
    else if (effect === 'changed' || effect === 'moved away') this.changed += 1;
  }
}

/** Reads usage events of one NEMO and hands those that say something new to the harvest. */
export class UsageEventIntake {
  readonly #source: ReadableSource;
  readonly #observer: UsageEventObserver;
  readonly #invalidRows = new Set<string>();

  constructor(source: ReadableSource) {
    this.#source = source;
    this.#observer = new UsageEventObserver(source);
  }

  /** Takes in what NEMO has for a filter, in batches. */
  async read(
    context: PassContext,
    filter: UsageEventFilter,
    harvest: Harvest,
    onEvent?: (event: UsageEvent) => void,
  ): Promise<void> {
    const { source, families, signal } = context;
    const toolIds = filter.ids === undefined ? { toolIds: families.toolIds } : {};
    let batch: UsageEvent[] = [];
    const events = source.client.usageEvents(
      { ...filter, ...toolIds },
      {
        signal,
        onInvalidRow: (error) => this.#warnOfRow(error),
      },
    );
    for await (const event of events) {
      onEvent?.(event);
      batch.push(event);
      if (batch.length < BATCH) continue;
      await this.#take(context, batch, harvest);
      batch = [];
    }
    await this.#take(context, batch, harvest);
  }

  /** Once a row: it comes again with every pass. */
  #warnOfRow(error: AppError): void {
    const row = String(error.details['rowId']);
    if (this.#invalidRows.has(row)) return;
    if (this.#invalidRows.size >= MOST_INVALID_ROWS) this.#invalidRows.clear();
    this.#invalidRows.add(row);
    const { log, name } = this.#source;
    log.warn('A usage event cannot be read; the others are taken in.', { source: name, error });
  }

  async #take(
    context: PassContext,
    events: readonly UsageEvent[],
    harvest: Harvest,
  ): Promise<void> {
    const { source, families, signal } = context;
    const observed: ObservedUsageEvent[] = [];
    for (const event of events) {
      const reading = { client: source.client, signal, isConfirmed: true };
      observed.push(await this.#observer.observe(event, families, reading));
    }
    const nowMs = source.clock.now().toMillis();
    const { database, name } = source;
    const news = await database.createScope(() => newsOf(name, observed, nowMs));
    const known = await database.createScope(() =>
      knownUsageEvents(
        name,
        news.map(({ eventId }) => eventId),
      ),
    );
    for (const event of news) {
      if (!known.has(event.eventId) && !this.#isTakenIn(event, context)) continue;
      await this.#takeOne(event, harvest);
    }
  }

  /** One that the log cannot hold stops no other. */
  async #takeOne(event: ObservedUsageEvent, harvest: Harvest): Promise<void> {
    try {
      await harvest.take(event);
    } catch (error) {
      if (!isAppError(error) || !OF_ONE_EVENT.includes(error.code)) throw error;
      const { log, name } = this.#source;
      log.error('A usage event cannot be taken in; the others are.', {
        source: name,
        eventId: event.eventId,
        error,
      });
    }
  }

  /** Whether a usage event that we do not know yet is one that we want. */
  #isTakenIn(event: ObservedUsageEvent, { pass, families }: PassContext): boolean {
    const { sinceMs } = this.#source;
    const isAsked = pass === 'range';
    if (!isAsked && sinceMs !== null && event.start.epochMs < sinceMs) return false;
    return families.instrumentOf(event.toolId)?.active === true;
  }
}

import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Database } from '../db/database.js';
import {
  addHints,
  countWaitingHints,
  type HintReceipt,
  type PushedHint,
} from '../db/webhook-hint-store.js';
import type { Clock } from '../clock.js';
import { AppError, isAppError, toError } from '../errors.js';

export interface WebhookInboxOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Most hints of one source that may wait to be followed up. */
  readonly mostWaiting: number;
  /** Milliseconds after which a sender is told to come again; the message may be kept all the same. */
  readonly answerWithinMs: number;
}

/** A message on its way into the database, and whom to tell. */
interface Entry {
  readonly hint: PushedHint;
  readonly resolve: (receipt: HintReceipt) => void;
  readonly reject: (error: unknown) => void;
}

/** Messages in one transaction: bounds its size. */
const MOST_TOGETHER = 200;
/** Messages held in memory while the database is slow. */
const MOST_QUEUED = 2000;
/** How old the number of waiting hints may be, which other daemons change too. */
const COUNT_HOLDS_MS = 1000;

/** Errors that a message does not bring about; what waits with it meets them too. */
const NOT_OF_ONE_MESSAGE = new Set(['DATABASE_UNAVAILABLE', 'DATABASE_BUSY']);

/**
 * Brings messages into the database for good, together: one commit, which costs a write to the disk, for all that came while
 * the one before was under way. Each message is answered only after its commit.
 */
export class WebhookInbox {
  readonly #options: WebhookInboxOptions;
  readonly #queue = new Set<Entry>();
  #isCommitting = false;
  #waiting = new Map<string, number>();
  #countedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: WebhookInboxOptions) {
    this.#options = options;
  }

  /**
   * Keeps a message, or finds that it came before.
   * @throws AppError DATABASE_UNAVAILABLE; DATABASE_BUSY when it takes too long; BACKLOG_FULL. Then it may be sent again.
   */
  async take(hint: PushedHint): Promise<HintReceipt> {
    if (this.#queue.size >= MOST_QUEUED) throw tooSlow();
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        hint,
        resolve: (receipt) => {
          clearTimeout(timer);
          resolve(receipt);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(toError(error));
        },
      };
      const timer = setTimeout(() => {
        this.#queue.delete(entry);
        reject(tooSlow());
      }, this.#options.answerWithinMs);
      this.#queue.add(entry);
      void this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    if (this.#isCommitting) return;
    this.#isCommitting = true;
    while (this.#queue.size > 0) {
      // What arrived in the same turn joins.
      await turnOfTheLoop();
      const batch = [...this.#queue].slice(0, MOST_TOGETHER);
      for (const entry of batch) this.#queue.delete(entry);
      await this.#commit(batch);
    }
    this.#isCommitting = false;
  }

  /** Answers each entry, whatever happens. */
  async #commit(entries: readonly Entry[]): Promise<void> {
    try {
      await this.#countWaiting();
      const kept = entries.filter((entry) => this.#hasRoom(entry.hint.source));
      for (const entry of entries) {
        if (!kept.includes(entry)) entry.reject(backlogFull(entry.hint.source));
      }
      await this.#keep(kept);
    } catch (error) {
      for (const entry of entries) entry.reject(error);
    }
  }

  /** @throws AppError when the database cannot be used */
  async #keep(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const { database, clock } = this.#options;
    const hints = entries.map(({ hint }) => hint);
    try {
      const receipts = await database.createScope(() => addHints(hints, clock.now().toMillis()));
      entries.forEach((entry, index) => {
        const receipt = receipts[index] ?? 'duplicate';
        if (receipt === 'accepted') this.#noteAccepted(entry.hint.source);
        entry.resolve(receipt);
      });
    } catch (error) {
      const isOfAll = isAppError(error) && NOT_OF_ONE_MESSAGE.has(error.code);
      if (isOfAll || entries.length === 1) throw error;
      // One message that the database does not take must not keep out those that came with it.
      for (const entry of entries) await this.#keep([entry]).catch(entry.reject);
    }
  }

  async #countWaiting(): Promise<void> {
    if (performance.now() - this.#countedAtMs < COUNT_HOLDS_MS) return;
    this.#waiting = new Map(await this.#options.database.createScope(countWaitingHints));
    this.#countedAtMs = performance.now();
  }

  #hasRoom(source: string): boolean {
    return (this.#waiting.get(source) ?? 0) < this.#options.mostWaiting;
  }

  #noteAccepted(source: string): void {
    this.#waiting.set(source, (this.#waiting.get(source) ?? 0) + 1);
  }
}

function tooSlow(): AppError {
  return new AppError('DATABASE_BUSY', 'The database does not keep up with the messages.', {
    remedy: 'Send the message again later.',
  });
}

function backlogFull(source: string): AppError {
  return new AppError(
    'BACKLOG_FULL',
    `Too many messages of ${source} wait until they are followed up.`,
    {
      remedy: 'Send the message again later; see `recordsmith doctor` why the source is not asked.',
      details: { source },
    },
  );
}

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context, SavedAction, Signal } from './context.js';
import { millisecondsOf } from './instants.js';
import { post } from './post.js';
import { pushBody, type WebhookBody, type WebhookIdentity } from './push-bodies.js';
import { signatureHeaders, type WebhookScheme } from './push-signatures.js';

export interface WebhookOptions {
  readonly url: string;
  readonly body: WebhookBody;
  /** @default that of the body: drf-hooks and signal-webhooks have none */
  readonly scheme?: WebhookScheme;
  readonly secrets?: readonly string[];
  /** Fixed headers, for example `Authorization`: all that drf-hooks and signal-webhooks can do. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly uuid?: string;
  /** Sent when the transaction is committed, not when the row is saved. @default only django-webhook2 */
  readonly afterCommit?: boolean;
  /** Further tries after an error status. @default 5, for drf-hooks and signal-webhooks 0 */
  readonly retries?: number;
  /** @default 60 000, as django-webhook waits */
  readonly retryDelayMs?: number;
  /** Whether refused connections are tried again, too: the django-webhook family gives up. @default false */
  readonly retriesRefused?: boolean;
}

/** One attempt to deliver. */
export interface Attempt {
  readonly action: SavedAction;
  readonly eventId: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** null: refused, broken or dropped. */
  readonly status: number | null;
}

interface Message {
  readonly id: string;
  readonly signal: Signal;
  readonly body: string;
}

const UNSIGNED: readonly WebhookBody[] = ['drf-hooks', 'drf-hooks-fields', 'signal-webhooks'];

function schemeOf({ scheme, body }: WebhookOptions): WebhookScheme {
  if (scheme !== undefined) return scheme;
  if (UNSIGNED.includes(body)) return 'none';
  return body === 'standard-webhooks' ? 'standard-webhooks' : 'django-webhook';
}

/** One configured web hook: sends what is saved and deleted, with the faults a test asks for. */
export class FakeWebhook {
  readonly uuid: string;
  /** All attempts so far, the oldest first. */
  readonly attempts: Attempt[] = [];
  readonly #context: Context;
  readonly #options: WebhookOptions;
  readonly #identity: WebhookIdentity;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #secrets: readonly string[];
  #held: Message[] | null = null;
  #copies = 1;
  #drops = 0;
  #delayMs = 0;
  #clockAheadSeconds = 0;

  constructor(context: Context, id: number, options: WebhookOptions) {
    this.uuid = options.uuid ?? randomUUID();
    this.#context = context;
    this.#options = options;
    this.#identity = { id, url: options.url, uuid: this.uuid };
    this.#secrets = options.secrets ?? [];
    // Each delivery under way listens for the end.
    setMaxListeners(0, this.#stop.signal);
  }

  get afterCommit(): boolean {
    return this.#options.afterCommit ?? this.#options.body === 'django-webhook2';
  }

  /** During a rotation two secrets sign. */
  rotate(secrets: readonly string[]): void {
    this.#secrets = secrets;
  }

  /** The sender's clock is wrong by so much. */
  setClockAhead(seconds: number): void {
    this.#clockAheadSeconds = seconds;
  }

  /** Each further message goes out so many times, byte for byte the same when within one second. */
  duplicate(copies: number): void {
    this.#copies = copies;
  }

  /** The next messages are lost. */
  drop(messages = 1): void {
    this.#drops = messages;
  }

  /** Each further message goes out so much later. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** Keeps further messages back until release(). */
  hold(): void {
    this.#held ??= [];
  }

  /** Sends what was kept back one after the other, `reversed` the last first. */
  release(order: 'in-order' | 'reversed' = 'in-order'): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (order === 'reversed') held.reverse();
    this.#track(this.#deliverInTurn(held));
  }

  /** What a signal comes to. */
  push(signal: Signal): void {
    const body = pushBody(this.#options.body, this.#context, signal, this.#identity);
    const message = { id: `msg_${randomUUID()}`, signal, body };
    if (this.#held !== null) this.#held.push(message);
    else this.#track(this.#deliver(message));
  }

  /** Waits for all deliveries under way with their retries; what is held back is not under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Gives up all deliveries. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  #track(delivery: Promise<void>): void {
    const tracked = delivery.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  async #deliverInTurn(messages: readonly Message[]): Promise<void> {
    for (const message of messages) await this.#deliver(message);
  }

  async #deliver(message: Message): Promise<void> {
    if (this.#drops > 0) {
      this.#drops -= 1;
      return;
    }
    await this.#wait(this.#delayMs);
    await Promise.all(Array.from({ length: this.#copies }, () => this.#tryUntilTaken(message)));
  }

  async #tryUntilTaken(message: Message): Promise<void> {
    const unsigned = UNSIGNED.includes(this.#options.body);
    const { retries = unsigned ? 0 : 5, retryDelayMs = 60_000 } = this.#options;
    for (let attempt = 0; attempt <= retries && !this.#stop.signal.aborted; attempt += 1) {
      const headers = this.#headers(message);
      const { status, retryAfterSeconds } = await post(
        this.#options.url,
        headers,
        message.body,
        this.#stop.signal,
      );
      const { action, event } = message.signal;
      this.attempts.push({ action, eventId: event.id, headers, body: message.body, status });
      // A refused connection has no status to look at: the package stops trying there.
      if (status === null && this.#options.retriesRefused !== true) return;
      if (status !== null && status < 400) return;
      const heeded = this.#options.body === 'standard-webhooks' ? retryAfterSeconds : null;
      if (attempt < retries) await this.#wait(heeded === null ? retryDelayMs : heeded * 1000);
    }
  }

  #headers(message: Message): Record<string, string> {
    const seconds = Math.floor(millisecondsOf(this.#context.clock.now()) / 1000);
    const signable = {
      id: message.id,
      webhookUuid: this.uuid,
      timestamp: seconds + this.#clockAheadSeconds,
      body: message.body,
      event: `usage_event.${message.signal.action}`,
    };
    return {
      'Content-Type': 'application/json',
      'User-Agent': 'python-urllib3/1.26.12',
      ...this.#options.headers,
      ...signatureHeaders(schemeOf(this.#options), signable, this.#secrets),
    };
  }

  async #wait(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return;
    // Closing ends the wait; the loop that waited looks for that itself.
    await pause(milliseconds, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

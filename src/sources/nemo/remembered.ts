import type { Clock } from '../../clock.js';

interface Kept<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/** Values by key that are read again when they are older than `lifetimeMs` milliseconds. */
export class Remembered<Key, Value> {
  readonly #kept = new Map<Key, Kept<Value>>();
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #most: number;

  constructor(lifetimeMs: number, clock: Clock, most = 10_000) {
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    this.#most = most;
  }

  /** The value; `refresh`: read anew in any case. Null and what is thrown is not remembered. */
  async get(key: Key, refresh: boolean, read: () => Promise<Value | null>): Promise<Value | null> {
    const kept = this.#kept.get(key);
    const nowMs = this.#clock.now().toMillis();
    if (!refresh && kept !== undefined && kept.untilMs > nowMs) return kept.value;
    const value = await read();
    this.#kept.delete(key);
    if (value === null) return null;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= this.#most) this.#kept.delete(oldest);
    this.#kept.set(key, { value, untilMs: nowMs + this.#lifetimeMs });
    return value;
  }
}

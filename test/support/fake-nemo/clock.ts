import { instantOf, type Instant, type Time } from './instants.js';

/** The server's clock: real time, or a time that stands still until a test moves it. */
export class FakeClock {
  #standing: Instant | null;
  #ahead = 0n;

  constructor(start?: Time) {
    this.#standing = start === undefined ? null : instantOf(start);
  }

  now(): Instant {
    const base =
      this.#standing ?? BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
    return base + this.#ahead;
  }

  advance(milliseconds: number): void {
    this.#ahead += BigInt(Math.round(milliseconds * 1000));
  }

  /** From here on the clock stands. */
  set(time: Time): void {
    this.#standing = instantOf(time);
    this.#ahead = 0n;
  }
}

import { toError } from '../errors.js';
import { maskSecrets } from '../log-values.js';
import { Remembered } from './remembered.js';
import { withinTime } from './within-time.js';

/** One thing that has to work. */
export interface ReadinessCheck {
  /** `database`, `store titan`... Two checks of one name are one. */
  readonly name: string;
  /** Null: it works; else why not, in words. What it throws is a reason too. */
  run(): Promise<string | null>;
}

/** How one check came out. */
export interface ReadinessFinding {
  readonly name: string;
  readonly ok: boolean;
  readonly reason: string | null;
}

export interface ReadinessReport {
  readonly ready: boolean;
  readonly findings: readonly ReadinessFinding[];
}

export interface ReadinessOptions {
  /** Lists of checks; each list may have to be asked for, and may hang as a check may. */
  readonly groups: readonly {
    readonly name: string;
    list(): Promise<readonly ReadinessCheck[]>;
  }[];
  /** Milliseconds that a list and then a check may take. @default 2 s */
  readonly timeLimitMs?: number;
  /** Milliseconds for which an answer holds. @default 5 s */
  readonly keepMs?: number;
}

/**
 * Whether the daemon can do its work. A check that hangs is never waited for longer than its time limit, nor begun a second
 * time while it hangs.
 */
export class Readiness {
  readonly #groups: ReadinessOptions['groups'];
  readonly #timeLimitMs: number;
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #report: Remembered<ReadinessReport>;

  constructor(options: ReadinessOptions) {
    this.#groups = options.groups;
    this.#timeLimitMs = options.timeLimitMs ?? 2000;
    this.#report = new Remembered(() => this.#examine(), options.keepMs ?? 5000);
  }

  /** Never rejects. */
  report(): Promise<ReadinessReport> {
    return this.#report.value();
  }

  async #examine(): Promise<ReadinessReport> {
    const found = await Promise.all(
      this.#groups.map(async (group) => {
        const { name } = group;
        const listed = await this.#limited(`list of ${name}`, () => group.list());
        if ('reason' in listed) return [{ name, ok: false, reason: listed.reason }];
        return Promise.all(listed.result.map((check) => this.#check(check)));
      }),
    );
    const findings = found.flat();
    return { ready: findings.every(({ ok }) => ok), findings };
  }

  async #check(check: ReadinessCheck): Promise<ReadinessFinding> {
    const checked = await this.#limited(check.name, () => check.run());
    const reason = 'reason' in checked ? checked.reason : checked.result;
    return { name: check.name, ok: reason === null, reason };
  }

  async #limited<Result>(
    name: string,
    work: () => Promise<Result>,
  ): Promise<{ readonly result: Result } | { readonly reason: string }> {
    if (this.#running.has(name)) return { reason: 'it still does not answer' };
    const running = work();
    this.#running.set(name, running);
    const over = (): boolean => this.#running.delete(name);
    running.then(over, over);
    try {
      const timed = await withinTime(running, this.#timeLimitMs);
      if (timed.kind === 'done') return { result: timed.result };
      return { reason: `it did not answer within ${this.#timeLimitMs / 1000} s` };
    } catch (error) {
      return { reason: maskSecrets(toError(error).message) };
    }
  }
}

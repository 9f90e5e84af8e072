import {
  countFinishedSessions,
  countOpenSessions,
  countProblems,
  countWaitingHints,
  oldestDueSinceMs,
  sessionsWithoutFilesInARow,
  sourcePassStates,
  type SourcePassState,
  type StatusCounts,
} from '../db/monitoring-store.js';
import type { HttpEnvironment } from './http-environment.js';
import { Remembered } from './remembered.js';
import { withinTime } from './within-time.js';

/** What the database says of the work. */
export interface StoreFigures {
  readonly sessions: StatusCounts;
  readonly problems: ReadonlyMap<string, number>;
  /** Milliseconds; 0: no session is due. */
  readonly oldestDueAgeMs: number;
  readonly sourcePasses: readonly SourcePassState[];
  readonly waitingHints: ReadonlyMap<string, number>;
  readonly withoutFilesInARow: ReadonlyMap<string, number>;
}

export interface FiguresOptions {
  readonly environment: HttpEnvironment;
  /** Names of the sources of the configuration. */
  readonly sources: readonly string[];
  /** Milliseconds after which a session without END is a problem. */
  readonly problemAgeMs: number;
  /** Milliseconds for which figures hold. @default 5 s */
  readonly keepMs?: number;
  /** The same for counts of finished sessions, each of which costs an entry of an index. @default 1 min */
  readonly keepFinishedMs?: number;
}

/** Milliseconds that the database may take. */
const TIME_LIMIT_MS = 3000;

/** The figures of the database, read at most every few seconds. */
export class Figures {
  readonly #options: FiguresOptions;
  readonly #finished: Remembered<StatusCounts>;
  readonly #figures: Remembered<StoreFigures>;

  constructor(options: FiguresOptions) {
    this.#options = options;
    const { environment, keepMs = 5000, keepFinishedMs = 60_000 } = options;
    const { database } = environment;
    this.#finished = new Remembered(
      () => database.createScope(countFinishedSessions),
      keepFinishedMs,
    );
    this.#figures = new Remembered(() => this.#find(), keepMs);
  }

  /** Null: the database is away or does not answer in time. */
  async read(): Promise<StoreFigures | null> {
    try {
      const timed = await withinTime(this.#figures.value(), TIME_LIMIT_MS);
      return timed.kind === 'done' ? timed.result : null;
    } catch (error) {
      this.#options.environment.log.warn('The figures for /metrics cannot be read.', { error });
      return null;
    }
  }

  async #find(): Promise<StoreFigures> {
    const { environment, sources, problemAgeMs } = this.#options;
    const finished = await this.#finished.value();
    const nowMs = environment.clock.now().toMillis();
    return environment.database.createScope(async () => {
      const dueSinceMs = await oldestDueSinceMs(nowMs);
      return {
        sessions: new Map([...(await countOpenSessions()), ...finished]),
        problems: await countProblems(nowMs - problemAgeMs),
        oldestDueAgeMs: dueSinceMs === null ? 0 : Math.max(0, nowMs - dueSinceMs),
        sourcePasses: await sourcePassStates(sources),
        waitingHints: await countWaitingHints(sources),
        withoutFilesInARow: await sessionsWithoutFilesInARow(nowMs),
      };
    });
  }
}

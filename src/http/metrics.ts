import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BUILD_OUTCOMES, type AttemptOutcome } from '../domain/record-status.js';
import type { StoreFigures } from './figures.js';

/** What counts of a build that ended. */
export interface FinishedBuild {
  readonly outcome: AttemptOutcome;
  readonly durationMs: number;
}

/** Seconds: from a session of few files to one that takes hours. */
const DURATIONS = [0.1, 0.5, 1, 2, 5, 15, 60, 300, 1800, 7200];

/**
 * The metrics of one daemon: what it counts itself, and the figures of the database at the moment of a scrape. Labels are
 * statuses, instruments and the sources of the configuration, never sessions or people.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #builds: Counter<'outcome'>;
  readonly #buildSeconds: Histogram<'outcome'>;
  readonly #messages: Counter<'source' | 'outcome'>;
  readonly #passes: Counter<'source' | 'pass' | 'outcome'>;
  readonly #passSeconds: Histogram<'source' | 'pass'>;
  readonly #databaseUp: Gauge;
  readonly #sessions: Gauge<'status'>;
  readonly #problems: Gauge<'problem'>;
  readonly #oldestDue: Gauge;
  readonly #sourceSuccess: Gauge<'source' | 'pass'>;
  readonly #sourceFailures: Gauge<'source' | 'pass'>;
  readonly #waitingHints: Gauge<'source'>;
  readonly #withoutFiles: Gauge<'instrument'>;

  /** @param version of recordsmith */
  constructor(version: string) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: 'recordsmith_info',
      help: 'The version that runs',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    this.#builds = new Counter({
      name: 'recordsmith_builds_total',
      help: 'Build attempts of this daemon that ended, by outcome',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of [...BUILD_OUTCOMES, 'DEFERRED']) this.#builds.inc({ outcome }, 0);
    this.#buildSeconds = new Histogram({
      name: 'recordsmith_build_duration_seconds',
      help: 'Duration of build attempts, by outcome',
      labelNames: ['outcome'],
      buckets: DURATIONS,
      registers,
    });
    this.#messages = new Counter({
      name: 'recordsmith_webhook_messages_total',
      help: 'Messages pushed by a source, by what became of them',
      labelNames: ['source', 'outcome'],
      registers,
    });
    this.#passes = new Counter({
      name: 'recordsmith_source_passes_total',
      help: 'Passes over a source by this daemon, by outcome (done, failed)',
      labelNames: ['source', 'pass', 'outcome'],
      registers,
    });
    this.#passSeconds = new Histogram({
      name: 'recordsmith_source_pass_duration_seconds',
      help: 'Duration of passes over a source',
      labelNames: ['source', 'pass'],
      buckets: DURATIONS,
      registers,
    });
    this.#databaseUp = new Gauge({
      name: 'recordsmith_database_up',
      help: 'Whether the database answered; 0: what is read from it is missing',
      registers,
    });
    this.#sessions = new Gauge({
      name: 'recordsmith_sessions',
      help: 'Sessions by status; those of final statuses up to a minute old',
      labelNames: ['status'],
      registers,
    });
    this.#problems = new Gauge({
      name: 'recordsmith_problems',
      help: 'Sessions that need a person, by problem',
      labelNames: ['problem'],
      registers,
    });
    this.#oldestDue = new Gauge({
      name: 'recordsmith_oldest_due_session_age_seconds',
      help: 'For how long the session that is due the longest has waited; 0: none is due',
      registers,
    });
    this.#sourceSuccess = new Gauge({
      name: 'recordsmith_source_last_success_timestamp_seconds',
      help: 'When a pass over a source last went well',
      labelNames: ['source', 'pass'],
      registers,
    });
    this.#sourceFailures = new Gauge({
      name: 'recordsmith_source_failures',
      help: 'Failures in a row of a pass over a source',
      labelNames: ['source', 'pass'],
      registers,
    });
    this.#waitingHints = new Gauge({
      name: 'recordsmith_webhook_hints_waiting',
      help: 'Pushed messages that wait to be followed up',
      labelNames: ['source'],
      registers,
    });
    this.#withoutFiles = new Gauge({
      name: 'recordsmith_sessions_without_files_in_a_row',
      help: 'How many of the newest sessions of an instrument had no file, in a row (at most 50)',
      labelNames: ['instrument'],
      registers,
    });
  }

  /** Content type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** To be told of every build that ended or was put off. */
  buildFinished({ outcome, durationMs }: FinishedBuild): void {
    this.#builds.inc({ outcome });
    // Zero: put off before it began, since what it needs is away.
    if (durationMs > 0) this.#buildSeconds.observe({ outcome }, durationMs / 1000);
  }

  /**
   * To be told of every message pushed to the webhook of a source.
   * @param source name of a source of the configuration, never what a caller wrote
   * @param outcome one of a fixed few: `accepted`, `duplicate`, `refused`...
   */
  webhookTaken(source: string, outcome: string): void {
    this.#messages.inc({ source, outcome });
  }

  /** To be told of every pass over a source of the configuration. */
  sourcePolled(
    source: string,
    pass: string,
    result: { readonly outcome: 'done' | 'failed'; readonly durationMs: number },
  ): void {
    this.#passes.inc({ source, pass, outcome: result.outcome });
    this.#passSeconds.observe({ source, pass }, result.durationMs / 1000);
  }

  /** Everything in the text format of Prometheus. */
  async text(figures: StoreFigures | null): Promise<string> {
    this.#take(figures);
    return this.#registry.metrics();
  }

  #take(figures: StoreFigures | null): void {
    for (const gauge of [this.#sessions, this.#problems, this.#oldestDue]) gauge.reset();
    for (const gauge of [this.#sourceSuccess, this.#sourceFailures]) gauge.reset();
    for (const gauge of [this.#waitingHints, this.#withoutFiles]) gauge.reset();
    this.#databaseUp.set(figures === null ? 0 : 1);
    if (figures === null) {
      // A gauge without labels shows 0 after a reset, which would say that nothing is due.
      this.#oldestDue.remove();
      return;
    }
    for (const [status, count] of figures.sessions) this.#sessions.set({ status }, count);
    for (const [problem, count] of figures.problems) this.#problems.set({ problem }, count);
    this.#oldestDue.set(figures.oldestDueAgeMs / 1000);
    for (const { source, pass, succeededMs, failures } of figures.sourcePasses) {
      if (succeededMs !== null) this.#sourceSuccess.set({ source, pass }, succeededMs / 1000);
      this.#sourceFailures.set({ source, pass }, failures);
    }
    for (const [source, count] of figures.waitingHints) this.#waitingHints.set({ source }, count);
    for (const [instrument, count] of figures.withoutFilesInARow) {
      this.#withoutFiles.set({ instrument }, count);
    }
  }
}

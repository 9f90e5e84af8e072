import { CLEAN_UP_AGE_MS, cleanUp } from '../daemon/clean-up.js';
import { closeIdleSessions } from '../daemon/close-idle-sessions.js';
import { repairPublications } from '../daemon/publish-record-version.js';
import { repairPublicFiles } from '../daemon/repair-public-files.js';
import { runPass } from '../daemon/run-pass.js';
import { Schedule } from '../daemon/schedule.js';
import { requireSchema } from '../db/migrate.js';
import { WakeUp } from '../db/wake-up.js';
import type { Metrics } from '../http/metrics.js';
import type { HttpServer } from '../http/start-http-server.js';
import { isAppError, toError, type AppError } from '../errors.js';
import type { ClosableLog } from '../log.js';
import { openApplication, type Application } from '../main.js';
import type { Config } from '../config/schema.js';
import { idleSources } from '../configured-instrument-pcs.js';
import { databaseSettingsOf } from '../configured-database.js';
import { buildAloneWith } from './build-alone.js';
import { changedKeys } from '../config/changed-keys.js';
import { logSettingsOf, type CommandContext } from './command-context.js';
import { createMetrics, isServedByAnother, loadHttp, serveHttp } from './daemon-http.js';
import { DueTimer } from './due-timer.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { harvestSchedules } from './harvest-sources.js';
import { ReloadRequests } from './reload-requests.js';
import { countOutcomes } from './report-json.js';
import { announceMode, checkRecordSchema } from './run-once.js';
import { StopSignals } from './stop-signals.js';
import { warnOfInstrumentSettings } from './warn-of-instrument-settings.js';

/** When what crashes left is cleaned up, besides at the start: daily, at night. */
const CLEAN_UP_TIME = '23 3 * * *';

/** How often a daemon looks whether the one that serves HTTP in its place has ended. */
const HTTP_TURN_EVERY_MS = 5000;

/** When sessions are looked for that nobody ended and nothing is written in any more: each minute. */
const IDLE_SESSIONS_TIME = '* * * * *';

/** What stays the same as long as the daemon runs. */
interface Daemon {
  readonly context: CommandContext;
  readonly log: ClosableLog;
  readonly signals: StopSignals;
  /** Why it has to end; null: nobody but a signal ends it. */
  failure: AppError | null;
  /** They count from the first HTTP interface on; null: there was none yet. */
  metrics: Metrics | null;
}

/** The daemon at work with one configuration. */
interface DaemonLife {
  readonly config: Config;
  /** Null: there is none. */
  readonly http: HttpServer | null;
  /**
   * Serves HTTP as the configuration says, in the place of what served it before.
   * @throws AppError as serveHttp; then what served it before goes on.
   */
  listen(before: HttpServer | null): Promise<void>;
  start(): void;
  /** Takes no more work, waits for what goes on, closes everything. */
  stop(): Promise<void>;
}

/** Whether the database is still one that this version can work with; else the daemon drains and ends. */
async function hasKnownSchema(daemon: Daemon, { database }: Application): Promise<boolean> {
  try {
    await requireSchema(database);
    return true;
  } catch (error) {
    if (!isAppError(error) || error.code !== 'SCHEMA_TOO_NEW') throw error;
    daemon.failure = error;
    daemon.signals.stop('the database was changed by a newer version');
    return false;
  }
}

async function pass(
  daemon: Daemon,
  application: Application,
  config: Config,
  ended: AbortSignal,
): Promise<void> {
  if (!(await hasKnownSchema(daemon, application))) return;
  const { context, log, signals } = daemon;
  const { environment } = application;
  // What could not be published when it was built, as a disk was full or the database went away.
  await repairPublications(environment);
  const { reports, durationMs } = await runPass(environment, {
    identifiers: null,
    instrumentPids: null,
    ignoreBackoff: false,
    concurrency: config.build.concurrency,
    stopTaking: AbortSignal.any([ended, signals.stopTaking]),
    stopWork: signals.stopWork,
    buildAlone: buildAloneWith(environment, context, {}),
    onReport: (report) => daemon.metrics?.buildFinished(report),
  });
  if (reports.length === 0) return;
  log.info('The pass is done.', {
    ...countOutcomes(reports),
    sessions: reports.length,
    durationMs: Math.round(durationMs),
  });
}

/**
 * Opens and checks all that a configuration asks for; nothing is built yet.
 * @throws AppError as openApplication and checkRecordSchema.
 */
async function beginLife(daemon: Daemon, config: Config): Promise<DaemonLife> {
  const { context, log, signals } = daemon;
  const { version } = context;
  // While the database is opened. A fault is told when it is used.
  if (config.http.enabled) loadHttp().catch(() => undefined);
  const application = await openApplication({ config, log, version });
  try {
    await warnOfInstrumentSettings(application, config, log);
    await checkRecordSchema(application, config);
    announceMode(config, log);
  } catch (error) {
    await application.close();
    throw error;
  }
  const builds = new Schedule({
    name: 'build',
    when: config.build.schedule,
    log,
    run: async (ended) => {
      dueTimer.cancel();
      await pass(daemon, application, config, ended);
      await dueTimer.set();
    },
  });
  const dueTimer = new DueTimer(application, () => builds.wake());
  const harvesting = harvestSchedules(
    { application, sources: application.sources, log },
    {
      onChange: () => builds.wake(),
      onPass: (finished) =>
        daemon.metrics?.sourcePolled(finished.source, finished.pass, {
          outcome: finished.done ? 'done' : 'failed',
          durationMs: finished.durationMs,
        }),
    },
  );
  const settings = databaseSettingsOf(config.database);
  const wakeUp =
    settings.client === 'postgres'
      ? new WakeUp({ settings, log, onWake: () => builds.wake() })
      : null;
  const idleTimes = new Map<string, number>();
  const schedules = [
    builds,
    ...harvesting.schedules,
    new Schedule({
      name: 'idle sessions',
      when: IDLE_SESSIONS_TIME,
      log,
      run: async (ended) => {
        await closeIdleSessions({
          environment: application.environment,
          sources: idleSources(config),
          notBefore: idleTimes,
          signal: AbortSignal.any([ended, signals.stopTaking]),
        });
      },
    }),
    new Schedule({
      name: 'clean-up',
      when: CLEAN_UP_TIME,
      log,
      run: async (ended) => {
        const signal = AbortSignal.any([ended, signals.stopTaking]);
        await repairPublicFiles(application.environment, { most: null, signal });
        await cleanUp(application.environment, { olderThanMs: CLEAN_UP_AGE_MS, signal });
      },
    }),
  ];
  let http: HttpServer | null = null;
  let isTurnAwaited = false;
  const listen = async (before: HttpServer | null): Promise<void> => {
    if (!config.http.enabled) return;
    daemon.metrics ??= await createMetrics(version);
    const { metrics } = daemon;
    const { onHint } = harvesting;
    try {
      http = await serveHttp({ application, config, version, metrics, onHint }, before);
    } catch (error) {
      if (!(await isServedByAnother(error, config))) throw error;
      if (isTurnAwaited) return;
      isTurnAwaited = true;
      const { host, port } = config.http;
      log.warn('Another recordsmith serves HTTP here; this one takes its place when it ends.', {
        host,
        port,
      });
    }
  };
  const turns = new Schedule({
    name: 'http',
    when: { everyMs: HTTP_TURN_EVERY_MS },
    log,
    run: async () => {
      if (isTurnAwaited && http === null) await listen(null);
    },
  });
  return {
    config,
    get http() {
      return http;
    },
    listen,
    start: () => {
      for (const schedule of schedules) schedule.start();
      turns.start();
      wakeUp?.start();
    },
    stop: async () => {
      const grace = AbortSignal.timeout(config.build.shutdown_grace_s * 1000);
      dueTimer.stop();
      // First: what it opened is then closed with the rest.
      await turns.stop();
      await Promise.all([
        http?.stop(AbortSignal.any([signals.stopWork, grace])),
        wakeUp?.stop(),
        ...schedules.map((schedule) => schedule.stop()),
      ]);
      await application.close();
    },
  };
}

/** A life by the configuration read anew; null: that has faults or cannot be opened, and the old one stays. */
async function beginNewLife(daemon: Daemon, old: DaemonLife): Promise<DaemonLife | null> {
  const { context, log, signals } = daemon;
  let life: DaemonLife | null = null;
  try {
    const { config, warnings } = await context.loadConfig();
    life = await beginLife(daemon, config);
    log.reconfigure(logSettingsOf(config.log));
    try {
      await life.listen(old.http);
    } catch (error) {
      log.reconfigure(logSettingsOf(old.config.log));
      throw error;
    }
    signals.setGrace(config.build.shutdown_grace_s * 1000);
    for (const warning of warnings) log.warn(warning);
    return life;
  } catch (error) {
    await life?.stop();
    log.error('The new configuration has faults; the old one stays in force.', {
      error: toError(error),
    });
    return null;
  }
}

/** `recordsmith run`: builds by its schedule until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function runDaemon(context: CommandContext): Promise<ExitCode> {
  const { config, log } = await context.open();
  const signals = new StopSignals(log, config.build.shutdown_grace_s * 1000);
  const reloads = new ReloadRequests();
  const daemon: Daemon = { context, log, signals, failure: null, metrics: null };
  let life: DaemonLife | null = null;
  try {
    life = await beginLife(daemon, config);
    await life.listen(null);
    life.start();
    log.info('recordsmith is running.', {
      version: context.version,
      schedule: config.build.schedule,
    });
    while (await reloads.next(signals.stopTaking)) {
      const next = await beginNewLife(daemon, life);
      if (next === null) continue;
      const changed = changedKeys(life.config, next.config);
      await life.stop();
      life = next;
      life.start();
      log.info('The configuration was read again.', { changed });
    }
  } finally {
    await life?.stop();
    reloads.dispose();
    signals.dispose();
  }
  log.info('recordsmith has stopped.');
  if (daemon.failure !== null) throw daemon.failure;
  return EXIT.done;
}

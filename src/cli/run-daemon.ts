import { repairPublications } from '../daemon/publish-record-version.js';
import { runPass } from '../daemon/run-pass.js';
import { Schedule } from '../daemon/schedule.js';
import { toError } from '../errors.js';
import type { Log } from '../log.js';
import { openApplication, type Application } from '../main.js';
import type { Config } from '../config/schema.js';
import { buildAloneWith } from './build-alone.js';
import type { CommandContext } from './command-context.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { countOutcomes } from './report-json.js';
import { checkInstrumentSettings } from './run-once.js';
import { StopSignals } from './stop-signals.js';

/** One life of the daemon: from a configuration until it is to stop or to be read again. */
interface DaemonLife {
  readonly context: CommandContext;
  readonly config: Config;
  readonly log: Log;
  readonly signals: StopSignals;
}

function buildSchedule(
  { context, config, log, signals }: DaemonLife,
  application: Application,
): Schedule {
  const { environment } = application;
  return new Schedule({
    name: 'build',
    expression: config.build.schedule,
    log,
    run: async (ended) => {
      const { reports, durationMs } = await runPass(environment, {
        identifiers: null,
        instrumentPids: null,
        ignoreBackoff: false,
        concurrency: config.build.concurrency,
        stopTaking: AbortSignal.any([ended, signals.stopTaking]),
        stopWork: signals.stopWork,
        buildAlone: buildAloneWith(environment, context, {}),
      });
      if (reports.length === 0) return;
      log.info('The pass is done.', {
        ...countOutcomes(reports),
        sessions: reports.length,
        durationMs: Math.round(durationMs),
      });
    },
  });
}

/** Resolves at the first stop signal or at SIGHUP. */
function stopOrReload(signals: StopSignals): Promise<'stop' | 'reload'> {
  return new Promise((resolve) => {
    const reload = (): void => {
      signals.stopTaking.removeEventListener('abort', stop);
      resolve('reload');
    };
    const stop = (): void => {
      process.off('SIGHUP', reload);
      resolve('stop');
    };
    if (signals.stopTaking.aborted) {
      resolve('stop');
      return;
    }
    process.once('SIGHUP', reload);
    signals.stopTaking.addEventListener('abort', stop, { once: true });
  });
}

/** Serves until it is to stop or until a new, right configuration is there. */
async function live(life: DaemonLife): Promise<Config | null> {
  const { context, config, log, signals } = life;
  const application = await openApplication({ config, log, version: context.version });
  try {
    await checkInstrumentSettings(application, config);
    await repairPublications(application.environment);
    const schedule = buildSchedule(life, application);
    log.info('recordsmith is running.', {
      version: context.version,
      schedule: config.build.schedule,
    });
    schedule.start();
    try {
      for (;;) {
        if ((await stopOrReload(signals)) === 'stop') return null;
        const next = await reload(context, log);
        if (next !== null) return next;
      }
    } finally {
      await schedule.stop();
    }
  } finally {
    await application.close();
  }
}

/** The configuration read anew; null: it has faults and the old one stays. */
async function reload(context: CommandContext, log: Log): Promise<Config | null> {
  try {
    const { config } = await context.loadConfig();
    log.setLevel(config.log.level);
    log.info('The configuration was read again.');
    return config;
  } catch (error) {
    log.error('The new configuration has faults; the old one stays in force.', {
      error: toError(error),
    });
    return null;
  }
}

/** `recordsmith run`: builds by its schedule until SIGTERM or SIGINT. */
export async function runDaemon(context: CommandContext): Promise<ExitCode> {
  const { config, log } = await context.open();
  const signals = new StopSignals(log, config.build.shutdown_grace_s * 1000);
  try {
    for (let next: Config | null = config; next !== null;) {
      next = await live({ context, config: next, log, signals });
    }
    log.info('recordsmith has stopped.');
    return EXIT.done;
  } finally {
    signals.dispose();
  }
}

import { effectiveBuildSettings } from '../config/effective-build-settings.js';
import type { BuildReport } from '../daemon/build-ending.js';
import { repairPublications } from '../daemon/publish-record-version.js';
import { runPass } from '../daemon/run-pass.js';
import { getInstrument, listInstruments } from '../db/instrument-store.js';
import { getSession } from '../db/session-store.js';
import { AppError } from '../errors.js';
import type { Config } from '../config/schema.js';
import type { Log } from '../log.js';
import { openApplication, type Application } from '../main.js';
import type { HeadStart } from '../processes/head-start.js';
import type { CommandContext } from './command-context.js';
import type { RunOptions } from './commands/run.js';
import { buildAloneWith } from './build-alone.js';
import { countOutcomes, reportDocument, reportTable } from './report-json.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { StopSignals } from './stop-signals.js';

/** Every --session and --instrument exists; else 65. Also makes keys into identifiers. */
export async function checkSelection(
  application: Application,
  options: Pick<RunOptions, 'session' | 'instrument'>,
): Promise<{ readonly identifiers: string[] | null; readonly instrumentPids: string[] | null }> {
  return application.database.createScope(async () => {
    const identifiers: string[] = [];
    for (const id of options.session) identifiers.push((await getSession(id)).identifier);
    if (options.instrument !== undefined) await getInstrument(options.instrument);
    return {
      identifiers: identifiers.length === 0 ? null : identifiers,
      instrumentPids: options.instrument === undefined ? null : [options.instrument],
    };
  });
}

/**
 * The settings of every instrument are checked before anything is built.
 * @throws AppError CONFIG_INVALID naming the instrument.
 */
export async function checkInstrumentSettings(
  application: Application,
  config: Config,
): Promise<void> {
  const instruments = await application.database.createScope(() => listInstruments());
  for (const { pid, settings } of instruments) {
    try {
      effectiveBuildSettings(config, settings);
    } catch (error) {
      throw new AppError('CONFIG_INVALID', `The settings of the instrument ${pid} are wrong.`, {
        cause: error,
        remedy: `Correct them: recordsmith instruments set ${pid} --settings '{"build": {...}}'.`,
        details: { instrument: pid },
      });
    }
  }
}

/** Says at the start what a trial beside another system does not do. */
export function announceMode({ mode }: Pick<Config, 'mode'>, log: Log): void {
  if (mode === 'shadow') log.info('Shadow mode: nothing is exported or mailed.', { mode });
}

/** `recordsmith --run-once`: one pass, then the exit code. */
export async function runOnce(
  context: CommandContext,
  options: RunOptions,
  headStart: HeadStart,
): Promise<ExitCode> {
  const { config, log } = await context.open();
  announceMode(config, log);
  const application = await openApplication({ config, log, version: context.version, headStart });
  const signals = new StopSignals(log, config.build.shutdown_grace_s * 1000);
  try {
    const { environment } = application;
    const selection = await checkSelection(application, options);
    await repairPublications(environment);
    const summary = await runPass(environment, {
      ...selection,
      ignoreBackoff: selection.identifiers !== null && options.whenDue !== true,
      concurrency: config.build.concurrency,
      stopTaking: signals.stopTaking,
      stopWork: signals.stopWork,
      buildAlone: buildAloneWith(environment, context, options),
    });
    const { reports } = summary;
    if (context.json) context.printJson(reportDocument(reports));
    else context.table(reportTable(reports));
    log.info('The pass is done.', {
      ...countOutcomes(reports),
      sessions: reports.length,
      durationMs: Math.round(summary.durationMs),
    });
    return await exitCodeOfReports(application, config, reports);
  } finally {
    signals.dispose();
    await application.close();
  }
}

async function exitCodeOfReports(
  application: Application,
  config: Config,
  reports: readonly BuildReport[],
): Promise<ExitCode> {
  if (reports.some((report) => report.outcome === 'ERROR')) return EXIT.failed;
  if (reports.length === 0 || !reports.every(({ away }) => away === 'store')) return EXIT.done;
  const probe = await application.environment.stores.probe(config.paths.data, config.paths.data);
  return probe.kind === 'available' ? EXIT.done : EXIT.unavailable;
}

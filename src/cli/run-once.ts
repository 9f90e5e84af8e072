import { SHADOW_MODE } from '../config/describe-mode.js';
import type { BuildReport } from '../daemon/build-ending.js';
import { repairPublications } from '../daemon/publish-record-version.js';
import { MOST_CHECKED_BY_A_PASS, repairPublicFiles } from '../daemon/repair-public-files.js';
import { runPass } from '../daemon/run-pass.js';
import { getInstrument } from '../db/instrument-store.js';
import { getSession } from '../db/session-store.js';
import type { Config } from '../config/schema.js';
import type { Log } from '../log.js';
import { openApplication, type Application } from '../main.js';
import type { CommandContext } from './command-context.js';
import type { RunOptions } from './run-options.js';
import { buildAloneWith } from './build-alone.js';
import { exitCodeOfPass } from './exit-code-of-pass.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { harvestOnce } from './harvest-sources.js';
import {
  countOutcomes,
  reportDocument,
  reportListed,
  reportTable,
  type ReportedSession,
} from './report-json.js';
import { StopSignals } from './stop-signals.js';
import { whyNotBuilt } from './why-not-built.js';

/** What a pass is narrowed to; null: not. */
export interface Selection {
  readonly identifiers: readonly string[] | null;
  readonly instrumentPids: readonly string[] | null;
}

/** Every --session and --instrument exists; else 65. Also makes keys into identifiers. */
export async function checkSelection(
  application: Application,
  options: Pick<RunOptions, 'session' | 'instrument'>,
): Promise<Selection> {
  return application.database.createScope(async () => {
    const identifiers = new Set<string>();
    for (const id of options.session) identifiers.add((await getSession(id)).identifier);
    if (options.instrument !== undefined) await getInstrument(options.instrument);
    return {
      identifiers: identifiers.size === 0 ? null : [...identifiers],
      instrumentPids: options.instrument === undefined ? null : [options.instrument],
    };
  });
}

/**
 * A schema of the facility's own is compiled before anything is built.
 * @throws AppError CONFIG_INVALID when it cannot be.
 */
export async function checkRecordSchema(
  { environment }: Application,
  { record }: Pick<Config, 'record'>,
): Promise<void> {
  if (record.schema !== null) await environment.validator();
}

/** Says at the start what a trial beside another system does not do. */
export function announceMode({ mode }: Pick<Config, 'mode'>, log: Log): void {
  if (mode === 'shadow') log.info(SHADOW_MODE, { mode });
}

/** `recordsmith --run-once`: one pass, then the exit code. */
export async function runOnce(context: CommandContext, options: RunOptions): Promise<ExitCode> {
  const { config, log } = await context.open();
  announceMode(config, log);
  const application = await openApplication({ config, log, version: context.version });
  const signals = new StopSignals(log, config.build.shutdown_grace_s * 1000);
  try {
    const { environment } = application;
    const { stopTaking } = signals;
    const harvest = { application, sources: application.sources, log };
    // Who started this process for one session has harvested.
    const sourceFaults =
      options.alone === true ? [] : await harvestOnce(harvest, options, stopTaking);
    const selection = await checkSelection(application, options);
    await checkRecordSchema(application, config);
    await repairPublications(environment);
    const summary = await runPass(environment, {
      ...selection,
      ignoreBackoff: selection.identifiers !== null && options.whenDue !== true,
      concurrency: config.build.concurrency,
      stopTaking: signals.stopTaking,
      stopWork: signals.stopWork,
      buildAlone: buildAloneWith(environment, context, options),
      // They end while the last records are written.
      onAllRead: () => {
        environment.readers.endIdle();
        environment.stores.endIdle();
      },
    });
    if (options.alone !== true) {
      const { stopTaking: signal } = signals;
      await repairPublicFiles(environment, { most: MOST_CHECKED_BY_A_PASS, signal });
    }
    const { reports } = summary;
    const shown = [
      ...reports,
      ...(await reportsNotBuilt(application, options, selection, reports)),
    ];
    if (context.json) context.printJson(reportDocument(shown));
    else context.table(reportTable(shown));
    log.info('The pass is done.', {
      ...countOutcomes(reports),
      sessions: reports.length,
      durationMs: Math.round(summary.durationMs),
    });
    // Whoever started this process for one session reads its answer only after a good end.
    if (options.alone === true) return EXIT.done;
    const exitCode = await exitCodeOfPass(environment, reports);
    const [fault] = sourceFaults;
    return exitCode === EXIT.done && fault !== undefined ? exitCodeOf(fault) : exitCode;
  } finally {
    signals.dispose();
    await application.close();
  }
}

/** An entry for each session that was named and that the pass did not build. */
async function reportsNotBuilt(
  { database, environment }: Application,
  { alone }: RunOptions,
  { identifiers, instrumentPids }: Selection,
  reports: readonly BuildReport[],
): Promise<ReportedSession[]> {
  // Who started this process for one session takes no entry for an answer that it was built.
  if (alone === true || identifiers === null) return [];
  const built = new Set(reports.map(({ sessionIdentifier }) => sessionIdentifier));
  const left = identifiers.filter((identifier) => !built.has(identifier));
  const nowMs = environment.clock.now().toMillis();
  return database.createScope(async () => {
    const shown: ReportedSession[] = [];
    for (const identifier of left) {
      const why = await whyNotBuilt(identifier, instrumentPids?.[0] ?? null, nowMs);
      shown.push(reportListed(why, environment.paths.records));
    }
    return shown;
  });
}

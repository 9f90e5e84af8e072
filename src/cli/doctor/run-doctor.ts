import { systemClock } from '../../clock.js';
import { describeMode } from '../../config/describe-mode.js';
import type { Config } from '../../config/schema.js';
import { openDatabase, type Database } from '../../db/database.js';
import { isAppError, type AppError } from '../../errors.js';
import { StorePool } from '../../files/store-pool.js';
import type { CommandContext } from '../command-context.js';
import type { DoctorOptions } from '../commands/doctor.js';
import { databaseSettingsOf } from '../../configured-database.js';
import { EXIT, exitCodeOf, type ExitCode } from '../exit-codes.js';
import { quietLog } from '../quiet-log.js';
import { checkClocks } from './check-clocks.js';
import { checkDatabase } from './check-database.js';
import { checkAdjustments, checkFacilityReaders } from './check-facility-readers.js';
import { checkFileClocks } from './check-file-clocks.js';
import { checkFolders } from './check-folders.js';
import { checkInstruments } from './check-instruments.js';
import { checkLeases } from './check-leases.js';
import { checkNode } from './check-node.js';
import { checkPcClocks } from './check-pc-clocks.js';
import { checkPauses } from './check-pauses.js';
import { checkReaders } from './check-readers.js';
import { fail, failedBy, ok, warn } from './check-result.js';
import { checkSchema } from './check-schema.js';
import { checkListening, checkProgress } from './check-sources.js';
import { checkTools } from './check-tools.js';
import { deepChecks } from './deep-checks.js';
import { DoctorReport } from './doctor-report.js';
import { lookAtNemo, type NemoLook } from './look-at-nemo.js';
import { probeFolder, readMountinfo, type DoctorEnvironment } from './doctor-environment.js';

/**
 * `recordsmith doctor`: every check in turn; what one finds never keeps the others from being done, as far as they can be.
 * @returns done when nothing failed; else 78 for a wrong configuration, the code of the database's error, or 1.
 */
export async function runDoctor(
  context: CommandContext,
  options: DoctorOptions,
): Promise<ExitCode> {
  const report = new DoctorReport(context);
  report.add(checkNode(process.versions.node));
  const config = await checkConfiguration(context, report);
  let worst: ExitCode | null = config.kind === 'wrong' ? exitCodeOf(config.error) : null;
  await report.addAll(checkReaders());
  if (config.kind === 'right') {
    report.add(ok('mode', describeMode(config.config.mode)));
    const stores = new StorePool();
    try {
      const environment = { config: config.config, stores, mountinfo: await readMountinfo() };
      const databaseError = await checkConfigured(context, environment, options, report);
      if (databaseError !== null) worst = exitCodeOf(databaseError);
    } finally {
      await stores.stop();
    }
  }
  report.end();
  return worst ?? (report.counts.fail > 0 ? EXIT.failed : EXIT.done);
}

async function checkConfiguration(
  context: CommandContext,
  report: DoctorReport,
): Promise<
  | { readonly kind: 'right'; readonly config: Config }
  | { readonly kind: 'wrong'; readonly error: AppError }
> {
  try {
    const { config, file, warnings } = await context.loadConfig();
    for (const warning of warnings) report.add(warn('configuration', warning, null));
    if (warnings.length === 0) {
      report.add(ok('configuration', file ?? 'from the environment alone'));
    }
    return { kind: 'right', config };
  } catch (error) {
    if (!isAppError(error)) throw error;
    report.add(failedBy('configuration', error));
    return { kind: 'wrong', error };
  }
}

/** The checks that need a configuration. Answers why the database is away; null: it is there. */
async function checkConfigured(
  context: CommandContext,
  environment: DoctorEnvironment,
  options: DoctorOptions,
  report: DoctorReport,
): Promise<AppError | null> {
  await report.addAll(checkSchema(environment));
  await report.addAll(checkFacilityReaders(environment));
  await report.addAll(checkFolders(environment));
  for (const result of checkListening(environment.config)) report.add(result);
  const looks = await lookAtSources(context, environment.config);
  for (const { results } of looks) results.forEach((result) => report.add(result));
  const { data } = environment.config.paths;
  const probe = await probeFolder(environment, data);
  report.add(
    probe.kind === 'available'
      ? ok('store paths.data', `${data} answers in ${Math.ceil(probe.durationMs)} ms`)
      : fail('store paths.data', probe.reason, 'Mount the file store, or correct paths.data.'),
  );
  try {
    const database = await openForDoctor(environment.config, options.repair === true);
    try {
      await checkWithDatabase(context, { environment, looks }, database, options, report);
    } finally {
      await database.close();
    }
    return null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    report.add(failedBy('database', error));
    return error;
  }
}

/** All at once: one that is away costs its whole time limit. */
async function lookAtSources(
  context: CommandContext,
  { sources }: Config,
): Promise<readonly NemoLook[]> {
  const log = quietLog(context);
  try {
    const needs = { log, clock: systemClock };
    return await Promise.all(
      sources.flatMap((source) => (source.kind === 'nemo' ? [lookAtNemo(source, needs)] : [])),
    );
  } finally {
    await log.close();
  }
}

/** Opened as it is: nothing is made or migrated, and without --repair nothing can be written. */
function openForDoctor(config: Config, repair: boolean): Promise<Database> {
  const settings = databaseSettingsOf(config.database);
  return openDatabase(
    settings.client === 'postgres' ? { ...settings, createSchema: false } : settings,
    { readOnly: !repair, makeFolder: false },
  );
}

async function checkWithDatabase(
  context: CommandContext,
  { environment, looks }: { environment: DoctorEnvironment; looks: readonly NemoLook[] },
  database: Database,
  options: DoctorOptions,
  report: DoctorReport,
): Promise<void> {
  const { config } = environment;
  const failedBefore = report.counts.fail;
  await report.addAll(checkDatabase(config.database, database));
  // On another version's tables nothing below can be asked.
  if (report.counts.fail > failedBefore) return;
  await report.addAll(checkPauses(database, systemClock.now().toMillis()));
  await report.addAll(checkLeases(database));
  await report.addAll(checkInstruments(environment, database));
  await report.addAll(checkTools(database, looks));
  await report.addAll(checkProgress(config, database, systemClock));
  await report.addAll(checkAdjustments(environment, database));
  await report.addAll(checkClocks(database));
  await report.addAll(checkPcClocks(database));
  await report.addAll(checkFileClocks(environment, database, systemClock));
  if (options.deep !== true) return;
  const { output, records } = config.paths;
  await report.addAll(
    deepChecks(environment, {
      database,
      log: await context.log(),
      clock: systemClock,
      paths: { data: config.paths.data, output, records },
      repair: options.repair === true,
    }),
  );
}

import { hostname } from 'node:os';
import { join } from 'node:path';
import { IANAZone } from 'luxon';
import { childAhead } from './child-ahead.js';
import { systemClock } from './clock.js';
import { openMigratedDatabase, type ReadOnlyAccess } from './configured-database.js';
import { adjustmentsFor, facilityReadersOf } from './config/extract-policy.js';
import { effectiveBuildSettings } from './config/effective-build-settings.js';
import type { BuildSettings, Config } from './config/schema.js';
import type { BuildEnvironment, BuildPolicy } from './daemon/build-environment.js';
import { sourceAsker } from './daemon/ask-source.js';
import { leaseOwnerName } from './daemon/lease-owner.js';
import type { Database } from './db/database.js';
import type { Instrument } from './domain/instrument.js';
import { AppError, isAppError } from './errors.js';
import { openSources, type NemoSource } from './event-sources.js';
import type { ReaderClaim } from './extract/facility/reader-claim.js';
import { ReaderPool } from './extract/reader-pool.js';
import { StorePool } from './files/store-pool.js';
import type { Log } from './log.js';
import { PoolFamily } from './processes/pool-family.js';
import type { ProcessPoolEvent } from './processes/pool-options.js';
import type { XmlValidator } from './record/validate-xml.js';

/** Below paths.state: what looks at stores remember of folders. */
const INDEX_FOLDER = 'folders';

/** What an application is made from. */
export interface OpenApplicationOptions {
  readonly config: Config;
  readonly log: Log;
  /** Version of recordsmith. */
  readonly version: string;
  /** Open the database for reading only and change nothing anywhere; `if-needed`: where it may not be written. */
  readonly readOnly?: ReadOnlyAccess;
}

/** All rooms, connected: what a pass, the daemon and the commands work with. */
export interface Application {
  readonly database: Database;
  readonly environment: BuildEnvironment;
  /** The configured NEMO instances, each with its one client. */
  readonly sources: readonly NemoSource[];
  /** Ends child processes and closes the database. May be called twice; a second call does not wait for work. */
  close(): Promise<void>;
}

/**
 * The build settings that hold for an instrument, in the words of the build.
 * @param facilityClaims what the readers of the facility claim
 * @throws AppError CONFIG_INVALID naming the instrument, when its settings or its time zone are wrong.
 */
export function buildPolicyOf(
  config: Config,
  instrument: Pick<Instrument, 'pid' | 'settings' | 'timezone'>,
  facilityClaims: readonly ReaderClaim[] = [],
): BuildPolicy {
  const { pid, timezone } = instrument;
  // Written by SQL: the commands refuse it.
  if (!IANAZone.isValidZone(timezone)) {
    throw new AppError(
      'CONFIG_INVALID',
      `The instrument ${pid} has the unknown time zone '${timezone}'; set another one: recordsmith instruments set ${pid} --timezone ZONE`,
      {
        remedy: 'Write an IANA name such as Europe/Berlin or America/New_York.',
        details: { instrument: pid, timezone },
      },
    );
  }
  const settings = buildSettingsOf(config, instrument);
  const { clustering, limits } = settings;
  return {
    strategy: settings.strategy,
    ignorePatterns: settings.ignore_patterns,
    ignoredFolders: settings.ignored_folders,
    fileDelayMs: settings.file_delay_days * 86_400_000,
    settleTimeMs: settings.settle_time_s * 1000,
    settleMaxMs: settings.settle_max_s * 1000,
    endGraceMs: settings.end_grace_s * 1000,
    clustering: {
      strict: clustering.strict,
      sensitivity: clustering.sensitivity,
      minGapSeconds: clustering.min_gap_s,
    },
    fileLimitBytes: limits.file_bytes,
    sessionFileLimit: limits.session_files,
    previews: settings.previews,
    stackPreviews: settings.stack_previews,
    seriesMinFiles: settings.series_min_files,
    dicomIdentity: config.extract.dicom_identity,
    adjustments: adjustmentsFor(config.extract, pid),
    facilityClaims,
    staleFiles: settings.stale_files,
  };
}

/** @throws AppError CONFIG_INVALID naming the instrument and what is wrong. */
function buildSettingsOf(
  config: Config,
  { pid, settings }: Pick<Instrument, 'pid' | 'settings'>,
): BuildSettings {
  try {
    return effectiveBuildSettings(config, settings).settings;
  } catch (error) {
    throw new AppError(
      'CONFIG_INVALID',
      `The settings of the instrument ${pid} are wrong; correct them: recordsmith instruments set ${pid} --settings JSON`,
      { cause: error, details: { instrument: pid } },
    );
  }
}

/** The schema of records. Whatever is wrong with it is a fault of the configuration, never of a session. */
export async function loadRecordSchema(schema: string | null): Promise<XmlValidator> {
  const { loadXmlValidator } = await import('./record/validate-xml.js');
  try {
    return await (schema === null ? loadXmlValidator() : loadXmlValidator(schema));
  } catch (error) {
    if (!isAppError(error) || error.code === 'CONFIG_INVALID') throw error;
    throw new AppError('CONFIG_INVALID', error.message, {
      cause: error.cause,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      details: { key: 'record.schema', ...error.details },
    });
  }
}

/**
 * The child processes that read files and look into stores. They start when they are needed.
 * @param indexFolder where looks keep what they remember of folders; null: nowhere
 */
export function openReadersAndStores(
  { build: { limits } }: Pick<Config, 'build'>,
  log: Log,
  indexFolder: string | null = null,
): { readonly readers: ReaderPool; readonly stores: StorePool } {
  const onEvent = (event: ProcessPoolEvent): void => {
    if (event.kind === 'started' || event.kind === 'ended') {
      log.debug('A child process changed.', { ...event });
    } else {
      log.warn('A child process was lost; it is replaced.', { ...event });
    }
  };
  const family = new PoolFamily();
  family.add(childAhead);
  return {
    readers: new ReaderPool({
      family,
      size: limits.readers,
      timeLimitMs: limits.file_seconds * 1000,
      memoryLimitBytes: limits.file_memory_bytes,
      onEvent,
    }),
    stores: new StorePool({
      family,
      lookTimeLimitMs: limits.look_seconds * 1000,
      ...(indexFolder === null ? {} : { indexFolder }),
      onIndexFault: (message) => log.warn(message, { remedy: 'Make paths.state writable.' }),
      onEvent,
    }),
  };
}

/**
 * Has the readers of the facility take part.
 * @returns what they claim.
 * @throws AppError CONFIG_INVALID naming each that cannot be used.
 */
export async function useFacilityReaders(
  readers: ReaderPool,
  { extract }: Pick<Config, 'extract'>,
): Promise<readonly ReaderClaim[]> {
  const facility = facilityReadersOf(extract);
  return facility === null ? [] : readers.useFacilityReaders(facility);
}

/**
 * The composition root: opens the database and connects the rooms. A first child process starts at once where sessions may be
 * built, and where readers of the facility are loaded; others start when they are needed.
 * @throws AppError as openMigratedDatabase, openSources and useFacilityReaders.
 */
export async function openApplication(options: OpenApplicationOptions): Promise<Application> {
  const { config, log, version, readOnly = false } = options;
  const { paths, record } = config;
  const sources = openSources(config, log);
  const indexFolder = readOnly === false ? join(paths.state, INDEX_FOLDER) : null;
  const { readers, stores } = openReadersAndStores(config, log, indexFolder);
  let opened: Database | null = null;
  const close = async (): Promise<void> => {
    const stopped = await Promise.allSettled([readers.stop(), stores.stop()]);
    // Last: what the processes still work on may be written to it.
    await opened?.close();
    const failed = stopped.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
  let facilityClaims: readonly ReaderClaim[];
  let database: Database;
  try {
    // A first process loads its code while the database is opened and asked for what is due. A fault is told by the first
    // session that has files to look for.
    if (readOnly === false) readers.start().catch(() => undefined);
    database = await openMigratedDatabase(config.database, log, readOnly);
    opened = database;
    facilityClaims = await useFacilityReaders(readers, config);
  } catch (error) {
    await close();
    throw error;
  }
  let validator: Promise<XmlValidator> | null = null;
  const environment: BuildEnvironment = {
    database,
    stores,
    readers,
    validator: () => {
      validator ??= loadRecordSchema(record.schema).catch((error: unknown) => {
        // What cannot be loaded now may be there for the next build.
        validator = null;
        throw error;
      });
      return validator;
    },
    log,
    clock: systemClock,
    owner: await leaseOwnerName(hostname()),
    host: hostname(),
    softwareVersion: version,
    paths: { data: paths.data, output: paths.output, records: paths.records },
    rules: config.rules.map(({ name, action, match }) => ({
      name,
      action,
      match: {
        users: match.user,
        instruments: match.instrument,
        shorterThanMinutes: match.shorter_than_minutes,
        longerThanMinutes: match.longer_than_minutes,
        projects: match.project,
        groups: match.group,
        training: match.training,
        remoteWork: match.remote_work,
      },
    })),
    leaseSeconds: config.build.lease_seconds,
    ...sourceAsker(database, sources),
    record: {
      titleTemplate: record.title,
      identifierBase: record.identifier_base,
      layout: record.layout,
    },
    policyOf: (instrument) => buildPolicyOf(config, instrument, facilityClaims),
  };
  return { database, environment, sources, close };
}

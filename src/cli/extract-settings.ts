import { relative, resolve } from 'node:path';
import { effectiveBuildSettings } from '../config/effective-build-settings.js';
import { adjustmentsFor, facilityReadersOf } from '../config/extract-policy.js';
import type { Config } from '../config/schema.js';
import type { Adjustment } from '../domain/adjustment.js';
import type { FacilityReaders } from '../domain/facility-readers.js';
import { encodeLocation, type Location } from '../domain/location.js';
import type { StackPreview } from '../domain/stack-preview.js';
import { isAppError } from '../errors.js';
import type { ReaderPoolOptions } from '../extract/reader-pool.js';
import type { CommandContext } from './command-context.js';
import type { ExtractOptions } from './commands/extract.js';

/** What `recordsmith extract` takes of the configuration, so that it shows what a record would hold. */
export interface ExtractFileSettings {
  /** IANA zone. */
  readonly timezone: string;
  readonly stackPreviews: StackPreview;
  readonly dicomIdentity: boolean;
  readonly adjustments: readonly Adjustment[];
  /** Null: there are none. */
  readonly facility: FacilityReaders | null;
  /** How readers are limited. */
  readonly limits: Pick<ReaderPoolOptions, 'timeLimitMs' | 'memoryLimitBytes'>;
  /** The place of a file as patterns see it: its path from paths.data where it lies there. */
  readonly locationOf: (path: string) => Location;
}

/**
 * The settings that hold for files of an instrument, or of none. Without a configuration (and without --instrument) there
 * are none to heed.
 * @throws AppError as CommandContext.loadConfig, but that no configuration need be there; with --instrument as withDatabase,
 * and INSTRUMENT_NOT_FOUND.
 */
export async function extractSettings(
  context: CommandContext,
  { instrument: pid, timezone }: ExtractOptions,
): Promise<ExtractFileSettings> {
  const systemZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (pid !== undefined) {
    const { withDatabase } = await import('./with-database.js');
    const { getInstrument } = await import('../db/instrument-store.js');
    return withDatabase(
      context,
      async ({ config, database }) => {
        const instrument = await database.createScope(() => getInstrument(pid));
        const { settings } = effectiveBuildSettings(config, instrument.settings);
        return {
          ...settingsOf(config, pid, timezone ?? instrument.timezone),
          stackPreviews: settings.stack_previews,
        };
      },
      { readOnly: 'if-needed' },
    );
  }
  const config = await configIfAny(context);
  if (config !== null) return settingsOf(config, null, timezone ?? systemZone);
  return {
    timezone: timezone ?? systemZone,
    stackPreviews: 'montage',
    dicomIdentity: false,
    adjustments: [],
    facility: null,
    limits: {},
    locationOf: encodeLocation,
  };
}

function settingsOf(config: Config, pid: string | null, timezone: string): ExtractFileSettings {
  return {
    timezone,
    stackPreviews: config.build.stack_previews,
    dicomIdentity: config.extract.dicom_identity,
    adjustments: adjustmentsFor(config.extract, pid),
    facility: facilityReadersOf(config.extract),
    limits: {
      timeLimitMs: config.build.limits.file_seconds * 1000,
      memoryLimitBytes: config.build.limits.file_memory_bytes,
    },
    locationOf: (path) => {
      const fromData = relative(config.paths.data, resolve(path));
      const isInside = fromData !== '' && !fromData.startsWith('..');
      return encodeLocation(isInside ? `/${fromData}` : resolve(path));
    },
  };
}

/** Null: there is no configuration file, or none that this user may read, and nobody named one. */
async function configIfAny(context: CommandContext): Promise<Config | null> {
  try {
    return (await context.loadConfig()).config;
  } catch (error) {
    if (!isAppError(error) || context.options.config !== undefined) throw error;
    if (error.code === 'FILE_UNREADABLE') {
      // A user of the machine wants to see a file of hers; the password of the database is none of her business.
      const log = await context.log();
      log.warn('The readers and adjustments of the facility are not heeded.', { error });
    } else if (error.code !== 'CONFIG_NOT_FOUND') {
      throw error;
    }
    return null;
  }
}

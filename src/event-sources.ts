import type { Config } from './config/schema.js';
import type { NemoSourceSettings } from './config/sources-schema.js';
import { AppError, isAppError } from './errors.js';
import type { Log } from './log.js';
import { NemoClient } from './sources/nemo/nemo-client.js';
import { nemoTimeReader, type NemoTimeReader } from './sources/nemo/nemo-times.js';
import { nemoBaseUrl } from './sources/nemo/nemo-options.js';

/** A configured NEMO. Whoever reads from it uses this one client, so that what it remembers is read once. */
export interface NemoSource {
  /** As in the configuration, in the log of sessions and in `usage_events`. */
  readonly name: string;
  /** Address of the REST interface with its trailing slash: what the identifiers of its sessions begin with. */
  readonly baseUrl: string;
  readonly settings: NemoSourceSettings;
  /** Null: there is no token, only its webhook reports. */
  readonly client: NemoClient | null;
  /** Reads the times of what it pushes. */
  readonly readTimes: NemoTimeReader;
}

/**
 * The zone of times without offset where none is configured. NEMO writes an offset unless the site changed its format, and
 * then the configuration asks for the zone.
 */
const ZONE_WITHOUT_OFFSETS = 'UTC';

/**
 * Makes the clients of the configured NEMO instances. Nothing is asked of them yet.
 * @throws AppError CONFIG_INVALID naming the source whose address, token, zone or format cannot be.
 */
export function openSources(config: Pick<Config, 'sources'>, log: Log): readonly NemoSource[] {
  return config.sources.flatMap((settings) =>
    settings.kind === 'nemo' ? [openNemo(settings, log)] : [],
  );
}

function openNemo(settings: NemoSourceSettings, log: Log): NemoSource {
  const { name, token, datetime_format: datetimeFormat } = settings;
  try {
    const baseUrl = nemoBaseUrl(settings.url).toString();
    const times = {
      timezone: settings.timezone ?? ZONE_WITHOUT_OFFSETS,
      ...(datetimeFormat === null ? {} : { datetimeFormat }),
    };
    const client =
      token === null
        ? null
        : new NemoClient({
            baseUrl,
            token,
            ...times,
            requestTimeoutMs: Math.max(1, Math.round(settings.timeout_s * 1000)),
            log: log.child({ source: name }),
          });
    return { name, baseUrl, settings, client, readTimes: nemoTimeReader(times) };
  } catch (error) {
    if (!isAppError(error) || error.code !== 'CONFIG_INVALID') throw error;
    throw new AppError('CONFIG_INVALID', `The source ${name} cannot be used: ${error.message}`, {
      cause: error,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      details: { source: name, key: 'sources' },
    });
  }
}

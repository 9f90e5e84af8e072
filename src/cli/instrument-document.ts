import { describeOrigin, originOf } from '../config/config-origin.js';
import { configKeys } from '../config/config-keys.js';
import { getAt } from '../config/config-tree.js';
import { adjustmentsFor, describeAdjustment } from '../config/extract-policy.js';
import {
  AUTO_CLOSE_KEYS,
  effectiveAutoClose,
  instrumentPcSourcesOf,
} from '../config/effective-auto-close.js';
import { effectiveBuildSettings } from '../config/effective-build-settings.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { Instrument } from '../domain/instrument.js';
import { isoText } from './report-json.js';

/** An instrument with the names of its columns, for `--json`. */
export function instrumentDocument(instrument: Instrument) {
  return {
    instrument_pid: instrument.pid,
    display_name: instrument.displayName,
    filestore_path: instrument.folders[0]?.path ?? null,
    timezone: instrument.timezone,
    harvester: instrument.harvester,
    api_url: instrument.apiUrl,
    calendar_url: instrument.calendarUrl,
    location: instrument.location,
    property_tag: instrument.propertyTag,
    active: instrument.active,
    user_folder: instrument.userFolder,
    computer_name: instrument.computerName,
    computer_ip: instrument.computerIp,
    settings: instrument.settings,
    folders: instrument.folders.map((folder) => ({
      path: folder.path,
      time_basis: folder.timeBasis,
      clock_offsets: folder.clockOffsets.map(({ validFromMs, offsetMs }) => ({
        valid_from: isoText(validFromMs),
        offset_ms: offsetMs,
      })),
      patterns: folder.patterns,
      root_seen_nonempty_at:
        folder.rootSeenNonemptyAtMs === null ? null : isoText(folder.rootSeenNonemptyAtMs),
    })),
  };
}

/** A setting that holds for the sessions of an instrument, and where it comes from. */
export interface EffectiveSetting {
  /** With dots. */
  readonly key: string;
  readonly value: unknown;
  /** `instrument`, `default`, file and line, a variable... */
  readonly origin: string;
}

/**
 * Every key of `build` with the value that holds for an instrument, the adjustments of what its files say, and what ends
 * the sessions that its PC does not end.
 * @throws AppError CONFIG_INVALID when the stored settings of the instrument are wrong.
 */
export function effectiveSettings(
  { config, origins }: LoadedConfig,
  instrument: Pick<Instrument, 'pid' | 'settings'>,
): readonly EffectiveSetting[] {
  const effective = effectiveBuildSettings(config, instrument.settings, origins);
  const adjustments = adjustmentsFor(config.extract, instrument.pid);
  const adjusting = {
    key: 'extract.adjustments',
    value: adjustments.map((one) => `${one.name} (${describeAdjustment(one)})`),
    origin: describeOrigin(originOf(origins, ['extract', 'adjustments'])),
  };
  const closing = instrumentPcSourcesOf(config).flatMap((source) => {
    const settings = effectiveAutoClose(source, instrument.settings);
    return AUTO_CLOSE_KEYS.map((key) => ({
      key,
      value: settings[key],
      origin: Object.hasOwn(instrument.settings, key) ? 'instrument' : `source ${source.name}`,
    }));
  });
  const building = configKeys()
    .filter(({ path }) => path[0] === 'build')
    .map(({ key, path }) => ({
      key,
      value: getAt({ build: effective.settings }, path),
      origin: describeOrigin(originOf(effective.origins, path)),
    }));
  return [...building, ...(adjustments.length === 0 ? [] : [adjusting]), ...closing];
}

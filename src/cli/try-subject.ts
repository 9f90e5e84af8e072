import { basename } from 'node:path';
import type { DateTime } from 'luxon';
import { configSchema, type Config } from '../config/schema.js';
import type { Dataset } from '../domain/dataset.js';
import type { Instrument } from '../domain/instrument.js';
import { sessionKeyOf, type Session } from '../domain/session.js';
import { zonedTime } from '../domain/zoned-time.js';
import { AppError } from '../errors.js';
import type { TryOptions } from './commands/try.js';
import { machineZone, readGivenTime } from './local-time-text.js';

/** Before and after every file there is: the years 1 to 9999, epoch milliseconds. */
const EARLIEST_MS = Date.UTC(1970, 0, 1) - 62_135_596_800_000;
const LATEST_MS = Date.UTC(9999, 11, 31);

/** The times given on the command line, epoch milliseconds; null: open. */
export interface TryWindow {
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Times that do not exist, or exist twice, in the zone. */
  readonly warnings: readonly string[];
}

/**
 * Reads --from and --to.
 * @throws AppError TIME_INVALID, USAGE when the first is not before the second.
 */
export function tryWindow(options: TryOptions, nowMs: number): TryWindow {
  const zone = options.timezone ?? machineZone();
  const warnings: string[] = [];
  const read = (name: string, text: string | undefined): number | null => {
    if (text === undefined) return null;
    const { epochMs, warning } = readGivenTime(text, zone, nowMs);
    if (warning !== null) warnings.push(`${name} ${text}: ${warning}`);
    return epochMs;
  };
  const fromMs = read('--from', options.from);
  const toMs = read('--to', options.to);
  if (fromMs !== null && toMs !== null && fromMs >= toMs) {
    throw new AppError('USAGE', '--from must be before --to.', {
      remedy: `Between ${options.from ?? ''} and ${options.to ?? ''} there is no time.`,
    });
  }
  return { fromMs, toMs, warnings };
}

/** The defaults of every key: `try` depends on nothing but its options. */
export function tryConfig({ all }: TryOptions): Config {
  return configSchema.parse({ build: all === true ? { strategy: 'inclusive' } : {} });
}

/**
 * An instrument that has nothing but the folder.
 * @param name null: nobody knows which one it was.
 */
export function tryInstrument(name: string | null, options: TryOptions): Instrument {
  return {
    pid: name ?? 'unknown',
    displayName: name ?? 'unknown instrument',
    apiUrl: null,
    calendarUrl: null,
    location: null,
    propertyTag: null,
    harvester: null,
    timezone: options.timezone ?? machineZone(),
    active: true,
    userFolder: null,
    computerName: null,
    computerIp: null,
    settings: {},
    folders: [
      {
        path: '.',
        timeBasis: options.times === 'acquired' ? 'acquired' : 'mtime',
        clockOffsets: [],
        patterns: [],
        rootSeenNonemptyAtMs: null,
      },
    ],
  };
}

function utc(epochMs: number): DateTime<true> {
  const instant = zonedTime(epochMs, 'utc');
  if (instant.isValid) return instant;
  throw new AppError('TIME_INVALID', `${epochMs} ms is no time.`, {
    remedy: 'Correct the times of the files, or name a window with --from and --to.',
  });
}

/** The folder as a session: all time, or the window that was given. The same folder name gives the same key. */
export function trySession(folder: string, window: TryWindow): Session {
  const identifier = `try:${basename(folder)}`;
  return {
    identifier,
    key: sessionKeyOf(identifier),
    instrumentPid: 'unknown',
    user: null,
    start: utc(window.fromMs ?? EARLIEST_MS),
    end: utc(window.toMs ?? LATEST_MS),
    source: null,
    inputsRevision: 1,
  };
}

/** The session with the times of its files where none were given. */
export function withTimesOf(
  session: Session,
  files: readonly { readonly timeNs: bigint }[],
  window: TryWindow,
): Session {
  let first: bigint | null = null;
  let last: bigint | null = null;
  for (const { timeNs } of files) {
    if (first === null || timeNs < first) first = timeNs;
    if (last === null || timeNs > last) last = timeNs;
  }
  if (first === null || last === null) return session;
  return {
    ...session,
    start: window.fromMs === null ? utc(Number(first / 1_000_000n)) : session.start,
    end: window.toMs === null ? utc(Number((last + 999_999n) / 1_000_000n)) : session.end,
  };
}

/** What the files that name a microscope agree on; null: none does, or they are of several. */
export function instrumentNamedBy(datasets: readonly Dataset[]): string | null {
  const names = new Set<string>();
  for (const { metadata } of datasets) {
    const value = metadata['Microscope']?.value;
    if (typeof value === 'string' && value.trim() !== '') names.add(value.trim());
  }
  const [name, ...others] = names;
  return name === undefined || others.length > 0 ? null : name;
}

/** What the time of a file on an instrument's folder means. */
export const TIME_BASES = ['mtime', 'acquired'] as const;
export type TimeBasis = (typeof TIME_BASES)[number];

/** The instrument clock's lead over the server's clock, valid from an instant on. */
export interface ClockOffset {
  /** Epoch milliseconds; the offset holds from this instant until the next entry. */
  readonly validFromMs: number;
  /** Instrument clock minus server clock, in milliseconds. */
  readonly offsetMs: number;
}

/** One folder of the file store that an instrument writes to. */
export interface InstrumentFolder {
  /** Relative to paths.data (or absolute), as configured. */
  readonly path: string;
  readonly timeBasis: TimeBasis;
  /** Sorted by validFromMs. Empty: clocks agree. */
  readonly clockOffsets: readonly ClockOffset[];
  /** Glob patterns of files that count, relative to the folder; empty: all. */
  readonly patterns: readonly string[];
  /** Epoch milliseconds when the folder was first seen to hold anything; null: never. */
  readonly rootSeenNonemptyAtMs: number | null;
}

/** A microscope, scanner or other instrument. */
export interface Instrument {
  readonly pid: string;
  readonly displayName: string;
  readonly apiUrl: string | null;
  readonly calendarUrl: string | null;
  readonly location: string | null;
  readonly propertyTag: string | null;
  readonly harvester: string | null;
  /** IANA name. */
  readonly timezone: string;
  /** Inactive: not harvested, still built. */
  readonly active: boolean;
  /** Pattern such as `{username}/**`, saying whose files lie where. */
  readonly userFolder: string | null;
  readonly computerName: string | null;
  readonly computerIp: string | null;
  /** Overrides of configuration keys of build, consent and exports. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** At least one: the instrument's filestore_path first. */
  readonly folders: readonly InstrumentFolder[];
}

import type { Location } from './location.js';

/** A regular file on the store, as one look saw it. */
export interface FoundFile {
  readonly location: Location;
  /** Last part of the path, for people (percent-encoded when not UTF-8). */
  readonly name: string;
  /** Bytes. */
  readonly sizeBytes: number;
  /** 512-byte blocks; 0 with a size: a tape stub whose content is not here. */
  readonly blocks: number;
  /** Modification time in nanoseconds since the epoch, as the file system says. */
  readonly mtimeNs: bigint;
  /**
   * The time that decides and groups: mtime less the clock offset (or the acquisition time where the folder says so),
   * nanoseconds since the epoch.
   */
  readonly timeNs: bigint;
}

/** Sorts files by their deciding time, then by location. */
export function compareByTime(
  a: Pick<FoundFile, 'timeNs' | 'location'>,
  b: Pick<FoundFile, 'timeNs' | 'location'>,
): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  if (a.location === b.location) return 0;
  return a.location < b.location ? -1 : 1;
}

/** File systems keep the content of files up to about this size (bytes) beside the name, without a block of their own. */
const LARGEST_INLINE_BYTES = 4096;

/** Whether the content of a file is not on disk but on tape: opening it would fetch it, which may take hours. */
export function isTapeStub({
  sizeBytes,
  blocks,
}: Pick<FoundFile, 'sizeBytes' | 'blocks'>): boolean {
  return sizeBytes > LARGEST_INLINE_BYTES && blocks === 0;
}

/** Why a file is in a record or not. */
export const VERDICTS = [
  'in',
  'included',
  'excluded',
  'before start',
  'after end',
  'ignored',
  'no format',
  'companion',
  'other session',
  'unreadable',
  'stale',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The verdict on one file near a session, with the rule that decided. */
export interface FileVerdict {
  readonly location: Location;
  readonly verdict: Verdict;
  /** The rule in words: `ignored by pattern "*.db"`, `companion of map.dm3`, `written 00:12:03 after END`. */
  readonly rule: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
}

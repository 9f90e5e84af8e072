import type { FileVerdict, FoundFile } from '../domain/found-file.js';
import { groupBy } from '../domain/group-by.js';
import { decodeLocation, displayName, type Location } from '../domain/location.js';

/** A file of the current version of a record. */
export interface RecordedFile {
  readonly location: Location;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** Epoch milliseconds since when it is missing; null: it was there. */
  readonly missingSinceMs: number | null;
}

/** What became of a file of the current version. */
export type RecordedFileState<Recorded extends RecordedFile> =
  /** The look found it, at its place. */
  | { readonly kind: 'present'; readonly recorded: Recorded }
  /** The look found a file of the same name, size and mtime at another place: `to` is in the session now. */
  | { readonly kind: 'moved'; readonly recorded: Recorded; readonly to: FoundFile }
  /** It cannot be read now, or the folder that it lies in cannot: it stays in the record as it was. */
  | {
      readonly kind: 'unreadable';
      readonly recorded: Recorded;
      readonly missingSinceMs: number | null;
    }
  /** Gone, or its time lies outside the session now: it stays in the record, marked. */
  | { readonly kind: 'missing'; readonly recorded: Recorded; readonly missingSinceMs: number }
  /** Out by a rule or by a person: it leaves the record. */
  | { readonly kind: 'dropped'; readonly recorded: Recorded; readonly rule: string };

/** These verdicts say that a file does not belong to the session; all others only that it cannot be had now. */
const DROPPING: ReadonlySet<FileVerdict['verdict']> = new Set([
  'excluded',
  'ignored',
  'no format',
  'companion',
  'other session',
  'stale',
]);

/**
 * What became of each file of the current version, by the files and verdicts of a new look. A moved file is found again
 * by name, size and mtime; each found file stands for one recorded file only.
 */
export function findMissingFiles<Recorded extends RecordedFile>(options: {
  readonly recorded: readonly Recorded[];
  readonly files: readonly FoundFile[];
  readonly verdicts: readonly FileVerdict[];
  /** Files and folders that are there and cannot be read. */
  readonly unreadable: ReadonlySet<Location>;
  readonly nowMs: number;
}): RecordedFileState<Recorded>[] {
  const { recorded, files, verdicts, unreadable, nowMs } = options;
  const foundAt = new Set(files.map((file) => file.location));
  const verdictAt = new Map(verdicts.map((verdict) => [verdict.location, verdict]));
  const recordedAt = new Set(recorded.map((file) => file.location));
  const newcomers = groupBy(
    files.filter((file) => !recordedAt.has(file.location)),
    likeness,
  );
  return recorded.map((file) => {
    if (foundAt.has(file.location)) return { kind: 'present', recorded: file };
    const verdict = verdictAt.get(file.location);
    if (verdict !== undefined && DROPPING.has(verdict.verdict)) {
      return { kind: 'dropped', recorded: file, rule: verdict.rule };
    }
    const to = newcomers.get(likeness(file))?.shift();
    if (to !== undefined) return { kind: 'moved', recorded: file, to };
    if (unreadable.has(file.location)) {
      return { kind: 'unreadable', recorded: file, missingSinceMs: null };
    }
    if (unreadablePlaceOf(file.location, unreadable) !== null) {
      // Nobody knows: what was missing before is so still.
      return { kind: 'unreadable', recorded: file, missingSinceMs: file.missingSinceMs };
    }
    return { kind: 'missing', recorded: file, missingSinceMs: file.missingSinceMs ?? nowMs };
  });
}

/** The file itself or the folder around it that cannot be read; null: neither. */
export function unreadablePlaceOf(
  location: Location,
  unreadable: ReadonlySet<Location>,
): Location | null {
  for (let place = location; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
    if (unreadable.has(place)) return place;
  }
  return null;
}

function likeness(file: RecordedFile | FoundFile): string {
  const path = decodeLocation(file.location);
  const name = displayName(path.subarray(path.lastIndexOf(0x2f) + 1));
  return `${file.sizeBytes} ${file.mtimeNs.toString()} ${name}`;
}

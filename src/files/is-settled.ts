import { createHash } from 'node:crypto';
import { byteText } from '../domain/byte-text.js';
import type { FoundFile } from '../domain/found-file.js';
import type { LastLook } from '../domain/working-session.js';

/** What isSettled decides from. */
export interface IsSettledOptions {
  readonly nowMs: number;
  readonly endMs: number;
  /** The session's files of this look; at least one. */
  readonly files: readonly FoundFile[];
  /** Whether the current version of the record holds the file as it is: then it has been looked at before. */
  readonly isRecorded: (file: FoundFile) => boolean;
  /** Of the look before, while the session waits; null: this is the first. */
  readonly lastLook: LastLook | null;
  /** How long nothing may have been written, in milliseconds. 0: never wait. @default 60 s */
  readonly settleTimeMs: number;
  /** How long to wait at most, in milliseconds. @default 1 h */
  readonly settleMaxMs: number;
}

/** Whether the files of a session have all arrived. */
export type Settled =
  /** `warning`: they had not, but it was waited long enough. */
  | { readonly kind: 'settled'; readonly warning: string | null }
  | {
      readonly kind: 'waiting';
      /** `waiting: scan_07.emd, 41 GB, still growing` */
      readonly reason: string;
      /** Epoch milliseconds when another look can tell more. */
      readonly untilMs: number;
      readonly look: LastLook;
    };

/** A file written within this many settle times is young: a copy that stalls now and then does not fool us. */
const YOUNG_SETTLE_TIMES = 5;

/**
 * Files have arrived when nothing was written for the settle time, and those that are still young look the same as at
 * the look before or in the current version. After the longest wait the session is built anyway, with a warning.
 */
export function isSettled(options: IsSettledOptions): Settled {
  const { nowMs, endMs, files, isRecorded, lastLook, settleTimeMs, settleMaxMs } = options;
  const newest = files.reduce<FoundFile | null>(
    (best, file) => (best === null || file.mtimeNs > best.mtimeNs ? file : best),
    null,
  );
  if (newest === null || settleTimeMs === 0) return { kind: 'settled', warning: null };
  const newestMs = Number(newest.mtimeNs / 1_000_000n);
  const quietSinceMs = Math.max(endMs, newestMs);
  const isQuiet = nowMs - quietSinceMs >= settleTimeMs;

  const youngFromMs = nowMs - YOUNG_SETTLE_TIMES * settleTimeMs;
  const young = files.filter(
    (file) => file.mtimeNs >= BigInt(Math.floor(youngFromMs)) * 1_000_000n && !isRecorded(file),
  );
  const digest = digestOf(young);
  // What was young at the last look and is not now has not been written since: nothing to compare.
  const isUnchanged = young.length === 0 || lastLook?.digest === digest;
  if (isQuiet && isUnchanged) return { kind: 'settled', warning: null };

  const waitingSinceMs = lastLook?.waitingSinceMs ?? nowMs;
  if (nowMs - waitingSinceMs >= settleMaxMs) {
    const warning = `${describe(newest)} was still being written; the record was made after waiting ${minutes(settleMaxMs)}.`;
    return { kind: 'settled', warning };
  }
  const untilMs = isQuiet ? nowMs + settleTimeMs : Math.max(quietSinceMs, nowMs) + settleTimeMs;
  return {
    kind: 'waiting',
    reason: `waiting: ${reasonOf(newest, newestMs, isQuiet, options)}`,
    untilMs: Math.min(untilMs, waitingSinceMs + settleMaxMs),
    look: { digest, waitingSinceMs },
  };
}

function reasonOf(
  newest: FoundFile,
  newestMs: number,
  isQuiet: boolean,
  { endMs, lastLook }: IsSettledOptions,
): string {
  if (!isQuiet && endMs > newestMs) return 'the session has only just ended';
  const isFirstLook = isQuiet && lastLook === null;
  return `${describe(newest)}, ${isFirstLook ? 'new, looked at once more' : 'still growing'}`;
}

/** Order of the look does not matter: the look itself is sorted. */
function digestOf(files: readonly FoundFile[]): string {
  const hash = createHash('sha256');
  for (const file of files)
    hash.update(`${file.location} ${file.sizeBytes} ${file.mtimeNs.toString()}\n`);
  return hash.digest('base64url');
}

function describe(file: FoundFile): string {
  return `${file.name}, ${byteText(file.sizeBytes)}`;
}

function minutes(milliseconds: number): string {
  return milliseconds < 120_000
    ? `${Math.round(milliseconds / 1000)} s`
    : `${Math.round(milliseconds / 60_000)} min`;
}

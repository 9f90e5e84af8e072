import type { ClockOffset } from '../domain/instrument.js';
import type { LookFolder, LookRequest } from './look-request.js';

/** The times whose files belong to a session: startNs < t <= endNs. Nanoseconds since the epoch. */
export interface SessionWindow {
  readonly startNs: bigint;
  /** END. */
  readonly endNs: bigint;
  /** END with the grace that is left of it. */
  readonly graceEndNs: bigint;
}

const NS_PER_MS = 1_000_000n;

/** Milliseconds (whole or not) as nanoseconds. */
export function msToNs(milliseconds: number): bigint {
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * NS_PER_MS + BigInt(Math.round((milliseconds - whole) * 1e6));
}

/**
 * The window of a session. The grace never reaches past the next START on the instrument; a session whose END is its
 * START has no files, so no grace either.
 */
export function sessionWindow(session: {
  readonly startMs: number;
  readonly endMs: number;
  readonly endGraceMs: number;
  readonly nextStartMs: number | null;
}): SessionWindow {
  const { startMs, endMs, endGraceMs, nextStartMs } = session;
  let graceEndMs = endMs > startMs ? endMs + endGraceMs : endMs;
  if (nextStartMs !== null) graceEndMs = Math.min(graceEndMs, nextStartMs);
  return {
    startNs: msToNs(startMs),
    endNs: msToNs(endMs),
    graceEndNs: msToNs(Math.max(graceEndMs, endMs)),
  };
}

/**
 * The instrument clock's lead at a file's time, in nanoseconds: the newest entry that was valid at the corrected time.
 * Before the first entry the clocks are taken to agree.
 */
export function clockOffsetNs(mtimeNs: bigint, offsets: readonly ClockOffset[]): bigint {
  for (const { validFromMs, offsetMs } of offsets.toReversed()) {
    const offsetNs = msToNs(offsetMs);
    if (mtimeNs - offsetNs >= msToNs(validFromMs)) return offsetNs;
  }
  return 0n;
}

/** What the window says of a time, with the rule in words. */
export function placeInWindow(
  timeNs: bigint,
  window: SessionWindow,
  verb: 'written' | 'acquired',
): { readonly verdict: 'in' | 'before start' | 'after end'; readonly rule: string } {
  if (timeNs <= window.startNs) {
    const gap = window.startNs - timeNs;
    const rule = gap === 0n ? `${verb} exactly at START` : `${verb} ${duration(gap)} before START`;
    return { verdict: 'before start', rule };
  }
  if (timeNs > window.graceEndNs || window.endNs === window.startNs) {
    return { verdict: 'after end', rule: `${verb} ${duration(timeNs - window.endNs)} after END` };
  }
  if (timeNs > window.endNs) {
    const rule = `${verb} ${duration(timeNs - window.endNs)} after END, within end_grace`;
    return { verdict: 'in', rule };
  }
  return { verdict: 'in', rule: `${verb} between START and END` };
}

/**
 * A quick check of mtimes in milliseconds, wider than the exact rule: over all clock offsets, by a millisecond for the
 * rounding, and as far as files with times of their own may be written late.
 */
export function nearFilter(request: LookRequest, folder: LookFolder): (mtimeMs: number) => boolean {
  const offsets = [0, ...folder.clockOffsets.map((entry) => entry.offsetMs)];
  const { graceEndNs } = sessionWindow(request);
  const lateMs = folder.timeBasis === 'acquired' ? request.acquiredWithinMs : 0;
  const from = request.startMs - request.nearMs + Math.min(...offsets) - 1;
  const to =
    Number(graceEndNs / 1_000_000n) + Math.max(request.nearMs, lateMs) + Math.max(...offsets) + 1;
  return (mtimeMs) => mtimeMs >= from && mtimeMs <= to;
}

/** `00:12:03`; below a second with the digits that show that it is not nothing: `00:00:00.000000001`. */
function duration(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const two = (value: bigint): string => value.toString().padStart(2, '0');
  const text = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  if (seconds > 0n) return text;
  return `${text}.${ns.toString().padStart(9, '0').replace(/0+$/, '')}`;
}

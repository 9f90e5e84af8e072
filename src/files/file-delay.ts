/** A time in which the store was not reachable. Epoch milliseconds. */
export interface StoreAbsence {
  readonly fromMs: number;
  /** Null: it still is. */
  readonly toMs: number | null;
}

/** Whether a session without files may still get some. */
export type FileDelay =
  { readonly kind: 'waiting'; readonly untilMs: number } | { readonly kind: 'over' };

/**
 * Whether the file delay of a session without files is over: counted from END, leaving out the times in which the store
 * was away (nobody could have seen a file then).
 */
export function fileDelay(options: {
  readonly nowMs: number;
  readonly endMs: number;
  /** @default 2 days */
  readonly fileDelayMs: number;
  /** In any order; they may overlap. */
  readonly absences: readonly StoreAbsence[];
}): FileDelay {
  const { nowMs, endMs, fileDelayMs, absences } = options;
  const clipped = absences
    .map(({ fromMs, toMs }) => ({
      fromMs: Math.max(fromMs, endMs),
      toMs: Math.min(toMs ?? nowMs, nowMs),
    }))
    .filter(({ fromMs, toMs }) => toMs > fromMs)
    .sort((a, b) => a.fromMs - b.fromMs);
  let awayMs = 0;
  let countedToMs = endMs;
  for (const { fromMs, toMs } of clipped) {
    awayMs += Math.max(0, toMs - Math.max(fromMs, countedToMs));
    countedToMs = Math.max(countedToMs, toMs);
  }
  const untilMs = endMs + fileDelayMs + awayMs;
  return nowMs >= untilMs ? { kind: 'over' } : { kind: 'waiting', untilMs };
}

import type { ClockOffset, Instrument, InstrumentFolder } from './instrument.js';

/** The clock offsets of one folder as they were when a session ended. */
export interface FolderClockOffsets {
  /** As the instrument names the folder. */
  readonly path: string;
  /** Sorted by validFromMs. */
  readonly offsets: readonly ClockOffset[];
}

/**
 * The clock offsets that hold for a session: those frozen on it; for a folder that had none yet, those of the present.
 * @param frozen null: none were frozen so far.
 */
export function clockOffsetsFor(
  folders: readonly InstrumentFolder[],
  frozen: readonly FolderClockOffsets[] | null,
): readonly FolderClockOffsets[] {
  return folders.map(
    ({ path, clockOffsets }) =>
      frozen?.find((one) => one.path === path) ?? { path, offsets: clockOffsets },
  );
}

/** The instrument as a session sees it: with the clock offsets that hold for the session. */
export function withClockOffsets(
  instrument: Instrument,
  frozen: readonly FolderClockOffsets[] | null,
): Instrument {
  const offsets = clockOffsetsFor(instrument.folders, frozen);
  return {
    ...instrument,
    folders: instrument.folders.map((folder, index) => ({
      ...folder,
      clockOffsets: offsets[index]?.offsets ?? folder.clockOffsets,
    })),
  };
}

/** How much later (negative: earlier) than by the one session's clock offsets a file's time may be by the other's. */
export interface ClockShift {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** How far apart the clock offsets of two sessions may be for a search of neighbours to find both, at least: a day. */
export const WIDEST_CLOCK_SHIFT_MS = 24 * 3_600_000;

/** The bounds within which a file's time by the offsets of one session and by those of another one differ. */
export function clockShift(
  one: readonly FolderClockOffsets[],
  other: readonly FolderClockOffsets[],
): ClockShift {
  const pairs = one.flatMap(({ path, offsets }) =>
    other.filter((same) => same.path === path).map((same) => [offsets, same.offsets] as const),
  );
  // Instruments may name the folder that they share in two ways.
  const compared =
    pairs.length > 0
      ? pairs
      : [[one.flatMap(({ offsets }) => offsets), other.flatMap(({ offsets }) => offsets)] as const];
  let leastMs = 0;
  let mostMs = 0;
  for (const [ours, theirs] of compared) {
    if (areSame(ours, theirs)) continue;
    // Before the first of them the clocks are taken to agree.
    const ourMs = [0, ...ours.map(({ offsetMs }) => offsetMs)];
    const theirMs = [0, ...theirs.map(({ offsetMs }) => offsetMs)];
    leastMs = Math.min(leastMs, Math.min(...ourMs) - Math.max(...theirMs));
    mostMs = Math.max(mostMs, Math.max(...ourMs) - Math.min(...theirMs));
  }
  return { leastMs, mostMs };
}

function areSame(one: readonly ClockOffset[], other: readonly ClockOffset[]): boolean {
  return (
    one.length === other.length &&
    one.every(
      ({ validFromMs, offsetMs }, index) =>
        other[index]?.validFromMs === validFromMs && other[index].offsetMs === offsetMs,
    )
  );
}

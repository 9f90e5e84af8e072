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

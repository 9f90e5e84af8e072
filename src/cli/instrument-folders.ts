import { systemClock } from '../clock.js';
import { getInstrument, updateInstrument } from '../db/instrument-store.js';
import type { ClockOffset, Instrument, InstrumentFolder, TimeBasis } from '../domain/instrument.js';
import { AppError } from '../errors.js';
import { checkInstrument } from './check-instrument.js';
import type { CommandContext } from './command-context.js';
import { plainFolder } from './instrument-changes.js';
import { readGivenTime } from './local-time-text.js';
import { changeInstruments, printChanged, warnOfFolders } from './manage-instruments.js';
import { withDatabase } from './with-database.js';

/** What is said of a folder; what is not said stays. */
export interface FolderChanges {
  readonly timeBasis?: TimeBasis;
  /** Empty: stays. */
  readonly pattern: readonly string[];
  /** All files count again. */
  readonly allFiles?: boolean;
  /** Instrument clock minus server clock, in seconds. */
  readonly clockOffset?: number;
  /** Text of a time from which the offset holds; default now. */
  readonly validFrom?: string;
  /** Forget the offsets that are known. */
  readonly clearClockOffsets?: boolean;
}

function offsetsOf(
  known: readonly ClockOffset[],
  changes: FolderChanges,
  timezone: string,
): readonly ClockOffset[] {
  const kept = changes.clearClockOffsets === true ? [] : known;
  if (changes.clockOffset === undefined) return kept;
  const nowMs = systemClock.now().toMillis();
  const validFromMs = readGivenTime(changes.validFrom ?? 'now', timezone, nowMs).epochMs;
  const added = { validFromMs, offsetMs: Math.round(changes.clockOffset * 1000) };
  return [...kept.filter((offset) => offset.validFromMs !== validFromMs), added].sort(
    (a, b) => a.validFromMs - b.validFromMs,
  );
}

function changedFolder(
  folder: InstrumentFolder,
  changes: FolderChanges,
  timezone: string,
): InstrumentFolder {
  const kept = changes.allFiles === true ? [] : folder.patterns;
  return {
    ...folder,
    timeBasis: changes.timeBasis ?? folder.timeBasis,
    patterns: changes.pattern.length > 0 ? changes.pattern : kept,
    clockOffsets: offsetsOf(folder.clockOffsets, changes, timezone),
  };
}

function folderOf(instrument: Instrument, path: string): InstrumentFolder {
  const folder = instrument.folders.find((one) => one.path === path);
  if (folder !== undefined) return folder;
  throw new AppError('INPUT_INVALID', `${instrument.pid} has no folder ${path}.`, {
    remedy: `Its folders are ${instrument.folders.map((one) => one.path).join(', ')}.`,
    details: { instrument: instrument.pid, folder: path },
  });
}

async function changeFolders(
  context: CommandContext,
  pid: string,
  change: (instrument: Instrument) => readonly InstrumentFolder[],
): Promise<void> {
  await withDatabase(context, async (opened) => {
    let before: readonly InstrumentFolder[] = [];
    const changed = await changeInstruments(opened, pid, async () => {
      const instrument = await getInstrument(pid);
      before = instrument.folders;
      const folders = change(instrument);
      checkInstrument(opened.config, { ...instrument, folders });
      return updateInstrument(pid, { folders });
    });
    await warnOfFolders(opened, changed, before);
    printChanged(context, changed, 'changed');
  });
}

/** `recordsmith instruments folder add`. @throws AppError INPUT_INVALID for a folder that is there already. */
export function addFolder(
  context: CommandContext,
  pid: string,
  path: string,
  changes: FolderChanges,
): Promise<void> {
  return changeFolders(context, pid, (instrument) => {
    if (instrument.folders.some((folder) => folder.path === path)) {
      throw new AppError('INPUT_INVALID', `${pid} has the folder ${path} already.`, {
        remedy: `Change it: recordsmith instruments folder set ${pid} ${path} ...`,
      });
    }
    return [...instrument.folders, changedFolder(plainFolder(path), changes, instrument.timezone)];
  });
}

/** `recordsmith instruments folder set`. @throws AppError INPUT_INVALID for an unknown folder. */
export function setFolder(
  context: CommandContext,
  pid: string,
  path: string,
  changes: FolderChanges,
): Promise<void> {
  return changeFolders(context, pid, (instrument) => {
    const folder = folderOf(instrument, path);
    return instrument.folders.map((one) =>
      one === folder ? changedFolder(folder, changes, instrument.timezone) : one,
    );
  });
}

/** `recordsmith instruments folder remove`. @throws AppError INPUT_INVALID for an unknown folder or the first one. */
export function removeFolder(context: CommandContext, pid: string, path: string): Promise<void> {
  return changeFolders(context, pid, (instrument) => {
    const folder = folderOf(instrument, path);
    if (folder === instrument.folders[0]) {
      throw new AppError('INPUT_INVALID', `${path} is the filestore_path of ${pid}.`, {
        remedy: `Name another one: recordsmith instruments set ${pid} --filestore-path FOLDER`,
      });
    }
    return instrument.folders.filter((one) => one !== folder);
  });
}

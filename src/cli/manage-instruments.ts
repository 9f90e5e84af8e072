import {
  deleteInstrument,
  getInstrument,
  insertInstrument,
  listInstruments,
  listTools,
  removeTool,
  setTool,
  updateInstrument,
} from '../db/instrument-store.js';
import { resume } from '../db/pause-store.js';
import { scopedSession } from '../db/scope.js';
import type { Instrument } from '../domain/instrument.js';
import { AppError, isAppError } from '../errors.js';
import { checkInstrument, explainRefusal } from './check-instrument.js';
import type { CommandContext } from './command-context.js';
import {
  changedInstrument,
  newInstrument,
  plainFolder,
  type InstrumentChanges,
} from './instrument-changes.js';
import { effectiveSettings, instrumentDocument } from './instrument-document.js';
import { checkInstrumentPid } from './instrument-pid.js';
import { changedSettings, type SettingChanges } from './instrument-settings.js';
import { localTimeText } from './local-time-text.js';
import { missingFolders } from './missing-folders.js';
import { withDatabase, type CommandDatabase } from './with-database.js';

/** `recordsmith instruments list`. */
export async function printInstruments(context: CommandContext): Promise<void> {
  const instruments = await withDatabase(
    context,
    ({ database }) => database.createScope(() => listInstruments()),
    { readOnly: true },
  );
  if (context.json) {
    context.printJson({ instruments: instruments.map(instrumentDocument) });
    return;
  }
  if (instruments.length === 0) {
    context.note("No instrument yet; 'recordsmith instruments add --help' says how to add one.");
  }
  context.table(
    instruments.map((instrument) => ({
      instrument: instrument.pid,
      name: instrument.displayName,
      folders: instrument.folders.map(({ path }) => path).join(', '),
      timezone: instrument.timezone,
      harvester: instrument.harvester,
      active: instrument.active ? 'yes' : 'no',
    })),
  );
}

function shownValue(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  return JSON.stringify(value);
}

function printSheet(
  context: CommandContext,
  instrument: Instrument,
  tools: readonly { readonly source: string; readonly tool_id: string }[],
): void {
  const columns = Object.entries(instrumentDocument(instrument)).filter(
    ([column]) => column !== 'folders',
  );
  const time = (epochMs: number): string => localTimeText(epochMs, instrument.timezone);
  context.table(columns.map(([column, value]) => ({ column, value: shownValue(value) })));
  context.print('');
  context.table(
    instrument.folders.map((folder) => ({
      folder: folder.path,
      'time basis': folder.timeBasis,
      'clock offsets': folder.clockOffsets
        .map(({ validFromMs, offsetMs }) => `${offsetMs / 1000} s from ${time(validFromMs)}`)
        .join(', '),
      patterns: folder.patterns.join(', '),
      'seen to hold files':
        folder.rootSeenNonemptyAtMs === null ? null : time(folder.rootSeenNonemptyAtMs),
    })),
  );
  if (tools.length > 0) context.print('');
  context.table(tools.map(({ source, tool_id }) => ({ source, tool: tool_id })));
}

/** `recordsmith instruments show`: the instrument, its folders and tools, its effective settings with their origin. */
export async function printInstrument(context: CommandContext, pid: string): Promise<void> {
  await withDatabase(
    context,
    async ({ database, loaded, log }) => {
      const { instrument, tools } = await database.createScope(async () => ({
        instrument: await getInstrument(pid),
        tools: (await listTools(pid)).map(({ source, toolId }) => ({ source, tool_id: toolId })),
      }));
      let settings: ReturnType<typeof effectiveSettings> | null = null;
      let fault: string | null = null;
      try {
        settings = effectiveSettings(loaded, instrument);
      } catch (error) {
        // Settings written by SQL may be wrong; the rest is shown all the same.
        if (!isAppError(error) || error.code !== 'CONFIG_INVALID') throw error;
        fault = error.message;
      }
      if (context.json) {
        context.printJson({
          ...instrumentDocument(instrument),
          tools,
          effective_settings: settings,
          settings_fault: fault,
        });
        return;
      }
      printSheet(context, instrument, tools);
      context.print('');
      context.table(
        (settings ?? []).map(({ key, value, origin }) => ({
          setting: key,
          value: shownValue(value),
          origin,
        })),
      );
      if (fault !== null) log.error('The settings of the instrument are wrong.', { pid, fault });
    },
    { readOnly: true },
  );
}

/** Prints an instrument after it was changed. */
export function printChanged(context: CommandContext, instrument: Instrument, word: string): void {
  if (context.json) context.printJson(instrumentDocument(instrument));
  else
    context.note(`${instrument.pid} ${word}. See: recordsmith instruments show ${instrument.pid}`);
}

/** Runs a change in one transaction; what the database refuses is said in words. */
export async function changeInstruments<T>(
  { database }: CommandDatabase,
  pid: string,
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await database.createScope(async () => {
      // Begins the transaction: what is read belongs to what is written.
      await scopedSession().writer();
      return change();
    });
  } catch (error) {
    throw explainRefusal(error, pid);
  }
}

/** Warns of folders of an instrument that were not among those before and cannot be read. */
export async function warnOfFolders(
  { config, log }: CommandDatabase,
  instrument: Instrument,
  before: Instrument['folders'],
): Promise<void> {
  const known = new Set(before.map(({ path }) => path));
  const added = instrument.folders.map(({ path }) => path).filter((path) => !known.has(path));
  if (added.length === 0) return;
  for (const warning of await missingFolders(config, added)) {
    log.warn(warning, { instrument: instrument.pid });
  }
}

/** What `instruments add` and `set` were given. */
export interface InstrumentInput {
  readonly changes: InstrumentChanges;
  readonly settings: SettingChanges;
}

/** `recordsmith instruments add`. @param folders further folders, beside filestore_path */
export async function addInstrument(
  context: CommandContext,
  pid: string,
  { changes, settings }: InstrumentInput,
  folders: readonly string[],
): Promise<void> {
  const plain = newInstrument(pid, changes);
  const further = [...new Set(folders)].filter((path) => path !== plain.folders[0]?.path);
  const instrument: Instrument = {
    ...plain,
    folders: [...plain.folders, ...further.map(plainFolder)],
    settings: changedSettings(plain.settings, settings),
  };
  await withDatabase(context, async (opened) => {
    checkInstrument(opened.config, instrument);
    await changeInstruments(opened, pid, () => insertInstrument(instrument));
    const awkward = checkInstrumentPid(pid);
    if (awkward !== null) opened.log.warn(awkward, { instrument: pid });
    await warnOfFolders(opened, instrument, []);
    printChanged(context, instrument, 'added');
  });
}

/** `recordsmith instruments set`. */
export async function setInstrument(
  context: CommandContext,
  pid: string,
  { changes, settings }: InstrumentInput,
): Promise<void> {
  await withDatabase(context, async (opened) => {
    let before: Instrument['folders'] = [];
    const changed = await changeInstruments(opened, pid, async () => {
      const present = await getInstrument(pid);
      const instrument = changedInstrument(present, changes);
      const complete = { ...instrument, settings: changedSettings(instrument.settings, settings) };
      checkInstrument(opened.config, complete);
      before = present.folders;
      return updateInstrument(pid, complete);
    });
    await warnOfFolders(opened, changed, before);
    printChanged(context, changed, 'changed');
  });
}

/** `recordsmith instruments remove`; refused while the session log names it. */
export async function removeInstrument(context: CommandContext, pid: string): Promise<void> {
  await withDatabase(context, async (opened) => {
    await changeInstruments(opened, pid, async () => {
      await deleteInstrument(pid);
      await resume('instrument', pid);
    });
    if (context.json) context.printJson({ removed: pid });
    else context.note(`${pid} removed.`);
  });
}

/** `recordsmith instruments tool add`: the tool means the instrument from now on. */
export async function addInstrumentTool(
  context: CommandContext,
  pid: string,
  source: string,
  toolId: string,
): Promise<void> {
  await withDatabase(context, async (opened) => {
    await changeInstruments(opened, pid, async () => {
      await getInstrument(pid);
      await setTool({ source, toolId, instrumentPid: pid });
    });
    if (context.json) context.printJson({ instrument_pid: pid, source, tool_id: toolId });
    else context.note(`Tool ${toolId} of ${source} means ${pid} now.`);
  });
}

/** `recordsmith instruments tool remove`. @throws AppError INPUT_INVALID for a tool that is not known. */
export async function removeInstrumentTool(
  context: CommandContext,
  source: string,
  toolId: string,
): Promise<void> {
  await withDatabase(context, async ({ database }) => {
    const removed = await database.createScope(() => removeTool(source, toolId));
    if (!removed) {
      throw new AppError('INPUT_INVALID', `No instrument has the tool ${toolId} of ${source}.`, {
        remedy: 'See the tools of an instrument: recordsmith instruments show PID.',
      });
    }
    if (context.json) context.printJson({ removed: { source, tool_id: toolId } });
    else context.note(`Tool ${toolId} of ${source} removed.`);
  });
}

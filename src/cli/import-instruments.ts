import { resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import { insertInstrument, listInstruments, updateInstrument } from '../db/instrument-store.js';
import type { Instrument } from '../domain/instrument.js';
import { checkInstrumentPid } from './instrument-pid.js';
import { checkInstrument } from './check-instrument.js';
import type { CommandContext } from './command-context.js';
import {
  changedInstrument,
  newInstrument,
  readInstrumentColumn,
  type InstrumentChanges,
} from './instrument-changes.js';
import { changeInstruments } from './manage-instruments.js';
import {
  FaultList,
  readInstrumentList,
  readListText,
  type ImportRow,
} from './read-instrument-list.js';
import { withDatabase } from './with-database.js';

/** What a row says, or null when a cell is wrong; an empty cell of a column that needs a value says nothing. */
function changesOf(row: ImportRow, faults: FaultList): InstrumentChanges | null {
  let changes: InstrumentChanges = {};
  let faulty = false;
  const needed = ['display_name', 'filestore_path', 'timezone', 'active'];
  for (const { column, text } of row.cells) {
    if (text.trim() === '' && needed.includes(column.name)) continue;
    const read = faults.collect(row, () => readInstrumentColumn(column.name, text));
    faulty ||= read === null;
    changes = { ...changes, ...read };
  }
  return faulty ? null : changes;
}

const UNIQUE = [
  { name: 'api_url', of: (instrument: Instrument) => instrument.apiUrl },
  { name: 'computer_name', of: (instrument: Instrument) => instrument.computerName },
  { name: 'computer_ip', of: (instrument: Instrument) => instrument.computerIp },
];

/** Values that only one instrument can have, over all instruments as they will be. */
function checkUnique(
  rows: readonly ImportRow[],
  after: ReadonlyMap<string, Instrument>,
  faults: FaultList,
): void {
  const instruments = [...after.values()];
  for (const { name, of } of UNIQUE) {
    for (const row of rows) {
      const mine = after.get(row.pid);
      const value = mine === undefined ? null : of(mine);
      const other =
        value === null
          ? undefined
          : instruments.find((one) => one.pid !== row.pid && of(one) === value);
      if (other !== undefined)
        faults.add(row, `${name} '${String(value)}' is that of ${other.pid}`);
    }
  }
}

interface ImportPlan {
  readonly added: readonly Instrument[];
  readonly changed: readonly Instrument[];
  readonly unchanged: readonly string[];
}

function planImport(
  config: Config,
  rows: readonly ImportRow[],
  known: readonly Instrument[],
  faults: FaultList,
): ImportPlan {
  const before = new Map(known.map((instrument) => [instrument.pid, instrument]));
  const after = new Map(before);
  const seen = new Map<string, number>();
  for (const row of rows) {
    const earlier = seen.get(row.pid);
    if (earlier !== undefined) faults.add(row, `${row.pid} is in row ${earlier} already`);
    seen.set(row.pid, row.row);
    const changes = changesOf(row, faults);
    if (changes === null) continue;
    const present = before.get(row.pid);
    const instrument = faults.collect(row, () => {
      const made =
        present === undefined
          ? newInstrument(row.pid, changes)
          : changedInstrument(present, changes);
      checkInstrument(config, made);
      return made;
    });
    if (instrument !== null) after.set(row.pid, instrument);
  }
  checkUnique(rows, after, faults);
  const added: Instrument[] = [];
  const changed: Instrument[] = [];
  const unchanged: string[] = [];
  for (const [pid, instrument] of after) {
    const present = before.get(pid);
    if (present === undefined) added.push(instrument);
    else if (JSON.stringify(present) !== JSON.stringify(instrument)) changed.push(instrument);
    else if (seen.has(pid)) unchanged.push(pid);
  }
  return { added, changed, unchanged };
}

/**
 * `recordsmith instruments import`: adds the instruments of a CSV file and changes those that are there, all or none.
 * @throws AppError INPUT_INVALID naming every wrong row; FILE_UNREADABLE.
 */
export async function importInstruments(context: CommandContext, file: string): Promise<void> {
  const path = resolve(context.workingFolder, file);
  const text = await readListText(path);
  await withDatabase(context, async (opened) => {
    const plan = await changeInstruments(opened, 'an instrument of the file', async () => {
      const faults = new FaultList();
      const { rows, passedOver } = readInstrumentList(file, text, faults);
      const made = planImport(opened.config, rows, await listInstruments(), faults);
      faults.throwIfAny(file);
      for (const instrument of made.changed) await updateInstrument(instrument.pid, instrument);
      for (const instrument of made.added) await insertInstrument(instrument);
      return { ...made, passedOver };
    });
    const pids = (instruments: readonly Instrument[]) => instruments.map(({ pid }) => pid);
    const { unchanged, passedOver } = plan;
    if (passedOver.length > 0) {
      opened.log.info('Columns that are not kept were passed over.', { columns: passedOver });
    }
    for (const instrument of plan.added) {
      const awkward = checkInstrumentPid(instrument.pid);
      if (awkward !== null) opened.log.warn(awkward, { instrument: instrument.pid });
    }
    if (context.json) {
      context.printJson({ added: pids(plan.added), changed: pids(plan.changed), unchanged });
      return;
    }
    for (const pid of pids(plan.added)) context.note(`added     ${pid}`);
    for (const pid of pids(plan.changed)) context.note(`changed   ${pid}`);
    for (const pid of unchanged) context.note(`unchanged ${pid}`);
  });
}

import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { IANAZone } from 'luxon';
import { z } from 'zod';
import type { Instrument, InstrumentFolder } from '../domain/instrument.js';
import { AppError } from '../errors.js';
import { boundedText, cleanOptionalText } from './clean-text.js';
import { readClockOffsets, writeClockOffsets } from './frozen-clock-offsets.js';
import { instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { INSTRUMENT_SCHEMA } from './instrument-input.js';
import { jsonColumn } from './json-column.js';
import { requireInput, requireText } from './library-input.js';
import { scopedSession } from './scope.js';
import type { InstrumentFolderRow, InstrumentRow, InstrumentToolRow } from './tables.js';

const settingsColumn = jsonColumn<Readonly<Record<string, unknown>>>(
  z.record(z.string(), z.unknown()),
);
const patternsColumn = jsonColumn<readonly string[]>(z.array(z.string()));

/** A tool of a booking system that means an instrument. */
export interface InstrumentTool {
  readonly source: string;
  readonly toolId: string;
  readonly instrumentPid: string;
}

/** The error for an unknown instrument. */
function instrumentNotFound(pid: string): AppError {
  return new AppError('INSTRUMENT_NOT_FOUND', `There is no instrument ${pid.slice(0, 200)}.`, {
    remedy: 'See `recordsmith instruments list`, or add it with `recordsmith instruments add`.',
    details: { instrument: pid },
  });
}

function toFolder(row: InstrumentFolderRow): InstrumentFolder {
  return {
    path: row.path,
    timeBasis: row.time_basis,
    clockOffsets: readClockOffsets(row.clock_offsets),
    patterns: patternsColumn.read(row.patterns),
    rootSeenNonemptyAtMs: optionalInstantMs(row.root_seen_nonempty_at),
  };
}

function toInstrument(row: InstrumentRow, folderRows: readonly InstrumentFolderRow[]): Instrument {
  const folders = folderRows
    .filter((folder) => folder.instrument_pid === row.instrument_pid)
    .map(toFolder);
  const first = folders.find((folder) => folder.path === row.filestore_path) ?? {
    path: row.filestore_path,
    timeBasis: 'mtime' as const,
    clockOffsets: [],
    patterns: [],
    rootSeenNonemptyAtMs: null,
  };
  return {
    pid: row.instrument_pid,
    displayName: row.display_name,
    apiUrl: row.api_url,
    calendarUrl: row.calendar_url,
    location: row.location,
    propertyTag: row.property_tag,
    harvester: row.harvester,
    timezone: row.timezone,
    active: Boolean(row.active),
    userFolder: row.user_folder,
    computerName: row.computer_name,
    computerIp: row.computer_ip,
    settings: settingsColumn.read(row.settings),
    folders: [first, ...folders.filter((folder) => folder.path !== row.filestore_path)],
  };
}

function foldersQuery(knex: Knex) {
  return knex<InstrumentFolderRow>('instrument_folders').orderBy('position').orderBy('id');
}

/** All instruments, in order of their keys. */
export async function listInstruments(): Promise<readonly Instrument[]> {
  const unit = scopedSession();
  const knex = unit.reader();
  const rows = await knex<InstrumentRow>('instruments')
    .orderByRaw(unit.dialect.byteOrder('instrument_pid'))
    .select();
  const folders = await foldersQuery(knex).select();
  return rows.map((row) => toInstrument(row, folders));
}

/** One instrument, or null. */
export async function findInstrument(pid: string): Promise<Instrument | null> {
  requireText(pid, 'instrument_pid');
  const knex = scopedSession().reader();
  const row = await knex<InstrumentRow>('instruments').where('instrument_pid', pid).first();
  if (row === undefined) return null;
  return toInstrument(row, await foldersQuery(knex).where('instrument_pid', pid).select());
}

/** One instrument. @throws AppError INSTRUMENT_NOT_FOUND. */
export async function getInstrument(pid: string): Promise<Instrument> {
  const instrument = await findInstrument(pid);
  if (instrument === null) throw instrumentNotFound(pid);
  return instrument;
}

function checkedColumns(instrument: Instrument): Omit<InstrumentRow, 'created_at' | 'updated_at'> {
  requireInput(INSTRUMENT_SCHEMA, instrument, 'The instrument');
  if (!IANAZone.isValidZone(instrument.timezone)) {
    throw new AppError('INPUT_INVALID', `'${instrument.timezone}' is no IANA time zone.`, {
      remedy: 'Write it like Europe/Berlin or America/New_York.',
      details: { instrument: instrument.pid, timezone: instrument.timezone },
    });
  }
  const first = instrument.folders[0];
  if (first === undefined) {
    throw new AppError('INPUT_INVALID', `The instrument ${instrument.pid} has no folder.`, {
      remedy: 'Give the folder its files are in (filestore_path).',
    });
  }
  const optional = (name: string, text: string | null, longest: number): string | null => {
    const cleaned = cleanOptionalText(text);
    return cleaned === null || cleaned === '' ? null : boundedText(name, cleaned, longest);
  };
  return {
    instrument_pid: boundedText('instrument_pid', instrument.pid, 100),
    api_url: optional('api_url', instrument.apiUrl, 2000),
    display_name: boundedText('display_name', instrument.displayName, 255),
    calendar_url: optional('calendar_url', instrument.calendarUrl, 2000),
    location: optional('location', instrument.location, 100),
    property_tag: optional('property_tag', instrument.propertyTag, 20),
    filestore_path: boundedText('filestore_path', first.path, 4096),
    harvester: optional('harvester', instrument.harvester, 100),
    timezone: instrument.timezone,
    active: instrument.active,
    user_folder: optional('user_folder', instrument.userFolder, 1000),
    settings: settingsColumn.write(instrument.settings),
    computer_name: optional('computer_name', instrument.computerName, 255),
    computer_ip: optional('computer_ip', instrument.computerIp, 45),
  };
}

/** sha256 of a path in hex: paths can be longer than an index takes. */
function pathKey(path: string): string {
  return createHash('sha256').update(path, 'utf8').digest('hex');
}

async function writeFolders(transaction: Knex, instrument: Instrument): Promise<void> {
  await transaction('instrument_folders').where('instrument_pid', instrument.pid).del();
  for (const [position, folder] of instrument.folders.entries()) {
    await transaction<InstrumentFolderRow>('instrument_folders').insert({
      instrument_pid: instrument.pid,
      path: boundedText('The folder', folder.path, 4096),
      path_key: pathKey(folder.path),
      position,
      clock_offsets: writeClockOffsets(folder.clockOffsets),
      time_basis: folder.timeBasis,
      patterns: patternsColumn.write(folder.patterns),
      root_seen_nonempty_at: optionalInstantText(folder.rootSeenNonemptyAtMs),
    });
  }
}

/** Adds an instrument with its folders. @throws AppError INPUT_INVALID; DATABASE_CONSTRAINT when the key exists. */
export async function insertInstrument(instrument: Instrument): Promise<void> {
  const transaction = await scopedSession().writer();
  await transaction<InstrumentRow>('instruments').insert(checkedColumns(instrument));
  await writeFolders(transaction, instrument);
}

/**
 * Changes an instrument: everything but what `changes` names stays. A changed key is followed by all rows that name it.
 * @throws AppError INSTRUMENT_NOT_FOUND, INPUT_INVALID.
 */
export async function updateInstrument(
  pid: string,
  changes: Partial<Instrument>,
): Promise<Instrument> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const changed: Instrument = { ...(await getInstrument(pid)), ...changes };
  await transaction<InstrumentRow>('instruments')
    .where('instrument_pid', pid)
    .update({ ...checkedColumns(changed), updated_at: transaction.raw(unit.dialect.now) });
  await writeFolders(transaction, changed);
  return changed;
}

/** Removes an instrument that no session names. @throws AppError INSTRUMENT_NOT_FOUND; DATABASE_CONSTRAINT. */
export async function deleteInstrument(pid: string): Promise<void> {
  requireText(pid, 'instrument_pid');
  const transaction = await scopedSession().writer();
  const removed = await transaction('instruments').where('instrument_pid', pid).del();
  if (removed === 0) throw instrumentNotFound(pid);
}

/** Remembers that a folder was seen to hold something, so that an empty one is known to be not mounted. */
export async function markRootSeen(pid: string, path: string, seenAtMs: number): Promise<void> {
  const transaction = await scopedSession().writer();
  const touched = await transaction<InstrumentFolderRow>('instrument_folders')
    .where({ instrument_pid: pid, path_key: pathKey(path) })
    .update({
      root_seen_nonempty_at: transaction.raw('coalesce(root_seen_nonempty_at, ?)', [
        instantText(seenAtMs),
      ]),
    });
  if (touched > 0) return;
  // Instruments inserted by SQL have no row for their first folder yet.
  await transaction<InstrumentFolderRow>('instrument_folders')
    .insert({
      instrument_pid: pid,
      path,
      path_key: pathKey(path),
      position: 0,
      clock_offsets: '[]',
      time_basis: 'mtime',
      patterns: '[]',
      root_seen_nonempty_at: instantText(seenAtMs),
    })
    .onConflict(['instrument_pid', 'path_key'])
    .ignore();
}

/** The tools of booking systems that mean an instrument; all instruments' when none is given. */
export async function listTools(pid?: string): Promise<readonly InstrumentTool[]> {
  const unit = scopedSession();
  const query = unit
    .reader()<InstrumentToolRow>('instrument_tools')
    .orderByRaw(`${unit.dialect.byteOrder('source')}, ${unit.dialect.byteOrder('tool_id')}`);
  if (pid !== undefined) void query.where('instrument_pid', pid);
  const rows = await query.select();
  return rows.map((row) => ({
    source: row.source,
    toolId: row.tool_id,
    instrumentPid: row.instrument_pid,
  }));
}

/** Says which instrument a tool means (again: says it anew). */
export async function setTool(tool: InstrumentTool): Promise<void> {
  const transaction = await scopedSession().writer();
  await transaction<InstrumentToolRow>('instrument_tools')
    .insert({
      source: boundedText('The source', tool.source, 100),
      tool_id: boundedText('The tool', tool.toolId, 255),
      instrument_pid: tool.instrumentPid,
    })
    .onConflict(['source', 'tool_id'])
    .merge(['instrument_pid']);
}

/** Forgets a tool. @returns false when it was not known. */
export async function removeTool(source: string, toolId: string): Promise<boolean> {
  const transaction = await scopedSession().writer();
  return (await transaction('instrument_tools').where({ source, tool_id: toolId }).del()) > 0;
}

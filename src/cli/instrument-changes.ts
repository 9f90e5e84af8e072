import { isIP } from 'node:net';
import { boundedText, cleanText } from '../db/clean-text.js';
import type { Instrument, InstrumentFolder } from '../domain/instrument.js';
import { AppError, toError } from '../errors.js';
import { checkTimeZone } from './check-time-zone.js';
import { checkInstrumentPid } from './instrument-pid.js';
import type { InstrumentColumnName } from './instrument-columns.js';

/** What is said of an instrument: the columns that were given. */
export type InstrumentChanges = Partial<Omit<Instrument, 'pid' | 'folders'>> & {
  readonly filestorePath?: string;
};

function invalid(message: string, remedy: string): AppError {
  return new AppError('INPUT_INVALID', message, { remedy });
}

/** Text, or null for an empty one. */
function optional(name: string, text: string, longest: number): string | null {
  const cleaned = cleanText(text).trim();
  return cleaned === '' ? null : boundedText(name, cleaned, longest);
}

function required(name: string, text: string, longest: number): string {
  return boundedText(name, cleanText(text).trim(), longest);
}

/** Addresses are shown as links: nothing but web pages. */
function address(name: string, text: string): string | null {
  const value = optional(name, text, 2000);
  if (value === null) return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return value;
  throw invalid(`${name} '${value.slice(0, 100)}' is no web address.`, 'Write https://...');
}

function ipAddress(text: string): string | null {
  const value = optional('computer_ip', text, 45);
  if (value === null || isIP(value) !== 0) return value;
  throw invalid(
    `computer_ip '${value}' is no IP address.`,
    'Write it like 192.0.2.17 or 2001:db8::17.',
  );
}

const YES = ['yes', 'true', '1', 'y'];
const NO = ['no', 'false', '0', 'n'];

function yesOrNo(text: string): boolean {
  const word = text.trim().toLowerCase();
  if (YES.includes(word)) return true;
  if (NO.includes(word)) return false;
  throw invalid(`active '${text.slice(0, 20)}' is neither yes nor no.`, 'Write yes or no.');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function settingsOf(text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('INPUT_INVALID', 'settings is no JSON.', {
      cause: toError(error),
      remedy: 'Write it like {"build": {"strategy": "inclusive"}}.',
    });
  }
  if (isObject(value)) return value;
  throw invalid('settings is no JSON object.', 'Write it like {"build": {...}}.');
}

/** How the text of a column is read and checked. */
const READERS: Readonly<Record<InstrumentColumnName, (text: string) => InstrumentChanges>> = {
  display_name: (text) => ({ displayName: required('display_name', text, 255) }),
  filestore_path: (text) => ({ filestorePath: required('filestore_path', text, 4096) }),
  timezone: (text) => ({ timezone: checkTimeZone(text.trim()) }),
  harvester: (text) => ({ harvester: optional('harvester', text, 100) }),
  api_url: (text) => ({ apiUrl: address('api_url', text) }),
  calendar_url: (text) => ({ calendarUrl: address('calendar_url', text) }),
  location: (text) => ({ location: optional('location', text, 100) }),
  property_tag: (text) => ({ propertyTag: optional('property_tag', text, 20) }),
  active: (text) => ({ active: yesOrNo(text) }),
  user_folder: (text) => ({ userFolder: optional('user_folder', text, 1000) }),
  computer_name: (text) => ({ computerName: optional('computer_name', text, 255) }),
  computer_ip: (text) => ({ computerIp: ipAddress(text) }),
  settings: (text) => ({ settings: settingsOf(text) }),
};

/** What the text of a column says. @throws AppError INPUT_INVALID */
export function readInstrumentColumn(name: InstrumentColumnName, text: string): InstrumentChanges {
  return READERS[name](text);
}

/** A folder with plain values. */
export function plainFolder(path: string): InstrumentFolder {
  return { path, timeBasis: 'mtime', clockOffsets: [], patterns: [], rootSeenNonemptyAtMs: null };
}

function withFirstFolder(
  folders: readonly InstrumentFolder[],
  path: string,
): readonly InstrumentFolder[] {
  const [first, ...further] = folders;
  if (first?.path === path) return folders;
  const known = further.find((folder) => folder.path === path);
  // Another place of the same PC: its clock and patterns stay, what was seen at the old place does not.
  const moved = { ...(first ?? plainFolder(path)), path, rootSeenNonemptyAtMs: null };
  return [known ?? moved, ...further.filter((folder) => folder !== known)];
}

/** The instrument with what was said of it. */
export function changedInstrument(
  instrument: Instrument,
  { filestorePath, ...columns }: InstrumentChanges,
): Instrument {
  const folders =
    filestorePath === undefined
      ? instrument.folders
      : withFirstFolder(instrument.folders, filestorePath);
  return { ...instrument, ...columns, folders };
}

/** An instrument that was not there before. @throws AppError INPUT_INVALID when something it needs was not said. */
export function newInstrument(pid: string, changes: InstrumentChanges): Instrument {
  checkInstrumentPid(pid);
  const { filestorePath, timezone } = changes;
  if (filestorePath === undefined || timezone === undefined) {
    const missing = filestorePath === undefined ? 'filestore_path' : 'timezone';
    throw invalid(`The new instrument ${pid} needs a ${missing}.`, `Give its ${missing}.`);
  }
  return changedInstrument(
    {
      pid: boundedText('instrument_pid', pid, 100),
      displayName: pid,
      apiUrl: null,
      calendarUrl: null,
      location: null,
      propertyTag: null,
      harvester: null,
      timezone,
      active: true,
      userFolder: null,
      computerName: null,
      computerIp: null,
      settings: {},
      folders: [],
    },
    changes,
  );
}

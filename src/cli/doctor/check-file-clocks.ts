import { resolve } from 'node:path';
import { IANAZone } from 'luxon';
import type { Clock } from '../../clock.js';
import { catalogueTimes, type CatalogueTimes } from '../../db/catalogue-times-store.js';
import type { Database } from '../../db/database.js';
import { listInstruments } from '../../db/instrument-store.js';
import type { Instrument, InstrumentFolder } from '../../domain/instrument.js';
import { zonedTime } from '../../domain/zoned-time.js';
import { isAppError } from '../../errors.js';
import { ReaderPool } from '../../extract/reader-pool.js';
import { resolveInData } from '../../files/look-roots.js';
import { clockOffsetNs } from '../../files/session-window.js';
import { isInsideFolder, pathOfLocation } from '../../files/store-path.js';
import { failedBy, ok, warn, type CheckResult } from './check-result.js';
import { clockChange, type ClockChange } from './clock-change.js';
import { clockLeadRuns, type ClockLeadRun, type FileTimes } from './clock-lead-runs.js';
import type { DoctorEnvironment } from './doctor-environment.js';
import { recentFileTimes } from './recent-file-times.js';

/** A lead that is told: below it no file changes its session in practice. */
const TOLD_MS = 2 * 60_000;
/** With fewer files of a folder nothing is said of its clock. */
const LEAST_FILES = 5;
const NS_PER_MS = 1_000_000n;
const CHECK = 'file clocks';

/** The files of one folder of an instrument, with the clock offsets of the present taken off. */
interface FolderTimes {
  readonly folder: InstrumentFolder;
  readonly files: readonly FileTimes[];
}

/**
 * Do the times in the files of each folder and the times at which these were written agree: a clock of an instrument's PC
 * that is ahead or behind, and since when. From the catalogue; for an instrument of which that knows too little, from a
 * bounded number of recent files.
 */
export async function* checkFileClocks(
  environment: DoctorEnvironment,
  database: Database,
  clock: Clock,
): AsyncGenerator<CheckResult, void, undefined> {
  const instruments = await database.createScope(() => listInstruments());
  const readers = new ReaderPool({ size: 1 });
  let agreeing = 0;
  let silent = 0;
  let wrong = 0;
  try {
    for (const instrument of instruments) {
      // What is wrong with the zone is told by another check.
      if (!IANAZone.isValidZone(instrument.timezone)) continue;
      try {
        for (const times of await timesOf(environment, database, readers, instrument, clock)) {
          const result = checkFolder(instrument, times);
          if (result === 'agrees') agreeing += 1;
          else if (result === 'silent') silent += 1;
          else {
            wrong += 1;
            yield result;
          }
        }
      } catch (error) {
        if (!isAppError(error) || error.code === 'DATABASE_UNAVAILABLE') throw error;
        // Wrong settings are told with the instrument.
        if (error.code !== 'CONFIG_INVALID') yield failedBy(`clock ${instrument.pid}`, error);
      }
    }
  } finally {
    await readers.stop();
  }
  if (wrong === 0) yield ok(CHECK, agreementText(agreeing, silent));
}

function agreementText(agreeing: number, silent: number): string {
  const folders = (count: number): string => (count === 1 ? '1 folder' : `${count} folders`);
  const agreed = `in ${folders(agreeing)} the times in the files agree with those of the files`;
  const unknown = `${folders(silent)} with too few files that say when they were acquired`;
  if (silent === 0) return agreed;
  return agreeing === 0 ? `nothing to compare: ${unknown}` : `${agreed}; ${unknown}`;
}

async function timesOf(
  environment: DoctorEnvironment,
  database: Database,
  readers: ReaderPool,
  instrument: Instrument,
  clock: Clock,
): Promise<readonly FolderTimes[]> {
  const { data } = environment.config.paths;
  const known = await database.createScope(() => catalogueTimes(instrument.pid));
  const byFolder = inFolders(data, instrument, known);
  if (byFolder.some(({ files }) => files.length >= LEAST_FILES)) return byFolder;
  const recent = await recentFileTimes(environment, readers, instrument, clock.now());
  // Why a store does not answer is told with its folders.
  return recent.kind === 'read' ? inFolders(data, instrument, recent.times) : byFolder;
}

/** Each file with the deepest folder that it lies in. */
function inFolders(
  data: string,
  instrument: Instrument,
  times: readonly CatalogueTimes[],
): readonly FolderTimes[] {
  const dataPath = resolve(data);
  const folders = instrument.folders
    .map((folder) => ({ folder, root: resolveInData(dataPath, folder.path), files: newList() }))
    .sort((a, b) => b.root.length - a.root.length);
  for (const { location, mtimeNs, acquiredMs } of times) {
    const path = pathOfLocation(location, dataPath);
    const own = folders.find(({ root }) => isInsideFolder(path, root));
    if (own === undefined) continue;
    const writtenNs = mtimeNs - clockOffsetNs(mtimeNs, own.folder.clockOffsets);
    own.files.push({ writtenMs: Number(writtenNs / NS_PER_MS), acquiredMs });
  }
  return folders;
}

function newList(): FileTimes[] {
  return [];
}

function checkFolder(
  instrument: Instrument,
  { folder, files }: FolderTimes,
): CheckResult | 'agrees' | 'silent' {
  const runs = clockLeadRuns(files);
  const present = runs.at(-1);
  if (present === undefined) return 'silent';
  if (Math.abs(present.leadMs) < TOLD_MS) return 'agrees';
  const change = clockChange(runs.at(-2), present, instrument.timezone);
  const ahead = present.leadMs > 0 ? 'ahead' : 'behind';
  const explained = change.explanation ?? wholeHour(present);
  const details = {
    instrument: instrument.pid,
    folder: folder.path,
    leadSeconds: Math.round(present.leadMs / 1000),
    since: zonedTime(change.sinceMs, 'utc').toISO(),
    files: present.files,
  };
  const message =
    `the clock of the PC that writes ${folder.path} is ${lengthText(present.leadMs)} ${ahead} ${change.since}` +
    ` (by the times in ${present.files} files)${explained === null ? '' : `: ${explained}`}`;
  return {
    ...warn(`clock ${instrument.pid}`, message, remedyOf(instrument, folder, present, change)),
    details,
  };
}

/** A lead of whole hours is more often a wrong zone than a wrong clock. */
function wholeHour({ leadMs }: ClockLeadRun): string | null {
  const hours = Math.round(leadMs / 3_600_000);
  const isWhole = hours !== 0 && Math.abs(leadMs - hours * 3_600_000) < TOLD_MS;
  return isWhole ? 'whole hours, so perhaps its time zone or summer time is set wrong' : null;
}

/** `61 min`, `7 h 30 min`, `3652 days`. */
function lengthText(leadMs: number): string {
  const minutes = Math.round(Math.abs(leadMs) / 60_000);
  if (minutes < 180) return `${minutes} min`;
  if (minutes >= 2 * 24 * 60) return `${Math.round(minutes / (24 * 60))} days`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`;
}

/**
 * What mends it. Which of two clocks is wrong no comparison tells: that of the PC, mostly; the time of writing, where a copy
 * job or a server sets it wrongly. The command makes the time that decides the right one.
 */
function remedyOf(
  { pid, timezone }: Instrument,
  folder: InstrumentFolder,
  { leadMs, lastMs }: ClockLeadRun,
  { sinceMs }: ClockChange,
): string {
  const set = `recordsmith instruments folder set ${shellWord(pid)} ${shellWord(folder.path)}`;
  const start = 'Set the clock and time zone of that PC.';
  if (folder.timeBasis === 'acquired') {
    return `${start} Sessions take files by the times in them; until it is right, by the times of the files: ${set} --time-basis mtime`;
  }
  const mtimeNs = BigInt(Math.trunc(lastMs)) * NS_PER_MS;
  const knownS = Number(clockOffsetNs(mtimeNs, folder.clockOffsets) / NS_PER_MS) / 1000;
  const offset = Math.round(knownS - leadMs / 1000);
  // An offset holds from a corrected time on; these are the times in the files.
  const fromMs = Math.floor((sinceMs + leadMs) / 1000) * 1000;
  const from = zonedTime(fromMs, timezone).toISO({ suppressMilliseconds: true });
  return `${start} Sessions take files by the times of the files, which stay right if only that PC's clock is wrong; where it is those that are wrong: ${set} --clock-offset ${offset} --valid-from ${String(from)}`;
}

/** A word as a shell takes it. */
function shellWord(text: string): string {
  return /^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

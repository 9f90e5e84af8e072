import type { DatasetFile } from '../../domain/dataset.js';
import type { FileVerdict, Verdict } from '../../domain/found-file.js';
import type { Instrument, InstrumentFolder } from '../../domain/instrument.js';
import type { WorkingSession } from '../../domain/working-session.js';
import { ownsFiles } from '../../files/file-owner.js';
import { resolveInData } from '../../files/look-roots.js';
import { clockOffsetNs } from '../../files/session-window.js';
import { isInsideFolder, pathOfLocation } from '../../files/store-path.js';
import { localTimeText } from '../local-time-text.js';
import type { WrittenElsewhen } from './look-afresh.js';

/** What a person might do about the files of a session. */
export interface Hint {
  readonly text: string;
  /** Null: no command mends it. */
  readonly command: string | null;
}

/** Another session, with its instrument by the clock offsets that hold for that session. */
export interface Neighbour {
  readonly session: WorkingSession;
  readonly instrument: Instrument;
}

/** What hints are made from. */
export interface ExplainHintsOptions {
  readonly session: WorkingSession;
  readonly instrument: Instrument;
  /** paths.data, absolute. */
  readonly dataPath: string;
  readonly verdicts: readonly FileVerdict[];
  /** Sessions on the same folders around this one, each with its instrument by the clock offsets that hold for it. */
  readonly neighbours: readonly Neighbour[];
  readonly missing: readonly Pick<DatasetFile, 'location'>[];
  /** Empty without a fresh look. */
  readonly writtenElsewhen: readonly WrittenElsewhen[];
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 file ${what}` : `${count} files ${what}`;
}

/** The folder that a file lies in; else the first. */
function folderOf(
  { folders }: Instrument,
  dataPath: string,
  location: FileVerdict['location'],
): InstrumentFolder | undefined {
  const path = pathOfLocation(location, dataPath);
  return (
    folders.find((one) => isInsideFolder(path, resolveInData(dataPath, one.path))) ?? folders[0]
  );
}

/** When a file was written by the clock offsets of an instrument, epoch milliseconds with fraction cut off. */
function writtenMs(instrument: Instrument, dataPath: string, verdict: FileVerdict): number {
  const offsets = folderOf(instrument, dataPath, verdict.location)?.clockOffsets ?? [];
  const timeNs = verdict.mtimeNs - clockOffsetNs(verdict.mtimeNs, offsets);
  return Number(timeNs / 1_000_000n);
}

/** Times of the files with a verdict that were written in no other session, epoch milliseconds with fraction cut off. */
function ownerlessMs(options: ExplainHintsOptions, wanted: Verdict): number[] {
  const { session, instrument, dataPath } = options;
  const others = options.neighbours.filter(
    (other) => other.session.identifier !== session.identifier && ownsFiles(other.session.status),
  );
  const isOthers = (verdict: FileVerdict): boolean =>
    others.some((other) => {
      const { startMs, endMs } = other.session;
      const timeMs = writtenMs(other.instrument, dataPath, verdict);
      return startMs !== null && timeMs > startMs && (endMs === null || timeMs <= endMs);
    });
  return options.verdicts
    .filter(({ verdict }) => verdict === wanted)
    .filter(({ location }) => folderOf(instrument, dataPath, location)?.timeBasis !== 'acquired')
    .filter((verdict) => !isOthers(verdict))
    .map((verdict) => writtenMs(instrument, dataPath, verdict));
}

function windowHints(options: ExplainHintsOptions): Hint[] {
  const { session, instrument } = options;
  const hints: Hint[] = [];
  const set = (option: string, timeMs: number): string =>
    `recordsmith sessions set ${session.key} ${option} ${localTimeText(timeMs, instrument.timezone)}`;
  const late = ownerlessMs(options, 'after end');
  if (late.length > 0) {
    hints.push({
      text: `${counted(late.length, 'written within 30 min after END')} ${late.length === 1 ? 'belongs' : 'belong'} to no session: extend?`,
      command: set('--end', (Math.floor(Math.max(...late) / 1000) + 1) * 1000),
    });
  }
  const early = ownerlessMs(options, 'before start');
  if (early.length > 0) {
    hints.push({
      text: `${counted(early.length, 'written within 30 min before START')} ${early.length === 1 ? 'belongs' : 'belong'} to no session: begin earlier?`,
      command: set('--start', (Math.ceil(Math.min(...early) / 1000) - 1) * 1000),
    });
  }
  return hints;
}

function copyJobHint({ session, instrument, writtenElsewhen }: ExplainHintsOptions): Hint[] {
  const [first] = writtenElsewhen;
  if (first === undefined) return [];
  const count = writtenElsewhen.length;
  const times = writtenElsewhen.map(({ writtenMs }) => writtenMs);
  const written = localTimeText(Math.min(...times), instrument.timezone);
  const which = count === 1 ? first.location : `${first.location} ...`;
  return [
    {
      text:
        `${counted(count, count === 1 ? 'was' : 'were')} acquired in this session but written at ${written}: ` +
        'the copy job loses times. Have it keep them, or set the time basis of the folder to acquired.',
      command: `recordsmith sessions include ${session.key} ${which}`,
    },
  ];
}

/** What to do about the files near a session, most useful first. */
export function explainHints(options: ExplainHintsOptions): readonly Hint[] {
  const { session, verdicts, missing } = options;
  const countOf = (wanted: Verdict): number =>
    verdicts.filter(({ verdict }) => verdict === wanted).length;
  const hints = [...windowHints(options), ...copyJobHint(options)];
  const unreadable = countOf('unreadable');
  if (unreadable > 0) {
    hints.push({
      text: `${counted(unreadable, 'cannot be read')}: check the rights of the user that runs recordsmith.`,
      command: 'recordsmith doctor',
    });
  }
  const unclaimed = countOf('no format');
  if (unclaimed > 0) {
    hints.push({
      text: `${counted(unclaimed, unclaimed === 1 ? 'is' : 'are')} of no known format; build.strategy: inclusive takes all files, or put in single ones.`,
      command: `recordsmith sessions include ${session.key} PATH`,
    });
  }
  const gone = new Set(missing.map(({ location }) => location)).size;
  if (gone > 0) {
    hints.push({
      text: `${counted(gone, gone === 1 ? 'of the record is' : 'of the record are')} missing; a fresh build drops what is gone.`,
      command: `recordsmith sessions retry ${session.key} --fresh`,
    });
  }
  return hints;
}

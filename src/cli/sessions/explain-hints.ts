import type { Dataset } from '../../domain/dataset.js';
import type { FileVerdict, Verdict } from '../../domain/found-file.js';
import type { Instrument } from '../../domain/instrument.js';
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

/** What hints are made from. */
export interface ExplainHintsOptions {
  readonly session: WorkingSession;
  readonly instrument: Instrument;
  /** paths.data, absolute. */
  readonly dataPath: string;
  readonly verdicts: readonly FileVerdict[];
  /** Sessions on the same folders around this one. */
  readonly neighbours: readonly WorkingSession[];
  readonly missing: readonly Dataset[];
  /** Empty without a fresh look. */
  readonly writtenElsewhen: readonly WrittenElsewhen[];
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 file ${what}` : `${count} files ${what}`;
}

/** The instant that decided over a file, in nanoseconds; null: not the time it was written. */
function decidingNs(options: ExplainHintsOptions, verdict: FileVerdict): bigint | null {
  const { instrument, dataPath } = options;
  const path = pathOfLocation(verdict.location, dataPath);
  const folder =
    instrument.folders.find((one) => isInsideFolder(path, resolveInData(dataPath, one.path))) ??
    instrument.folders[0];
  if (folder?.timeBasis === 'acquired') return null;
  return verdict.mtimeNs - clockOffsetNs(verdict.mtimeNs, folder?.clockOffsets ?? []);
}

/** Times of the files with a verdict that lie in no other session, epoch milliseconds with fraction cut off. */
function ownerlessMs(options: ExplainHintsOptions, wanted: Verdict): number[] {
  const others = options.neighbours.filter(
    ({ identifier, status }) => identifier !== options.session.identifier && ownsFiles(status),
  );
  return options.verdicts
    .filter(({ verdict }) => verdict === wanted)
    .flatMap((verdict) => decidingNs(options, verdict) ?? [])
    .map((timeNs) => Number(timeNs / 1_000_000n))
    .filter(
      (timeMs) =>
        !others.some(
          ({ startMs, endMs }) =>
            startMs !== null && timeMs > startMs && (endMs === null || timeMs <= endMs),
        ),
    );
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

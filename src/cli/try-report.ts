import { relative } from 'node:path';
import type { Dataset } from '../domain/dataset.js';
import type { FileVerdict, Verdict } from '../domain/found-file.js';
import { AppError } from '../errors.js';
import type { Look } from '../daemon/look-at-session.js';
import { escapeControls } from '../log-values.js';
import { countText } from '../page/page-texts.js';
import type { CommandContext } from './command-context.js';
import { localTimeText } from './local-time-text.js';
import { isoText, verdictDocument } from './report-json.js';
import type { Trial } from './try-folder.js';

const DAY_MS = 86_400_000;
const TAKEN: readonly Verdict[] = ['in', 'included'];

function leftOut(verdicts: readonly FileVerdict[]): FileVerdict[] {
  return verdicts.filter(({ verdict }) => !TAKEN.includes(verdict));
}

function datasetsOf({ record }: Trial): readonly Dataset[] {
  return record.activities.flatMap(({ datasets }) => datasets);
}

/** What `try --json` prints. */
export function tryDocument(trial: Trial): unknown {
  const { folder, record, gathered, paths } = trial;
  const { summary } = record;
  return {
    folder,
    title: record.title,
    session_identifier: record.sessionIdentifier,
    session_key: record.sessionKey,
    instrument: summary.instrument.pid,
    timezone: summary.timezone,
    start: isoText(summary.startMs),
    end: isoText(summary.endMs),
    files: gathered.verdicts.length - leftOut(gathered.verdicts).length,
    datasets: datasetsOf(trial).length,
    activities: record.activities.length,
    record: paths.xml,
    record_json: paths.json,
    page: paths.page,
    previews_left_out: trial.previewsLeftOut,
    warnings: record.notes.flatMap(({ paragraphs }) => paragraphs),
    looked_at: gathered.verdicts.map(verdictDocument),
    duration_ms: Math.round(trial.durationMs),
  };
}

/** Prints what came of it, what is worth a look, and where the files are. */
export function printTry(context: CommandContext, trial: Trial): void {
  const { record, gathered, paths } = trial;
  const { timezone } = record.summary;
  const path = (absolute: string): string => {
    const fromHere = relative(context.workingFolder, absolute);
    return fromHere.startsWith('..') ? absolute : fromHere;
  };
  context.note(`${escapeControls(record.title)}\n`);
  context.table(
    record.activities.map(({ seqno, startMs, endMs, datasets }) => ({
      activity: seqno + 1,
      datasets: datasets.length,
      from: localTimeText(startMs, timezone),
      to: localTimeText(endMs, timezone),
    })),
  );
  const out = leftOut(gathered.verdicts);
  const warned = datasetsOf(trial).filter(({ warnings }) => warnings.length > 0).length;
  const remarks = [
    ...(out.length === 0
      ? []
      : [`${out.length} of ${gathered.verdicts.length} files left out: ${countsText(out)}`]),
    ...(warned === 0 ? [] : [`${countText(warned, 'dataset')} with a warning`]),
    ...(trial.previewsLeftOut === 0
      ? []
      : [`${countText(trial.previewsLeftOut, 'preview')} left out of the page`]),
    ...copiedHint(trial),
  ];
  if (remarks.length > 0) context.note(`\n${remarks.join('\n')}`);
  context.note('');
  context.print(
    `record  ${path(paths.xml)}\n        ${path(paths.json)}\npage    ${path(paths.page)}`,
  );
}

/** `3 no format, 1 unreadable` */
function countsText(verdicts: readonly FileVerdict[]): string {
  const counts = new Map<string, number>();
  for (const { verdict } of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ');
}

/** Copies mostly have the time of copying: then their own times say more. */
function copiedHint(trial: Trial): string[] {
  const timed = datasetsOf(trial).filter(({ acquiredMs }) => acquiredMs !== null);
  const elsewhere = timed.filter(
    ({ acquiredMs, timeNs }) =>
      acquiredMs !== null && Math.abs(acquiredMs - Number(timeNs / 1_000_000n)) > DAY_MS,
  );
  return elsewhere.length * 3 <= timed.length
    ? []
    : [
        `${elsewhere.length} of ${timed.length} datasets were acquired more than a day before or after their files were written.`,
        'Copied files? --times acquired goes by the times in the files.',
      ];
}

/**
 * Why there is nothing to show.
 * @param verdicts of the files that were found and are not taken
 */
export function noFilesFound(
  folder: string,
  { otherFileCount }: Pick<Look, 'otherFileCount'>,
  verdicts: readonly FileVerdict[],
): AppError {
  if (verdicts.length === 0 && otherFileCount === 0) {
    return new AppError('INPUT_INVALID', `There is no file in ${folder}.`, {
      remedy: 'Name a folder with files of an instrument.',
      details: { folder },
    });
  }
  const far = otherFileCount === 0 ? '' : `${otherFileCount} lie far from the times given`;
  const near = verdicts.length === 0 ? '' : countsText(verdicts);
  const why = [near, far].filter((text) => text !== '').join(', ');
  const [first] = verdicts;
  const hasUnknown = verdicts.some(({ verdict }) => verdict === 'no format');
  return new AppError('INPUT_INVALID', `No file in ${folder} counts: ${why}.`, {
    remedy: hasUnknown
      ? 'Add --all to take files of unknown formats too.'
      : otherFileCount > 0
        ? 'Give other times with --from and --to, or none.'
        : `Check the files: ${first === undefined ? '' : `${first.location} ${first.rule}`}.`,
    details: { folder },
  });
}

import { systemClock } from '../../clock.js';
import { getInstrument, listInstruments } from '../../db/instrument-store.js';
import { listVerdicts } from '../../db/look-store.js';
import { sessionsNear } from '../../db/neighbour-sessions.js';
import { activePauses } from '../../db/pause-store.js';
import { currentRecord, recordDatasets } from '../../db/record-store.js';
import { getSession } from '../../db/session-store.js';
import { findSourceAnswer, type KeptAnswer } from '../../db/source-answer-store.js';
import { VERDICTS, type FileVerdict } from '../../domain/found-file.js';
import { filesOfDataset, type Dataset } from '../../domain/dataset.js';
import { WIDEST_CLOCK_SHIFT_MS, withClockOffsets } from '../../domain/frozen-clock-offsets.js';
import type { Instrument } from '../../domain/instrument.js';
import { decodeLocation, displayName, type Location } from '../../domain/location.js';
import type { Session } from '../../domain/session.js';
import { completeSession, type WorkingSession } from '../../domain/working-session.js';
import { AppError } from '../../errors.js';
import { DEFAULT_NEAR_MS } from '../../files/look-request.js';
import { openApplication, type Application } from '../../main.js';
import type { CommandContext } from '../command-context.js';
import { escapeControls } from '../../log-values.js';
import { localTimeText } from '../local-time-text.js';
import { isoText, verdictDocument } from '../report-json.js';
import { StopSignals } from '../stop-signals.js';
import { explainHints, type Hint, type Neighbour } from './explain-hints.js';
import { lookAfresh, type FreshLook } from './look-afresh.js';
import { sessionDocument, waitingOf, type Waiting } from './session-words.js';
import { sourceAnswerDocument, sourceAnswerLines } from './source-answer-words.js';

/** What `sessions explain` was given. */
export interface ExplainSessionOptions {
  readonly look?: boolean;
}

interface Explained {
  readonly session: WorkingSession;
  readonly instrument: Instrument;
  readonly waiting: Waiting | null;
  readonly sourceAnswer: KeptAnswer | null;
  readonly verdicts: readonly FileVerdict[];
  readonly missing: readonly MissingFile[];
  readonly neighbours: readonly Neighbour[];
}

/** A file of the record that is gone. */
type MissingFile = Pick<Dataset, 'name' | 'location' | 'missingSinceMs'>;

function missingFilesOf(dataset: Dataset): MissingFile[] {
  const { name, series } = dataset;
  return filesOfDataset(dataset).flatMap(({ location, missingSinceMs }) => {
    if (missingSinceMs === null) return [];
    const ownName = series === undefined ? name : `${lastPartOf(location)} of ${name}`;
    return [{ name: ownName, location, missingSinceMs }];
  });
}

function lastPartOf(location: Location): string {
  return displayName(decodeLocation(location.slice(location.lastIndexOf('/') + 1)));
}

/** What the latest look left in the database, and the sessions around. Runs in a scope. */
async function readExplained(id: string, nowMs: number): Promise<Explained> {
  const session = await getSession(id);
  const present = await getInstrument(session.instrumentPid);
  const instrument = withClockOffsets(present, session.clockOffsets);
  const paths = new Set(instrument.folders.map(({ path }) => path));
  const sharing = (await listInstruments()).filter(({ folders }) =>
    folders.some(({ path }) => paths.has(path)),
  );
  const record = await currentRecord(session.identifier);
  const datasets = record === null ? [] : await recordDatasets(record.recordId);
  const { startMs, endMs } = session;
  return {
    session,
    instrument,
    waiting: waitingOf(session, await activePauses(nowMs), nowMs),
    sourceAnswer: await findSourceAnswer(session.identifier),
    verdicts: await listVerdicts(session.identifier),
    missing: datasets.flatMap(missingFilesOf),
    neighbours:
      startMs === null
        ? []
        : await neighboursAround(sharing, {
            fromMs: startMs - DEFAULT_NEAR_MS,
            toMs: (endMs ?? nowMs) + DEFAULT_NEAR_MS,
          }),
  };
}

/** Other sessions that files of these times may lie in, be it by other clock offsets. */
async function neighboursAround(
  sharing: readonly Instrument[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<Neighbour[]> {
  const near = await sessionsNear({
    instrumentPids: sharing.map(({ pid }) => pid),
    fromMs: fromMs - WIDEST_CLOCK_SHIFT_MS,
    toMs: toMs + WIDEST_CLOCK_SHIFT_MS,
  });
  return near.flatMap((session) => {
    const instrument = sharing.find(({ pid }) => pid === session.instrumentPid);
    return instrument === undefined
      ? []
      : [{ session, instrument: withClockOffsets(instrument, session.clockOffsets) }];
  });
}

async function freshLook(
  { environment }: Application,
  { session: working, instrument }: Explained,
  signal: AbortSignal,
): Promise<FreshLook> {
  const session = completeSession(working);
  const refusal =
    session === null
      ? 'has no START or no END yet'
      : await whyNotLooked(environment, working, session, signal);
  if (session === null || refusal !== null) {
    throw new AppError('INPUT_INVALID', `The session ${working.key} ${refusal ?? ''}.`, {
      remedy: `See \`recordsmith sessions show ${working.key}\`.`,
    });
  }
  return lookAfresh({ environment, session, working, instrument, signal });
}

/** No file is opened without consent, as in a build; null: nothing speaks against it. */
async function whyNotLooked(
  { ask }: Application['environment'],
  { status }: WorkingSession,
  session: Session,
  signal: AbortSignal,
): Promise<string | null> {
  if (status === 'NO_CONSENT') return 'has no consent: its files are not looked at';
  const answer = await ask(session, signal);
  if (answer.kind === 'refused') return `is not looked at: ${answer.reason}`;
  if (answer.kind === 'gone' || answer.kind === 'away') {
    return `is not looked at before its source has answered: ${answer.reason.replace(/\.$/, '')}`;
  }
  return null;
}

function printJson(
  context: CommandContext,
  explained: Explained,
  fresh: FreshLook | null,
  hints: readonly Hint[],
): void {
  const verdicts = fresh?.verdicts ?? explained.verdicts;
  context.printJson({
    ...sessionDocument(explained.session, explained.waiting),
    source_answer: sourceAnswerDocument(explained.sourceAnswer),
    fresh_look: fresh !== null,
    files: verdicts.map(verdictDocument),
    missing: explained.missing.map(({ location, name, missingSinceMs }) => ({
      location,
      name,
      since: missingSinceMs === null ? null : isoText(missingSinceMs),
    })),
    written_elsewhen: (fresh?.writtenElsewhen ?? []).map(({ location, writtenMs }) => ({
      location,
      written: isoText(writtenMs),
    })),
    warnings: fresh?.warnings ?? [],
    hints,
  });
}

function printForPeople(
  context: CommandContext,
  explained: Explained,
  fresh: FreshLook | null,
  hints: readonly Hint[],
): void {
  const { session, instrument, waiting, missing } = explained;
  const time = (epochMs: number): string => localTimeText(epochMs, instrument.timezone);
  const verdicts = fresh?.verdicts ?? explained.verdicts;
  context.note(
    `${session.key}: ${session.startMs === null ? 'no START' : time(session.startMs)} to ` +
      `${session.endMs === null ? 'no END' : time(session.endMs)}; ${session.status}` +
      (waiting === null ? '' : ` (${waiting.reason})`),
  );
  for (const [name, value] of sourceAnswerLines(explained.sourceAnswer, time)) {
    context.note(`${name}: ${escapeControls(value)}`);
  }
  for (const verdict of VERDICTS) {
    const files = verdicts.filter((one) => one.verdict === verdict);
    if (files.length === 0) continue;
    context.print(`\n${verdict}: ${files.length}`);
    context.table(
      files.map(({ location, rule, sizeBytes, mtimeNs }) => ({
        file: location,
        // An unreadable file has no time of its own.
        modified: mtimeNs === 0n ? null : time(Number(mtimeNs / 1_000_000n)),
        bytes: sizeBytes,
        rule,
      })),
    );
  }
  if (missing.length > 0) {
    context.print(`\nmissing: ${missing.length}`);
    context.table(
      missing.map(({ location, missingSinceMs }) => ({
        file: location,
        since: missingSinceMs === null ? null : time(missingSinceMs),
      })),
    );
  }
  if (verdicts.length === 0) {
    context.note(
      fresh === null
        ? 'No file near the session is known. Look now: add --look'
        : 'No file lies near the session.',
    );
  }
  if (fresh !== null && fresh.unreadCount > 0) {
    context.note(`\n${fresh.unreadCount} further files were not asked when they were acquired.`);
  }
  if (hints.length > 0) context.print('');
  for (const { text, command } of hints) {
    context.print(`hint: ${text}${command === null ? '' : `\n      ${command}`}`);
  }
}

/**
 * Prints each file near a session with its verdict and the rule, and what to do about it: from the latest look, or from
 * a fresh one, which writes nothing.
 * @throws AppError SESSION_NOT_FOUND; for a fresh look STORE_UNAVAILABLE, INPUT_INVALID without END or consent.
 */
export async function explainSession(
  context: CommandContext,
  id: string,
  { look }: ExplainSessionOptions,
): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  const { config, log } = await context.open();
  const { version } = context;
  const application = await openApplication({ config, log, version, readOnly: 'if-needed' });
  const signals = new StopSignals(log, 0);
  try {
    const explained = await application.database.createScope(() => readExplained(id, nowMs));
    const fresh = look === true ? await freshLook(application, explained, signals.stopWork) : null;
    const hints = explainHints({
      ...explained,
      dataPath: config.paths.data,
      verdicts: fresh?.verdicts ?? explained.verdicts,
      writtenElsewhen: fresh?.writtenElsewhen ?? [],
    });
    if (context.json) printJson(context, explained, fresh, hints);
    else printForPeople(context, explained, fresh, hints);
  } finally {
    signals.dispose();
    await application.close();
  }
}

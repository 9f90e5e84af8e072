import { join } from 'node:path';
import { systemClock } from '../../clock.js';
import { escapeControls } from '../../log-values.js';
import type { CommandContext } from '../command-context.js';
import { localTimeText } from '../local-time-text.js';
import type { TableRow } from '../text-table.js';
import { withDatabase } from '../with-database.js';
import { readSessionDetails, type SessionDetails } from './read-session-details.js';
import {
  attributeDocument,
  sessionDetailsDocument,
  versionState,
} from './session-details-document.js';
import { problemInWords } from './session-words.js';
import { sourceAnswerLines } from './source-answer-words.js';

/** How instants are written for this session's people. */
type Timed = (epochMs: number | null) => string;

/** The working row in plain words: name and value of each line. */
function summaryLines(details: SessionDetails, time: Timed): [string, string][] {
  const { session, instrument, waiting } = details;
  const lines: [string, string][] = [
    ['session', session.identifier],
    ['key', session.key],
    ['instrument', `${session.instrumentPid} (${instrument.displayName}, ${instrument.timezone})`],
    ['user', session.user ?? 'not known'],
    ['start', time(session.startMs)],
    ['end', time(session.endMs)],
    [
      'source',
      `${session.source ?? 'entered by hand'}${details.isUnconfirmed ? ' (unconfirmed: pushed, and cannot be read)' : ''}`,
    ],
    ['status', session.status],
  ];
  if (waiting !== null) {
    const until = waiting.untilMs === null ? '' : `, not before ${time(waiting.untilMs)}`;
    lines.push(['waiting', `${waiting.reason}${until}`]);
  }
  if (session.tries > 0) {
    lines.push(['failed tries', `${session.tries}, since ${time(session.firstFailedAtMs)}`]);
  }
  if (session.diedBuilds > 0) lines.push(['builds that died', String(session.diedBuilds)]);
  if (session.storeAwaySinceMs !== null) {
    lines.push(['store', `away since ${time(session.storeAwaySinceMs)}`]);
  }
  if (session.heldByPerson) {
    const why = session.deferralReason ?? 'Cancelled by a person';
    lines.push(['held', `${why}; 'recordsmith sessions release ${session.key}' takes it back`]);
  }
  if (session.builtElsewhere) lines.push(['built by', 'another program']);
  if (session.rebuildFresh) lines.push(['next build', 'drops files that are gone']);
  lines.push(...sourceAnswerLines(details.sourceAnswer, time));
  const problem = problemInWords(session);
  if (problem !== null) {
    lines.push(['problem', `${problem.problem}: ${problem.message}`], ['remedy', problem.remedy]);
  }
  return lines;
}

/** What happened to the session, each part with its heading. */
function historyTables(
  details: SessionDetails,
  records: string,
  time: Timed,
): [string, TableRow[]][] {
  return [
    [
      'Corrections by people',
      details.overrides.map(({ field, value, sourceValue, who, at, why }) => ({
        field,
        value: value ?? 'none',
        source_said: sourceValue ?? 'nothing',
        who,
        when: time(Date.parse(at)),
        why,
      })),
    ],
    [
      'Session log',
      details.events.map((event) => ({
        event: event.eventType,
        time: time(event.atMs),
        as_received: event.timestampText,
        instrument: event.instrumentPid,
        user: event.user,
        source: event.source,
        result: event.detail?.reason ?? event.detail?.outcome,
      })),
    ],
    [
      'Build attempts',
      details.attempts.map((attempt) => ({
        attempt: attempt.attempt,
        started: time(attempt.startedAtMs),
        ended: attempt.endedAtMs === null ? 'still going' : time(attempt.endedAtMs),
        outcome: attempt.outcome,
        reason: attempt.reason,
        host: attempt.host,
      })),
    ],
    [
      'Versions of the record',
      details.versions.map((version) => {
        const state = versionState(version);
        return {
          version: version.version,
          state,
          made: time(version.createdAtMs),
          cause: version.cause,
          path: join(records, state === 'current' ? version.publicPath : version.path),
        };
      }),
    ],
  ];
}

/** What people said of the session, each part with its heading. */
function annotationTables(details: SessionDetails, time: Timed): [string, TableRow[]][] {
  const by = (entry: { readonly author: string; readonly createdAtMs: number }) => ({
    author: entry.author,
    when: time(entry.createdAtMs),
  });
  return [
    ['Notes', details.notes.map((note) => ({ number: note.id, ...by(note), note: note.note }))],
    [
      'Attributes',
      details.attributes.map((attribute) => {
        const value = attributeDocument(attribute.value);
        return {
          name: attribute.name,
          value: typeof value === 'string' ? value : JSON.stringify(value),
          ...by(attribute),
        };
      }),
    ],
    [
      'Folders given by people',
      details.directories.map((entry) => ({ folder: entry.directory, ...by(entry) })),
    ],
    [
      'Further experimenters',
      details.experimenters.map((person) => ({
        user: person.username,
        name: person.fullName,
        ...by(person),
      })),
    ],
    [
      'Files put in or taken out by people',
      details.files.map(({ location, rule, author, reason, atMs }) => ({
        file: location,
        rule,
        author,
        when: time(atMs),
        reason,
      })),
    ],
  ];
}

/**
 * Prints what is known of one session and what happened to it.
 * @throws AppError SESSION_NOT_FOUND.
 */
export async function showSession(context: CommandContext, id: string): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  const { details, records } = await withDatabase(
    context,
    async ({ config, database }) => ({
      details: await database.createScope(() => readSessionDetails(id, nowMs)),
      records: config.paths.records,
    }),
    { readOnly: 'if-needed' },
  );
  if (context.json) {
    context.printJson(sessionDetailsDocument(details, records));
    return;
  }
  const { timezone } = details.instrument;
  const time: Timed = (epochMs) => (epochMs === null ? '-' : localTimeText(epochMs, timezone));
  for (const [name, value] of summaryLines(details, time)) {
    context.print(`${name.padEnd(16)}  ${escapeControls(value)}`);
  }
  const tables = [...historyTables(details, records, time), ...annotationTables(details, time)];
  for (const [heading, rows] of tables) {
    if (rows.length === 0) continue;
    context.print(`\n${heading}`);
    context.table(rows);
  }
}

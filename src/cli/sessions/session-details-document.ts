import { join } from 'node:path';
import type { AttributeValue } from '../../db/annotation-store.js';
import type { RecordVersion } from '../../db/record-store.js';
import { isoText } from '../report-json.js';
import type { SessionDetails } from './read-session-details.js';
import { overrideDocument } from './session-overrides.js';
import { sourceAnswerDocument } from './source-answer-words.js';
import { isoOrNull, problemInWords, sessionDocument } from './session-words.js';

/** Whether a version is shown, was followed by another one, or was withdrawn. */
export function versionState(version: RecordVersion): 'current' | 'superseded' | 'withdrawn' {
  if (version.withdrawnAtMs !== null) return 'withdrawn';
  return version.supersededAtMs === null ? 'current' : 'superseded';
}

/** The value of an attribute as JSON shows it; bytes in base64. */
export function attributeDocument(value: AttributeValue): unknown {
  if (value.kind === 'text') return value.text;
  return value.kind === 'json' ? value.json : { base64: value.bytes.toString('base64') };
}

function annotation(entry: { readonly author: string; readonly createdAtMs: number }) {
  return { author: entry.author, created: isoText(entry.createdAtMs) };
}

/** What `sessions show --json` prints. @param records paths.records */
export function sessionDetailsDocument(details: SessionDetails, records: string): unknown {
  const { session } = details;
  const problem = problemInWords(session);
  return {
    ...sessionDocument(session, details.waiting),
    problem:
      problem === null
        ? null
        : { name: problem.problem, message: problem.message, remedy: problem.remedy },
    timezone: details.instrument.timezone,
    lease:
      session.lease === null
        ? null
        : { owner: session.lease.owner, expires: isoText(session.lease.expiresAtMs) },
    failed_tries: session.tries,
    last_reason: session.deferralReason,
    fresh: session.rebuildFresh,
    source_answer: sourceAnswerDocument(details.sourceAnswer),
    overrides: details.overrides.map(overrideDocument),
    events: details.events.map((event) => ({
      event_type: event.eventType,
      timestamp: isoText(event.atMs),
      timestamp_text: event.timestampText,
      instrument: event.instrumentPid,
      user: event.user,
      status: event.status,
      source: event.source,
      attempt: event.attempt,
      detail: event.detail,
    })),
    attempts: details.attempts.map((attempt) => ({
      attempt: attempt.attempt,
      host: attempt.host,
      started: isoText(attempt.startedAtMs),
      ended: isoOrNull(attempt.endedAtMs),
      outcome: attempt.outcome,
      reason: attempt.reason,
    })),
    versions: details.versions.map((version) => ({
      version: version.version,
      state: versionState(version),
      cause: version.cause,
      created: isoText(version.createdAtMs),
      superseded: isoOrNull(version.supersededAtMs),
      withdrawn: isoOrNull(version.withdrawnAtMs),
      sha256: version.sha256,
      path: join(records, version.path),
      record: versionState(version) === 'current' ? join(records, version.publicPath) : null,
    })),
    notes: details.notes.map((note) => ({ id: note.id, note: note.note, ...annotation(note) })),
    attributes: details.attributes.map((attribute) => ({
      name: attribute.name,
      value: attributeDocument(attribute.value),
      ...annotation(attribute),
    })),
    directories: details.directories.map((entry) => ({
      id: entry.id,
      directory: entry.directory,
      ...annotation(entry),
    })),
    experimenters: details.experimenters.map((person) => ({
      username: person.username,
      full_name: person.fullName,
      ...annotation(person),
    })),
    files: details.files.map(({ location, rule, author, reason, atMs }) => ({
      location,
      rule,
      author,
      reason,
      created: isoText(atMs),
    })),
  };
}

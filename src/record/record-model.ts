import { createHash } from 'node:crypto';
import type { Activity } from '../domain/activity.js';
import type { Instrument } from '../domain/instrument.js';
import type { ExperimentRecord, Note, Sample } from '../domain/record.js';
import type { SourceDetails } from '../domain/source-answer.js';
import { type Session, usageEventIdOf } from '../domain/session.js';
import { fillTitle, TITLE_PARTS, unknownTitlePart } from '../domain/title-template.js';
import { AppError } from '../errors.js';
import { chemicalElementsOf } from '../domain/chemical-elements.js';
import { zonedTime } from '../domain/zoned-time.js';
import { countForbidden } from './forbidden-characters.js';

/** The title of sessions whose source has none. */
export const DEFAULT_TITLE_TEMPLATE = 'Experiment on the {display_name} on {Weekday Mon. DD, YYYY}';

/** What stands before the session key in Experiment@pid where nothing is configured. */
export const DEFAULT_IDENTIFIER_BASE = 'urn:recordsmith:record:';

/** What the event source and people say about the session beyond its times. */
export type SessionDetails = Omit<SourceDetails, 'notes'>;

/** All that a record is made of. */
export interface RecordInput {
  readonly session: Session;
  readonly instrument: Instrument;
  /** Null: the source has nothing to say. */
  readonly details: SessionDetails | null;
  readonly activities: readonly Activity[];
  /** What the build has to say: unreadable files, overlaps, clock offsets. */
  readonly warnings: readonly string[];
  /** People's notes and attributes, each with its author as source. */
  readonly annotations: readonly Note[];
  readonly verdictCounts: Readonly<Record<string, number>>;
}

/** The configuration that a record depends on. */
export interface RecordOptions {
  /**
   * Text with {display_name}, {instrument_pid}, {user}, {session_key}, {date} (YYYY-MM-DD) and {Weekday Mon. DD, YYYY}.
   * @default DEFAULT_TITLE_TEMPLATE
   */
  readonly titleTemplate?: string;
  /** @default DEFAULT_IDENTIFIER_BASE */
  readonly identifierBase?: string;
}

function titleOf(template: string, { session, instrument }: RecordInput): string {
  const start = zonedTime(session.start.toMillis(), instrument.timezone);
  const unknown = unknownTitlePart(template);
  if (unknown !== null) {
    throw new AppError('CONFIG_INVALID', `The title template has an unknown part {${unknown}}.`, {
      remedy: `Use ${TITLE_PARTS.map((part) => `{${part}}`).join(', ')} in the title template.`,
      details: { template },
    });
  }
  return fillTitle(template, {
    display_name: instrument.displayName,
    instrument_pid: instrument.pid,
    user: session.user ?? '',
    session_key: session.key,
    date: start.toFormat('yyyy-MM-dd'),
    'Weekday Mon. DD, YYYY': start.toFormat("cccc LLL'.' dd, yyyy"),
  });
}

/** Joins the identifier base and the key; a base that ends in a word gets a slash between. */
function recordPid(base: string, sessionKey: string): string {
  return /[A-Za-z0-9]$/.test(base) ? `${base}/${sessionKey}` : `${base}${sessionKey}`;
}

/** Sample ids come from what the sample is, so that they stay when others are added or reordered. */
function identifySamples(samples: readonly Omit<Sample, 'id'>[], sessionKey: string): Sample[] {
  const seen = new Map<string, number>();
  return samples.map((sample) => {
    const content = JSON.stringify([sessionKey, sample.ref, sample.name]);
    const repeat = seen.get(content) ?? 0;
    seen.set(content, repeat + 1);
    const digest = createHash('sha256').update(`${content}${repeat}`).digest('hex');
    return { ...sample, id: `sample-${digest.slice(0, 16)}` };
  });
}

/** Elements that are no chemical symbols cannot stand in the record: said, not dropped in silence. */
function elementWarnings(samples: readonly Sample[]): string[] {
  return samples.flatMap((sample) => {
    const unknown = sample.elements.filter((text) => chemicalElementsOf([text]).length === 0);
    return unknown.length === 0
      ? []
      : [`Sample ${sample.name ?? sample.id}: not chemical symbols: ${unknown.join(', ')}`];
  });
}

/**
 * Makes the record of a session as a value. The same inputs give the same record: no clock, no random id.
 * @throws AppError CONFIG_INVALID for a title template with an unknown part
 */
export function buildRecord(input: RecordInput, options: RecordOptions = {}): ExperimentRecord {
  const { session, instrument, details } = input;
  const samples = identifySamples(details?.samples ?? [], session.key);
  const record: ExperimentRecord = {
    pid: recordPid(options.identifierBase ?? DEFAULT_IDENTIFIER_BASE, session.key),
    title: details?.title ?? titleOf(options.titleTemplate ?? DEFAULT_TITLE_TEMPLATE, input),
    id: details?.reservationId ?? usageEventIdOf(session.identifier) ?? session.key,
    sessionIdentifier: session.identifier,
    sessionKey: session.key,
    summary: {
      ref: details?.ref ?? null,
      experimenter:
        details?.experimenter ??
        (session.user === null ? null : { username: session.user, fullName: null }),
      collaborators: details?.collaborators ?? [],
      instrument: { pid: instrument.pid, displayName: instrument.displayName },
      timezone: instrument.timezone,
      startMs: session.start.toMillis(),
      endMs: session.end.toMillis(),
      motivation: details?.motivation ?? null,
    },
    samples,
    projects: details?.projects ?? [],
    activities: input.activities,
    notes: input.annotations,
    verdictCounts: input.verdictCounts,
  };
  const warnings = [...input.warnings, ...elementWarnings(samples)];
  const forbidden = countForbidden(record) + countForbidden(warnings);
  if (forbidden > 0) {
    warnings.push(
      `${forbidden} ${forbidden === 1 ? 'character that XML cannot hold was' : 'characters that XML cannot hold were'} replaced by U+FFFD.`,
    );
  }
  return warnings.length === 0
    ? record
    : { ...record, notes: [{ source: 'recordsmith', paragraphs: warnings }, ...record.notes] };
}

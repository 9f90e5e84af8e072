import type { Knex } from 'knex';
import { z } from 'zod';
import type { SourceDetails } from '../domain/source-answer.js';
import type { Dialect } from './dialect.js';
import { instantMs } from './instant.js';
import { jsonColumn } from './json-column.js';
import { scopedSession } from './scope.js';
import type { SourceAnswerRow, UsageEventRow } from './tables.js';

/** What a source answered a build, as it is settled with its outcome. */
export interface SettledAnswer {
  readonly source: string;
  /** Of the source. */
  readonly eventId: number;
  readonly outcome: SourceAnswerRow['outcome'];
  /** Of consent and details: see digestOfReply. */
  readonly sha256: string;
  /** Null: nothing of it may be kept, or there is nothing. */
  readonly details: SourceDetails | null;
}

/** What the source of a session answered when it was last built. */
export interface KeptAnswer extends Omit<SettledAnswer, 'sha256'> {
  /** Epoch milliseconds. */
  readonly answeredAtMs: number;
}

const text = z.string().nullable();
const person = z.object({ username: z.string(), fullName: text });
const detailsColumn = jsonColumn<SourceDetails>(
  z.object({
    title: text,
    reservationId: text,
    ref: text,
    experimenter: person.nullable(),
    collaborators: z.array(person),
    motivation: text,
    samples: z.array(
      z.object({ ref: text, name: text, description: text, elements: z.array(z.string()) }),
    ),
    projects: z.array(
      z.object({ name: text, division: text, group: text, projectId: text, ref: text }),
    ),
    notes: z.array(z.string()),
  }),
);

/**
 * Keeps what a source answered, for people, and its digest with the usage event, by which the source is compared later. In
 * the transaction that settles the build.
 */
export async function saveSourceAnswer(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
  answer: SettledAnswer,
): Promise<void> {
  await transaction<SourceAnswerRow>('source_answers')
    .insert({
      session_identifier: identifier,
      source: answer.source,
      event_id: answer.eventId,
      outcome: answer.outcome,
      answered_at: transaction.raw(dialect.now),
      details: answer.details === null ? null : detailsColumn.write(answer.details),
    })
    .onConflict('session_identifier')
    .merge();
  await transaction<UsageEventRow>('usage_events')
    .where({ source: answer.source, event_id: answer.eventId })
    .update({ details_sha256: answer.sha256 });
}

/** What the source answered the last build that settled; null: none was asked. */
export async function findSourceAnswer(sessionIdentifier: string): Promise<KeptAnswer | null> {
  const row = await scopedSession()
    .reader()<SourceAnswerRow>('source_answers')
    .where('session_identifier', sessionIdentifier)
    .first();
  if (row === undefined) return null;
  return {
    source: row.source,
    eventId: row.event_id,
    outcome: row.outcome,
    answeredAtMs: instantMs(row.answered_at),
    details: row.details === null ? null : detailsColumn.read(row.details),
  };
}

/** The usage event that is a session, as its source last said; null: no source said anything of it. */
export async function findUsageEvent(
  sessionIdentifier: string,
): Promise<Pick<
  UsageEventRow,
  'source' | 'event_id' | 'project' | 'training' | 'remote_work' | 'is_confirmed'
> | null> {
  const row = await scopedSession()
    .reader()<UsageEventRow>('usage_events')
    .where('session_identifier', sessionIdentifier)
    .first('source', 'event_id', 'project', 'training', 'remote_work', 'is_confirmed');
  return row ?? null;
}

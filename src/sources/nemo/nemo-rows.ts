import { z } from 'zod';
import { AppError, isAppError } from '../../errors.js';
import { formSchema, readFormAnswers, type FormAnswers } from './form-answers.js';
import type { NemoTime, NemoTimeReader } from './nemo-times.js';

/** A stretch of use of a tool. Null in an optional key: this version of NEMO, or this message, does not tell. */
export interface UsageEvent {
  readonly id: number;
  readonly start: NemoTime;
  /** Null: in progress. May lie in the future (delayed logoff). */
  readonly end: NemoTime | null;
  /** The customer. */
  readonly userId: number;
  /** Who ran the tool. */
  readonly operatorId: number;
  readonly projectId: number;
  /** May be a child tool. */
  readonly toolId: number;
  readonly note: string | null;
  readonly hasEnded: number | null;
  readonly validated: boolean | null;
  readonly remoteWork: boolean | null;
  readonly training: boolean | null;
  readonly waived: boolean | null;
  readonly waivedOn: NemoTime | null;
  readonly staffChargeId: number | null;
  readonly validatedById: number | null;
  readonly waivedById: number | null;
  readonly preRunData: FormAnswers;
  readonly runData: FormAnswers;
}

/** A booking of a tool (or area). It holds unless `isValidReservation` says otherwise. */
export interface Reservation {
  readonly id: number;
  readonly start: NemoTime;
  readonly end: NemoTime;
  readonly creationTime: NemoTime | null;
  readonly userId: number;
  readonly creatorId: number;
  readonly toolId: number | null;
  readonly projectId: number | null;
  readonly cancelled: boolean;
  readonly missed: boolean;
  readonly shortened: boolean;
  /** The reservation that took the place of this one. */
  readonly descendantId: number | null;
  readonly title: string | null;
  readonly note: string | null;
  readonly questionData: FormAnswers;
}

/** A request to correct a charge, which may be a usage event. */
export interface AdjustmentRequest {
  readonly id: number;
  readonly lastUpdated: NemoTime;
  /** Id of what it corrects, which may be deleted by now. */
  readonly itemId: number | null;
  /** Content type of what it corrects. */
  readonly itemTypeId: number | null;
  readonly applied: boolean;
  readonly deleted: boolean;
}

/** What a row is called in messages. */
export type RowKind =
  'usage event' | 'reservation' | 'adjustment request' | 'tool' | 'user' | 'project' | 'account';

/** A primary key of Django; larger numbers than 2^53 - 1 are refused. */
export const id = z.int().positive();
/** An id, or the object itself where the site expands it. */
export const key = z.union([id, z.object({ id }).transform((row) => row.id)]);
const flag = z.boolean().nullish();

const usageEventRow = z.object({
  id,
  start: z.string(),
  end: z.string().nullable(),
  user: key,
  operator: key,
  project: key,
  tool: key,
  note: z.string().nullish(),
  has_ended: z.int().nullish(),
  validated: flag,
  remote_work: flag,
  training: flag,
  waived: flag,
  waived_on: z.string().nullish(),
  staff_charge: key.nullish(),
  validated_by: key.nullish(),
  waived_by: key.nullish(),
  pre_run_data: formSchema,
  run_data: formSchema,
});

const reservationRow = z.object({
  id,
  start: z.string(),
  end: z.string(),
  creation_time: z.string().nullish(),
  user: key,
  creator: key,
  tool: key.nullish(),
  project: key.nullish(),
  cancelled: z.boolean(),
  missed: z.boolean(),
  shortened: z.boolean(),
  descendant: key.nullish(),
  title: z.string().nullish(),
  note: z.string().nullish(),
  question_data: formSchema,
});

const adjustmentRequestRow = z.object({
  id,
  last_updated: z.string(),
  item_id: id.nullish(),
  item_type: key.nullish(),
  applied: flag,
  deleted: flag,
});

const idOnly = z.object({ id });

/** The id of a row, whatever else it holds; null: it has none. */
export function rowId(row: unknown): number | null {
  const parsed = idOnly.safeParse(row);
  return parsed.success ? parsed.data.id : null;
}

function invalidRow(
  kind: RowKind,
  row: unknown,
  where: string,
  why: string,
  remedy?: string,
): AppError {
  const found = rowId(row);
  const name = found === null ? `A ${kind} without id` : `The ${kind} ${found}`;
  return new AppError('SOURCE_ANSWER_INVALID', `${name} of NEMO has a wrong ${where}: ${why}.`, {
    remedy: remedy ?? 'Compare it with the REST interface of NEMO; report it if NEMO is right.',
    details: { kind, rowId: found, key: where },
  });
}

/**
 * Checks a row against its schema.
 * @throws AppError SOURCE_ANSWER_INVALID with the row's id and the key.
 */
export function parseRow<Row>(kind: RowKind, schema: z.ZodType<Row>, row: unknown): Row {
  const parsed = schema.safeParse(row);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'row' : issue.path.join('.');
  throw invalidRow(kind, row, where, issue?.message ?? 'unexpected');
}

/** Reads times of one row, naming row and key in what it throws. */
function timesOf(kind: RowKind, row: unknown, read: NemoTimeReader) {
  const required = (where: string, text: string, notBeforeMs?: number): NemoTime => {
    try {
      return read(text, notBeforeMs);
    } catch (error) {
      if (!isAppError(error)) throw error;
      throw invalidRow(kind, row, where, error.message.replace(/\.$/, ''), error.remedy);
    }
  };
  const optional = (where: string, text: string | null | undefined, notBeforeMs?: number) =>
    text === null || text === undefined ? null : required(where, text, notBeforeMs);
  return { required, optional };
}

/**
 * A row of `usage_events` (NEMO 4.x to 8.x), also expanded.
 * @throws AppError SOURCE_ANSWER_INVALID with the row's id and the key.
 */
export function parseUsageEvent(row: unknown, readTimes: NemoTimeReader): UsageEvent {
  const parsed = parseRow('usage event', usageEventRow, row);
  const times = timesOf('usage event', row, readTimes);
  const start = times.required('start', parsed.start);
  return {
    id: parsed.id,
    start,
    end: times.optional('end', parsed.end, start.epochMs),
    userId: parsed.user,
    operatorId: parsed.operator,
    projectId: parsed.project,
    toolId: parsed.tool,
    note: parsed.note ?? null,
    hasEnded: parsed.has_ended ?? null,
    validated: parsed.validated ?? null,
    remoteWork: parsed.remote_work ?? null,
    training: parsed.training ?? null,
    waived: parsed.waived ?? null,
    waivedOn: times.optional('waived_on', parsed.waived_on),
    staffChargeId: parsed.staff_charge ?? null,
    validatedById: parsed.validated_by ?? null,
    waivedById: parsed.waived_by ?? null,
    preRunData: readFormAnswers(parsed.pre_run_data),
    runData: readFormAnswers(parsed.run_data),
  };
}

/** A row of `reservations`. Throws as parseUsageEvent. */
export function parseReservation(row: unknown, readTimes: NemoTimeReader): Reservation {
  const parsed = parseRow('reservation', reservationRow, row);
  const times = timesOf('reservation', row, readTimes);
  const start = times.required('start', parsed.start);
  return {
    id: parsed.id,
    start,
    end: times.required('end', parsed.end, start.epochMs),
    creationTime: times.optional('creation_time', parsed.creation_time),
    userId: parsed.user,
    creatorId: parsed.creator,
    toolId: parsed.tool ?? null,
    projectId: parsed.project ?? null,
    cancelled: parsed.cancelled,
    missed: parsed.missed,
    shortened: parsed.shortened,
    descendantId: parsed.descendant ?? null,
    title: parsed.title ?? null,
    note: parsed.note ?? null,
    questionData: readFormAnswers(parsed.question_data),
  };
}

/** Whether a reservation holds: a moved or resized one is replaced by its descendant. */
export function isValidReservation(reservation: Reservation): boolean {
  return !reservation.cancelled && !reservation.missed && !reservation.shortened;
}

/** A row of `adjustment_requests` (NEMO 6.0.0 and later). Throws as parseUsageEvent. */
export function parseAdjustmentRequest(row: unknown, readTimes: NemoTimeReader): AdjustmentRequest {
  const parsed = parseRow('adjustment request', adjustmentRequestRow, row);
  const times = timesOf('adjustment request', row, readTimes);
  return {
    id: parsed.id,
    lastUpdated: times.required('last_updated', parsed.last_updated),
    itemId: parsed.item_id ?? null,
    itemTypeId: parsed.item_type ?? null,
    applied: parsed.applied ?? false,
    deleted: parsed.deleted ?? false,
  };
}

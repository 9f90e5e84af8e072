import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { z } from 'zod';
import { groupBy } from '../domain/group-by.js';
import { insertMany, type BulkColumn } from './dialect.js';
import { instantMs, instantText } from './instant.js';
import { jsonColumn } from './json-column.js';
import { query } from './query.js';
import { scopedSession } from './scope.js';
import type { ReplayRow, WebhookHintRow } from './tables.js';

/** A message of a source that was found to be genuine. */
export interface PushedHint {
  readonly source: string;
  /** Of the source. */
  readonly eventId: number;
  /** As the sender said; null: it did not. */
  readonly action: string | null;
  /** The usage event as pushed; null: it will be read from the source. */
  readonly payload: Readonly<Record<string, unknown>> | null;
  /** The same for the same message sent again. */
  readonly replayKey: string;
  /** Epoch milliseconds until which the message would be believed if it came again, or longer. */
  readonly replayExpiresAtMs: number;
}

/** Whether a message was new. */
export type HintReceipt = 'accepted' | 'duplicate';

/** All hints of one event that waited: one piece of work, which nobody else has now. */
export interface TakenHints {
  readonly source: string;
  readonly eventId: number;
  /** In the order in which they arrived, which need not be that in which they were sent. */
  readonly messages: readonly {
    readonly action: string | null;
    readonly payload: Readonly<Record<string, unknown>> | null;
    /** Epoch milliseconds. */
    readonly receivedAtMs: number;
  }[];
  /** How often the oldest of them was put off. */
  readonly tries: number;
  /** Until when they are ours; later somebody else may take them. Epoch milliseconds. */
  readonly claimedUntilMs: number;
}

export interface TakeDueHintsOptions {
  readonly source: string;
  /** Most hints to look at; there are as many events or fewer. */
  readonly limit: number;
  /** How long nobody else gets them: longer than it takes to follow them up. */
  readonly claimSeconds: number;
}

const payloadColumn = jsonColumn(z.record(z.string(), z.unknown()));

const HINT_COLUMNS: readonly BulkColumn[] = [
  { name: 'source', kind: 'text' },
  { name: 'event_id', kind: 'integer' },
  { name: 'action', kind: 'text' },
  { name: 'payload', kind: 'json' },
];
const REPLAY_COLUMNS: readonly BulkColumn[] = [
  { name: 'source', kind: 'text' },
  { name: 'replay_key', kind: 'text' },
  { name: 'expires_at', kind: 'instant' },
];

const insertedKeys = z.array(z.object({ source: z.string(), replay_key: z.string() }));
const countRows = z.array(z.object({ source: z.string(), waiting: z.coerce.number() }));

/** Of fixed length: the id of a message may be longer than the column. */
function storedKey(replayKey: string): string {
  return createHash('sha256').update(replayKey).digest('hex');
}

function identityOf(source: string, key: string): string {
  return `${source}\n${key}`;
}

/**
 * Keeps messages together with their replay keys. One that came before, also within the same call, is not kept again.
 * @param nowMs epoch milliseconds, by the clock that judged the times of the messages
 * @returns what became of each, in their order
 */
export async function addHints(
  hints: readonly PushedHint[],
  nowMs: number,
): Promise<readonly HintReceipt[]> {
  const first = new Map<string, PushedHint>();
  const identities = hints.map((hint) => identityOf(hint.source, storedKey(hint.replayKey)));
  hints.forEach((hint, index) => {
    const identity = identities[index] ?? '';
    if (!first.has(identity)) first.set(identity, hint);
  });
  const fresh = await addReplayKeys(first.values(), nowMs);
  const accepted = new Set([...first].filter(([key]) => fresh.has(key)).map(([, hint]) => hint));
  const unit = scopedSession();
  await insertMany(
    await unit.writer(),
    unit.dialect,
    'webhook_hints',
    HINT_COLUMNS,
    [...accepted].map((hint) => ({
      source: hint.source,
      event_id: hint.eventId,
      action: hint.action,
      payload: hint.payload === null ? null : payloadColumn.write(hint.payload),
    })),
  );
  return hints.map((hint) => (accepted.has(hint) ? 'accepted' : 'duplicate'));
}

/** Notes the keys that are not known, or not any more. @returns the identities of these */
async function addReplayKeys(
  hints: Iterable<PushedHint>,
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const rows = Array.from(hints, (hint) => ({
    source: hint.source,
    replay_key: storedKey(hint.replayKey),
    expires_at: instantText(hint.replayExpiresAtMs),
  }));
  // In one order for all daemons: who waits for a row of another never holds one that the other waits for.
  rows.sort((a, b) => (a.replay_key < b.replay_key ? -1 : 1));
  const names = REPLAY_COLUMNS.map(({ name }) => name).join(', ');
  const inserted = await query(
    `insert into replay_cache (${names})
     select ${names} from ${scopedSession().dialect.rowsOfJson(REPLAY_COLUMNS)} where true
     on conflict (source, replay_key) do update set expires_at = excluded.expires_at
       where replay_cache.expires_at <= ?
     returning source, replay_key`,
    [JSON.stringify(rows), instantText(nowMs)],
  );
  return new Set(insertedKeys.parse(inserted).map((row) => identityOf(row.source, row.replay_key)));
}

/**
 * Takes hints that are due, those that waited longest first, with all others of the same events. An event that somebody
 * has taken is left alone, also what came for it since; who does not come back loses it when the claim ends. Times are by
 * the database's clock.
 */
export async function takeDueHints(options: TakeDueHintsOptions): Promise<readonly TakenHints[]> {
  const { source, limit, claimSeconds } = options;
  const unit = scopedSession();
  const { dialect } = unit;
  const due = unit
    .reader()<WebhookHintRow>('webhook_hints')
    .where('source', source)
    .whereRaw(`next_attempt_at <= ${dialect.now}`);
  // Nothing is locked as long as there is nothing to do.
  if ((await due.first('id')) === undefined) return [];
  const transaction = await unit.writer();
  // Each taker sees what the one before has taken, else two could have hints of the same event.
  await dialect.lockSession(transaction, `webhook hints of ${source}`);
  const rows: WebhookHintRow[] = await transaction<WebhookHintRow>('webhook_hints')
    .where('source', source)
    .whereRaw(
      `event_id in (
        select event_id from (
          select hint.event_id from webhook_hints as hint
          where hint.source = ? and hint.next_attempt_at <= ${dialect.now} and not exists (
            select 1 from webhook_hints as taken
            where taken.source = hint.source and taken.event_id = hint.event_id
              and taken.claimed_until > ${dialect.now}
          )
          order by hint.next_attempt_at, hint.id limit ?
        ) as due
      )`,
      [source, limit],
    )
    .update({
      // Asked for once: PostgreSQL would tell each row a time of its own, and the claim be known by the first one alone.
      claimed_until: transaction.raw(`(select ${dialect.nowPlusSeconds})`, [
        dialect.secondsBinding(claimSeconds),
      ]),
    })
    .returning('*');
  rows.sort((a, b) => a.id - b.id);
  return [...groupBy(rows, (row) => row.event_id).values()].flatMap(toTakenHints);
}

function toTakenHints(rows: readonly WebhookHintRow[]): TakenHints[] {
  const [oldest] = rows;
  if (oldest?.claimed_until == null) return [];
  return [
    {
      source: oldest.source,
      eventId: oldest.event_id,
      messages: rows.map((row) => ({
        action: row.action,
        payload: row.payload === null ? null : payloadColumn.read(row.payload),
        receivedAtMs: instantMs(row.received_at),
      })),
      tries: oldest.tries,
      claimedUntilMs: instantMs(oldest.claimed_until),
    },
  ];
}

/** The hints of a claim, as long as nobody else has taken them. */
function claimed(transaction: Knex, { source, eventId, claimedUntilMs }: TakenHints) {
  return transaction<WebhookHintRow>('webhook_hints').where({
    source,
    event_id: eventId,
    claimed_until: instantText(claimedUntilMs),
  });
}

/** They are followed up. @returns false when the claim was lost; whoever has them now follows them up again. */
export async function finishHints(taken: TakenHints): Promise<boolean> {
  return (await claimed(await scopedSession().writer(), taken).del()) > 0;
}

/** They have to be tried again later. @returns false when the claim was lost, and nothing changed. */
export async function putOffHints(taken: TakenHints, delaySeconds: number): Promise<boolean> {
  const unit = scopedSession();
  const { dialect } = unit;
  const transaction = await unit.writer();
  const touched = await claimed(transaction, taken).update({
    tries: transaction.raw('tries + 1'),
    claimed_until: null,
    next_attempt_at: transaction.raw(dialect.nowPlusSeconds, [
      dialect.secondsBinding(delaySeconds),
    ]),
  });
  return touched > 0;
}

/** How many hints each source has waiting; a source without any is not in it. */
export async function countWaitingHints(): Promise<ReadonlyMap<string, number>> {
  const rows = countRows.parse(
    await scopedSession()
      .reader()<WebhookHintRow>('webhook_hints')
      .groupBy('source')
      .select('source')
      .count({ waiting: '*' }),
  );
  return new Map(rows.map(({ source, waiting }) => [source, waiting]));
}

/** Forgets the keys of messages that would not be believed any more. @returns how many */
export async function removeExpiredReplayKeys(nowMs: number): Promise<number> {
  const transaction = await scopedSession().writer();
  return transaction<ReplayRow>('replay_cache').where('expires_at', '<=', instantText(nowMs)).del();
}

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../errors.js';
import { boundedText } from './clean-text.js';
import { instantText } from './instant.js';
import { jsonColumn } from './json-column.js';
import { scopedSession } from './scope.js';
import type { IdempotencyKeyRow } from './tables.js';

/** A request that its client may send again, and knows by a key. */
export interface RepeatableRequest {
  readonly tokenId: number;
  /** As the client chose it. */
  readonly key: string;
  /** What is asked for, as text that is the same for the same request. */
  readonly request: string;
}

/** An answer to a request. */
export interface RequestAnswer {
  /** Of HTTP. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How long a key is remembered: longer than an instrument PC is off line. */
const REMEMBERED_MS = 30 * 86_400_000;

const answerColumn = jsonColumn<Readonly<Record<string, unknown>>>(
  z.record(z.string(), z.unknown()),
);

/**
 * Does `work` for the first request with this key and remembers its answer; the same request again gets that answer and
 * changes nothing. What throws is not remembered: the request may be sent again. In the caller's unit of work, so that
 * what was done and its key come together or not at all.
 * @throws AppError REQUEST_REPEATED when the key was used for another request; INPUT_INVALID for a key over 255 characters.
 */
export async function answerOnce(
  { tokenId, key, request }: RepeatableRequest,
  nowMs: number,
  work: () => Promise<RequestAnswer>,
): Promise<RequestAnswer & { readonly isRepeated: boolean }> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const idempotency_key = boundedText('The idempotency key', key, 255);
  const request_sha256 = createHash('sha256').update(request, 'utf8').digest('hex');
  await unit.dialect.lockSession(transaction, `idempotency key ${tokenId} ${idempotency_key}`);
  const known = await transaction<IdempotencyKeyRow>('idempotency_keys')
    .where({ token_id: tokenId, idempotency_key })
    .first();
  if (known !== undefined) {
    if (known.request_sha256 === request_sha256) {
      return { status: known.status, body: answerColumn.read(known.answer), isRepeated: true };
    }
    throw new AppError(
      'REQUEST_REPEATED',
      `The idempotency key ${idempotency_key} was used for another request.`,
      { remedy: 'Give each request a key of its own; only its repetition has the same.' },
    );
  }
  const answer = await work();
  await transaction<IdempotencyKeyRow>('idempotency_keys').insert({
    token_id: tokenId,
    idempotency_key,
    request_sha256,
    status: answer.status,
    answer: answerColumn.write(answer.body),
    created_at: instantText(nowMs),
  });
  return { ...answer, isRepeated: false };
}

/** Forgets keys that no client sends again. @returns how many. */
export async function forgetIdempotencyKeys(nowMs: number): Promise<number> {
  const transaction = await scopedSession().writer();
  return transaction<IdempotencyKeyRow>('idempotency_keys')
    .where('created_at', '<', instantText(nowMs - REMEMBERED_MS))
    .del();
}

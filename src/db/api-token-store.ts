import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { API_SCOPES, type ApiScope } from '../domain/api-scopes.js';
import { AppError } from '../errors.js';
import { boundedText } from './clean-text.js';
import { instantMs, instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { jsonColumn } from './json-column.js';
import { scopedSession } from './scope.js';
import type { ApiTokenRow } from './tables.js';

/** A token of the HTTP interface, without the token itself: that is nowhere. */
export interface ApiToken {
  readonly id: number;
  readonly name: string;
  readonly scopes: readonly ApiScope[];
  /** Speaks for this instrument only; null: for all. */
  readonly instrumentPid: string | null;
  readonly author: string;
  /** Epoch milliseconds; null: never. */
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}

/** What a new token is to be. */
export type NewApiToken = Pick<
  ApiToken,
  'name' | 'scopes' | 'instrumentPid' | 'author' | 'expiresAtMs'
>;

/** Marks the text of a token as one of ours, for people and for programs that look for secrets in files. */
const PREFIX = 'rs_';
const RANDOM_BYTES = 32;
/** How exactly it is known when a token was last used: writing that down costs a transaction. */
const LAST_USE_PRECISION_MS = 60_000;

const scopesColumn = jsonColumn<readonly ApiScope[]>(z.array(z.enum(API_SCOPES)).min(1));

/** A token has as many random bits as its hash: neither salt nor slowness would add anything. */
function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function toApiToken(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    scopes: scopesColumn.read(row.scopes),
    instrumentPid: row.instrument,
    author: row.author,
    createdAtMs: instantMs(row.created_at),
    expiresAtMs: optionalInstantMs(row.expires_at),
    revokedAtMs: optionalInstantMs(row.revoked_at),
    lastUsedAtMs: optionalInstantMs(row.last_used_at),
  };
}

/**
 * Makes a token. Its text is answered this once and can never be had again.
 * @throws AppError INPUT_INVALID when the name is taken, also by a revoked token; DATABASE_CONSTRAINT for an unknown instrument.
 */
export async function createApiToken(
  wanted: NewApiToken,
): Promise<{ readonly text: string; readonly token: ApiToken }> {
  const transaction = await scopedSession().writer();
  const name = boundedText('The name of the token', wanted.name, 100);
  const taken = await transaction<ApiTokenRow>('api_tokens').where('name', name).first();
  if (taken !== undefined) {
    throw new AppError(
      'INPUT_INVALID',
      `There is a${taken.revoked_at === null ? '' : ' revoked'} token named ${name} already.`,
      { remedy: 'Choose another name; `recordsmith tokens list --all` shows them.' },
    );
  }
  const text = PREFIX + randomBytes(RANDOM_BYTES).toString('base64url');
  const rows = await transaction<ApiTokenRow>('api_tokens')
    .insert({
      name,
      token_sha256: hashOf(text),
      scopes: scopesColumn.write(wanted.scopes),
      instrument: wanted.instrumentPid,
      author: boundedText('The author', wanted.author, 255),
      expires_at: optionalInstantText(wanted.expiresAtMs),
    })
    .returning('*');
  const [row] = rows;
  if (row === undefined) throw new AppError('INTERNAL', 'The new token has no row.');
  return { text, token: toApiToken(row) };
}

/** All tokens, revoked and expired ones too, in the order they were made. */
export async function listApiTokens(): Promise<readonly ApiToken[]> {
  const rows = await scopedSession().reader()<ApiTokenRow>('api_tokens').orderBy('id').select();
  return rows.map(toApiToken);
}

/**
 * Revokes a token for good; its row stays, to be seen. One that was revoked before keeps the time of then.
 * @param nameOrId a name is looked for before a number, since a name may be one
 * @throws AppError INPUT_INVALID when there is none.
 */
export async function revokeApiToken(nameOrId: string, nowMs: number): Promise<ApiToken> {
  const transaction = await scopedSession().writer();
  const tokens = transaction<ApiTokenRow>('api_tokens');
  const byName = await tokens.clone().where('name', nameOrId).first();
  const isId = /^[1-9]\d{0,8}$/.test(nameOrId);
  const row = byName ?? (isId ? await tokens.clone().where('id', Number(nameOrId)).first() : null);
  if (row === undefined || row === null) {
    throw new AppError('INPUT_INVALID', `There is no token ${nameOrId.slice(0, 100)}.`, {
      remedy: 'See `recordsmith tokens list` for names and numbers.',
    });
  }
  const revoked_at = row.revoked_at ?? instantText(nowMs);
  await tokens.clone().where('id', row.id).update({ revoked_at });
  return toApiToken({ ...row, revoked_at });
}

/** What is known of the text of a token. */
export type FoundApiToken =
  | { readonly kind: 'valid'; readonly token: ApiToken }
  | { readonly kind: 'unknown' | 'revoked' | 'expired' };

/**
 * Whose token this text is. Looked up by its hash, so that how long it takes says nothing about tokens that are
 * almost alike. Notes that the token was used, once a minute at most.
 */
export async function useApiToken(text: string, nowMs: number): Promise<FoundApiToken> {
  const unit = scopedSession();
  const row = await unit
    .reader()<ApiTokenRow>('api_tokens')
    .where('token_sha256', hashOf(text))
    .first();
  if (row === undefined) return { kind: 'unknown' };
  const token = toApiToken(row);
  if (token.revokedAtMs !== null) return { kind: 'revoked' };
  if (token.expiresAtMs !== null && token.expiresAtMs <= nowMs) return { kind: 'expired' };
  const { lastUsedAtMs } = token;
  if (lastUsedAtMs !== null && lastUsedAtMs > nowMs - LAST_USE_PRECISION_MS) {
    return { kind: 'valid', token };
  }
  const transaction = await unit.writer();
  await transaction<ApiTokenRow>('api_tokens')
    .where('id', token.id)
    .update({ last_used_at: instantText(nowMs) });
  return { kind: 'valid', token: { ...token, lastUsedAtMs: nowMs } };
}

import { systemClock } from '../clock.js';
import {
  createApiToken,
  listApiTokens,
  revokeApiToken,
  type ApiToken,
} from '../db/api-token-store.js';
import { getInstrument } from '../db/instrument-store.js';
import type { ApiScope } from '../domain/api-scopes.js';
import { AppError } from '../errors.js';
import { actingUser } from './acting-user.js';
import type { CommandContext } from './command-context.js';
import { localTimeText, machineZone, readGivenTime } from './local-time-text.js';
import { isoText } from './report-json.js';
import { withDatabase } from './with-database.js';

/** What `tokens create` was given. */
export interface CreateTokenOptions {
  readonly name: string;
  readonly scope: readonly ApiScope[];
  readonly instrument?: string;
  /** A number of days or the text of a time. */
  readonly expires?: string;
}

const DAY_MS = 86_400_000;

function isoOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : isoText(epochMs);
}

function stateOf(token: ApiToken, nowMs: number): 'valid' | 'revoked' | 'expired' {
  if (token.revokedAtMs !== null) return 'revoked';
  return token.expiresAtMs !== null && token.expiresAtMs <= nowMs ? 'expired' : 'valid';
}

function tokenDocument(token: ApiToken, nowMs: number) {
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    instrument: token.instrumentPid,
    state: stateOf(token, nowMs),
    author: token.author,
    created_at: isoText(token.createdAtMs),
    expires_at: isoOrNull(token.expiresAtMs),
    revoked_at: isoOrNull(token.revokedAtMs),
    last_used_at: isoOrNull(token.lastUsedAtMs),
  };
}

/** @throws AppError TIME_INVALID for what is neither days nor a time, or over already. */
function expiryOf(text: string | undefined, zone: string, nowMs: number): number | null {
  if (text === undefined) return null;
  const expiresAtMs = /^\d{1,5}$/.test(text)
    ? nowMs + Number(text) * DAY_MS
    : readGivenTime(text, zone, nowMs).epochMs;
  if (expiresAtMs > nowMs) return expiresAtMs;
  throw new AppError(
    'TIME_INVALID',
    `The token would end at ${localTimeText(expiresAtMs, zone)}, which is over already.`,
    { remedy: 'Give a number of days or a time to come, or leave --expires away.' },
  );
}

/**
 * `recordsmith tokens create`: makes a token and prints it.
 * @throws AppError INPUT_INVALID when the name is taken; INSTRUMENT_NOT_FOUND, TIME_INVALID.
 */
export async function createToken(
  context: CommandContext,
  options: CreateTokenOptions,
): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  await withDatabase(context, async ({ database }) => {
    const { text, token } = await database.createScope(async () => {
      const instrument =
        options.instrument === undefined ? null : await getInstrument(options.instrument);
      return createApiToken({
        name: options.name,
        scopes: [...new Set(options.scope)],
        instrumentPid: instrument?.pid ?? null,
        expiresAtMs: expiryOf(options.expires, instrument?.timezone ?? machineZone(), nowMs),
        author: actingUser(),
      });
    });
    if (context.json) {
      context.printJson({ ...tokenDocument(token, nowMs), token: text });
      return;
    }
    context.note(`The token ${token.name}, which is shown this once:`);
    context.print(text);
  });
}

/** `recordsmith tokens list`. @param all revoked and expired ones too */
export async function printTokens(context: CommandContext, all: boolean): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  const tokens = await withDatabase(
    context,
    ({ database }) => database.createScope(() => listApiTokens()),
    { readOnly: true },
  );
  const shown = tokens
    .filter((token) => all || stateOf(token, nowMs) === 'valid')
    .map((token) => tokenDocument(token, nowMs));
  if (context.json) {
    context.printJson({ tokens: shown });
    return;
  }
  if (shown.length === 0) {
    context.note("No token; 'recordsmith tokens create --help' says how to make one.");
  }
  context.table(shown.map((token) => ({ ...token, scopes: token.scopes.join(', ') })));
}

/** `recordsmith tokens revoke`. @throws AppError INPUT_INVALID when there is no such token. */
export async function revokeToken(context: CommandContext, nameOrId: string): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  const token = await withDatabase(context, ({ database }) =>
    database.createScope(() => revokeApiToken(nameOrId, nowMs)),
  );
  if (context.json) context.printJson(tokenDocument(token, nowMs));
  else context.note(`The token ${token.name} holds no more.`);
}

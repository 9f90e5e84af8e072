import type { Knex } from 'knex';
import { readTime } from '../domain/local-time.js';
import { AppError } from '../errors.js';
import {
  assembleSession,
  type Override,
  type OverrideField,
} from '../sessions/assemble-sessions.js';
import { boundedText } from './clean-text.js';
import { instantText, isStorableInstant } from './instant.js';
import { lockedSession } from './locked-session.js';
import { raiseNeighbours, refreshSession } from './refresh-session.js';
import { scopedSession, type UnitOfWork } from './scope.js';
import { overridesColumn, toLogEvents } from './session-mapper.js';
import type { SessionLogRow, SessionRow } from './tables.js';

/** Corrections of a session. Start and end are ISO instants with a zone or epoch milliseconds. */
export interface SessionCorrections {
  readonly start?: string | number;
  readonly end?: string | number;
  readonly user?: string | null;
  readonly instrument?: string;
}

function correctedInstant(field: string, value: string | number): string {
  const refused = (why: string): AppError =>
    new AppError('TIME_INVALID', `The ${field} '${String(value).slice(0, 60)}' ${why}.`, {
      remedy: 'Write it like 2026-03-01T14:30:00+01:00.',
    });
  if (typeof value === 'number') {
    if (!isStorableInstant(value)) throw refused('is no time of the years 0001 to 9999');
    return instantText(value);
  }
  const { epochMs, naive } = readTime(value, { zone: 'UTC' });
  if (naive) throw refused('names no zone or offset');
  if (!isStorableInstant(epochMs)) throw refused('is no time of the years 0001 to 9999');
  return instantText(epochMs);
}

async function correctionsOf(
  knex: Knex,
  corrections: SessionCorrections,
): Promise<Map<OverrideField, string | null>> {
  const values = new Map<OverrideField, string | null>();
  if (corrections.start !== undefined) {
    values.set('start', correctedInstant('START', corrections.start));
  }
  if (corrections.end !== undefined) values.set('end', correctedInstant('END', corrections.end));
  if (corrections.user !== undefined) {
    values.set(
      'user',
      corrections.user === null ? null : boundedText('The user', corrections.user, 255),
    );
  }
  if (corrections.instrument !== undefined) {
    const known: unknown = await knex('instruments')
      .where('instrument_pid', corrections.instrument)
      .first('instrument_pid');
    if (known === undefined) {
      throw new AppError(
        'INSTRUMENT_NOT_FOUND',
        `There is no instrument ${corrections.instrument}.`,
        {
          remedy: 'See `recordsmith instruments list`.',
        },
      );
    }
    values.set('instrument', corrections.instrument);
  }
  return values;
}

async function sourceValues(
  knex: Knex,
  identifier: string,
): Promise<Readonly<Record<OverrideField, string | null>>> {
  const rows = await knex<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereIn('event_type', ['START', 'END'])
    .select();
  const said = assembleSession(toLogEvents(rows), []);
  return {
    start: said.startMs === null ? null : instantText(said.startMs),
    end: said.endMs === null ? null : instantText(said.endMs),
    user: said.user,
    instrument: said.instrumentPid,
  };
}

/**
 * Corrects what the source says of a session. A correction stays until it is cleared, whatever the source says later.
 * @throws AppError SESSION_NOT_FOUND, INSTRUMENT_NOT_FOUND, TIME_INVALID, INPUT_INVALID.
 */
export async function setOverrides(
  idOrKey: string,
  corrections: SessionCorrections,
  options: { readonly who: string; readonly why?: string | null; readonly nowMs: number },
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const values = await correctionsOf(transaction, corrections);
  const source = await sourceValues(transaction, session.session_identifier);
  const kept = overridesColumn.read(session.overrides).filter(({ field }) => !values.has(field));
  const added: Override[] = [...values].map(([field, value]) => ({
    field,
    value,
    sourceValue: source[field],
    who: boundedText('The author', options.who, 255),
    at: instantText(options.nowMs),
    why: options.why ?? null,
  }));
  await writeOverrides(unit, transaction, session, [...kept, ...added]);
}

/** Takes corrections back (all, when no field is named); the session is again as its source says. */
export async function clearOverrides(
  idOrKey: string,
  fields?: readonly OverrideField[],
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const kept = overridesColumn
    .read(session.overrides)
    .filter(({ field }) => fields !== undefined && !fields.includes(field));
  await writeOverrides(unit, transaction, session, kept);
}

async function writeOverrides(
  unit: UnitOfWork,
  transaction: Knex,
  session: SessionRow,
  overrides: Override[],
): Promise<void> {
  // Neighbours of the old time are looked at again too, refreshSession sees to those of the new one.
  await raiseNeighbours(transaction, unit.dialect, session.session_identifier);
  await transaction<SessionRow>('sessions')
    .where('session_identifier', session.session_identifier)
    .update({ overrides: overridesColumn.write(overrides) });
  await refreshSession(transaction, unit.dialect, session.session_identifier, 'inputs change');
}

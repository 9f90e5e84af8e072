import { getInstrument } from '../db/instrument-store.js';
import { closeSession, listOpenSessions, type OpenSession } from '../db/open-sessions.js';
import type { Instrument } from '../domain/instrument.js';
import { completeSession } from '../domain/working-session.js';
import { zonedTime } from '../domain/zoned-time.js';
import { toError } from '../errors.js';
import type { BuildEnvironment } from './build-environment.js';
import { lookAtStore, type Look } from './look-at-session.js';

/** A source whose sessions may end because nothing is written any more. */
export interface IdleSource {
  /** As configured: stands in the session log. */
  readonly name: string;
  /** Milliseconds without a file after which a session on the instrument ends; null: it does not. */
  readonly idleAfterMs: (instrument: Instrument) => number | null;
}

/** What closing idle sessions needs. */
export interface CloseIdleOptions {
  readonly environment: Pick<
    BuildEnvironment,
    'database' | 'stores' | 'clock' | 'paths' | 'rules' | 'log' | 'policyOf'
  >;
  readonly sources: readonly IdleSource[];
  /**
   * By session identifier, epoch milliseconds before which it cannot be idle: kept by the caller from one run to the next,
   * so that a store is not looked at each time.
   */
  readonly notBefore: Map<string, number>;
  readonly signal: AbortSignal;
}

const NS_PER_MS = 1_000_000n;

/** Epoch milliseconds of the newest file of a session, rounded up so that an END then includes it; null: no file. */
function newestFileMs({ files, needsAcquiredTime }: Look): number | null {
  let newestNs: bigint | null = null;
  for (const { timeNs } of [...files, ...needsAcquiredTime]) {
    if (newestNs === null || timeNs > newestNs) newestNs = timeNs;
  }
  return newestNs === null ? null : Number((newestNs + NS_PER_MS - 1n) / NS_PER_MS);
}

/** The store's word on a session as if it ended now. Any file that counts tells of work, also one of no known format. */
async function lastWorkMs(
  { environment, signal }: CloseIdleOptions,
  open: OpenSession,
  instrument: Instrument,
  nowMs: number,
): Promise<number | null> {
  const session = completeSession({ ...open, endMs: nowMs });
  if (session === null) return null;
  const looked = await lookAtStore({
    environment,
    session,
    working: open,
    instrument,
    policy: { ...environment.policyOf(instrument), strategy: 'inclusive', endGraceMs: 0 },
    signal,
  });
  // While the store is away nobody knows whether somebody works.
  return looked.kind === 'looked' ? (newestFileMs(looked.look) ?? open.startMs) : null;
}

async function closeIfIdle(
  options: CloseIdleOptions,
  source: IdleSource,
  open: OpenSession,
): Promise<boolean> {
  const { environment, notBefore } = options;
  const { database, clock, log } = environment;
  const nowMs = clock.now().toMillis();
  const instrument = await database.createScope(() => getInstrument(open.instrumentPid));
  const idleAfterMs = source.idleAfterMs(instrument);
  if (idleAfterMs === null) return false;
  const idleFromMs = Math.max(open.startMs + idleAfterMs, notBefore.get(open.identifier) ?? 0);
  if (nowMs < idleFromMs) return false;
  const lastMs = await lastWorkMs(options, open, instrument, nowMs);
  if (lastMs === null) return false;
  if (nowMs < lastMs + idleAfterMs) {
    notBefore.set(open.identifier, lastMs + idleAfterMs);
    return false;
  }
  const closed = await database.createScope(() => closeSession(open, source.name, lastMs));
  if (closed) {
    log.info('A session was auto-closed: nothing was written any more.', {
      session: open.key,
      instrument: instrument.pid,
      end: zonedTime(lastMs, 'utc').toISO(),
    });
  }
  return closed;
}

/**
 * Ends the open sessions of these sources on whose instruments no file changed for as long as is configured: END is the
 * time of the newest file, START where there is none. For the daemon to call each minute. A session that cannot be
 * judged stays open, is logged, and harms no other.
 * @returns how many sessions ended.
 * @throws AppError when the database cannot be reached.
 */
export async function closeIdleSessions(options: CloseIdleOptions): Promise<number> {
  const { environment, sources, notBefore, signal } = options;
  const { database, log } = environment;
  const isStopped = (): boolean => signal.aborted;
  const stillOpen = new Set<string>();
  let closed = 0;
  for (const source of sources) {
    const sessions = await database.createScope(() => listOpenSessions(source.name));
    for (const open of sessions) {
      if (isStopped()) return closed;
      stillOpen.add(open.identifier);
      try {
        if (await closeIfIdle(options, source, open)) closed += 1;
      } catch (error) {
        if (isStopped()) return closed;
        log.warn('Whether a session is idle cannot be told; it stays open.', {
          session: open.key,
          instrument: open.instrumentPid,
          error: toError(error),
        });
      }
    }
  }
  for (const identifier of notBefore.keys()) {
    if (!stillOpen.has(identifier)) notBefore.delete(identifier);
  }
  return closed;
}

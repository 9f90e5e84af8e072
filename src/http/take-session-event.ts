import { saveInstrumentClock, TOLD_CLOCK_OFFSET_MS } from '../db/instrument-clock-store.js';
import { answerOnce, type RequestAnswer } from '../db/idempotency-store.js';
import { getInstrument } from '../db/instrument-store.js';
import { reportSessionEvent } from '../db/report-session-event.js';
import { findSession } from '../db/session-store.js';
import type { Instrument } from '../domain/instrument.js';
import { readTime } from '../domain/local-time.js';
import { requireInstrument, type Caller } from './authenticate.js';
import type { HttpEnvironment } from './http-environment.js';
import type { EventBody } from './session-log-bodies.js';

/** The source of events that instrument PCs are. */
export interface InstrumentPcs {
  /** As configured: stands in the session log. */
  readonly name: string;
  /** Whether the next START on the instrument ends a session that is open there. */
  readonly closesAtNextStart: (instrument: Pick<Instrument, 'settings'>) => boolean;
}

/** What an event is taken with. */
export interface TakeEventOptions {
  readonly environment: HttpEnvironment;
  readonly source: InstrumentPcs;
  readonly caller: Caller;
  /** `Idempotency-Key` of the request; null: none. */
  readonly idempotencyKey: string | null;
}

/** What the same request always says. When it was sent is another time each time. */
function requestText(body: EventBody): string {
  const said = Object.entries(body).filter(([key]) => key !== 'sent_at');
  return JSON.stringify(said.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function minutesText(offsetMs: number): string {
  const seconds = Math.abs(offsetMs) / 1000;
  const amount = seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
  return `${amount} ${offsetMs > 0 ? 'ahead' : 'behind'}`;
}

/** How far the clock of the PC is ahead, in milliseconds, remembered; null: it does not say what it shows. */
async function measuredOffset(body: EventBody, nowMs: number): Promise<number | null> {
  if (body.sent_at === null || body.sent_at === undefined) return null;
  const { pid, timezone } = await getInstrument(body.instrument);
  const offsetMs = readTime(body.sent_at, { zone: timezone }).epochMs - nowMs;
  await saveInstrumentClock({ instrumentPid: pid, offsetMs, measuredAtMs: nowMs });
  return offsetMs;
}

/** Takes one event, in one unit of work. What is logged of it waits for the commit. */
async function take(
  { source, caller }: TakeEventOptions,
  body: EventBody,
  nowMs: number,
  offsetMs: number | null,
): Promise<RequestAnswer & { readonly closed: readonly string[] }> {
  requireInstrument(caller, body.instrument);
  const session = body.session_identifier ?? null;
  const known = session === null ? null : await findSession(session);
  // A session of another instrument is nothing that this caller may end or move.
  if (known !== null) requireInstrument(caller, known.instrumentPid);
  const reported = await reportSessionEvent({
    source: source.name,
    instrumentPid: body.instrument,
    eventType: body.event,
    session,
    user: body.user ?? null,
    at: body.timestamp ?? null,
    note: body.note ?? null,
    author: caller.name,
    nowMs,
    closesOpenSessions: source.closesAtNextStart(await getInstrument(body.instrument)),
  });
  const clockWarnings =
    offsetMs === null || Math.abs(offsetMs) <= TOLD_CLOCK_OFFSET_MS
      ? []
      : [`The clock of the PC is ${minutesText(offsetMs)}; times are kept as sent.`];
  return {
    status: reported.kind === 'inserted' ? 201 : 200,
    body: {
      session_identifier: reported.sessionIdentifier,
      session_key: reported.sessionKey,
      event: body.event,
      kind: reported.kind,
      status: reported.status,
      warnings: [...reported.warnings, ...clockWarnings],
      clock_offset_ms: offsetMs,
    },
    closed: reported.closed.map(({ key }) => key),
  };
}

/**
 * Takes a START or END of an instrument PC: what it says and the key of the request come into the database together.
 * @throws AppError SCOPE_MISSING for another instrument than the caller's; as reportSessionEvent and answerOnce.
 */
export async function takeSessionEvent(
  options: TakeEventOptions,
  body: EventBody,
): Promise<RequestAnswer & { readonly isRepeated: boolean }> {
  const { environment, caller, idempotencyKey } = options;
  const { database, clock, log } = environment;
  const nowMs = clock.now().toMillis();
  const { answer, offsetMs, closed } = await database.createScope(async () => {
    requireInstrument(caller, body.instrument);
    const measuredMs = await measuredOffset(body, nowMs);
    let ended: readonly string[] = [];
    const work = async (): Promise<RequestAnswer> => {
      const { closed: keys, ...taken } = await take(options, body, nowMs, measuredMs);
      ended = keys;
      return taken;
    };
    const answered =
      idempotencyKey === null
        ? { ...(await work()), isRepeated: false }
        : await answerOnce(
            { tokenId: caller.id, key: idempotencyKey, request: requestText(body) },
            nowMs,
            work,
          );
    return { answer: answered, offsetMs: measuredMs, closed: ended };
  });
  if (offsetMs !== null && Math.abs(offsetMs) > TOLD_CLOCK_OFFSET_MS) {
    log.warn('The clock of an instrument PC is off.', {
      instrument: body.instrument,
      offsetMs,
    });
  }
  for (const session of closed) {
    log.info('A session was auto-closed by the next START on its instrument.', {
      session,
      instrument: body.instrument,
    });
  }
  return answer;
}

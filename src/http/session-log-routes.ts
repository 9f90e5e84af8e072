import type { FastifyRequest } from 'fastify';
import { listLog, type ListedLogEvent, type LogFilters } from '../db/session-log-store.js';
import { getInstrument } from '../db/instrument-store.js';
import { instantText } from '../db/instant.js';
import { readTime } from '../domain/local-time.js';
import { AppError, isAppError } from '../errors.js';
import { requireInstrument, requireToken, type Caller } from './authenticate.js';
import type { HttpEnvironment } from './http-environment.js';
import { PROBLEM_STATUS } from './problem-status.js';
import type { RoutePlugin } from './route-plugin.js';
import {
  bodySchema,
  listQuerySchema,
  readEvents,
  readListQuery,
  type EventBody,
} from './session-log-bodies.js';
import {
  takeSessionEvent,
  type InstrumentPcs,
  type TakeEventOptions,
} from './take-session-event.js';

const PATH = '/api/v1/session-log';

/** The schemas describe the routes; what comes in is checked by the handlers, which name each fault. */
const unchecked = () => (value: unknown) => ({ value });

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined || typeof key !== 'string') return null;
  if (key.trim() !== '') return key.trim();
  throw new AppError('INPUT_INVALID', 'The Idempotency-Key is empty.', {
    remedy: 'Give each event a key of its own, such as a UUID, or leave the header away.',
  });
}

/**
 * The answer to one event of a queue. A fault of the event concerns it alone; what is wrong with us ends the whole request,
 * which may be sent again.
 */
async function answerToOneOfMany(options: TakeEventOptions, body: EventBody) {
  try {
    const { status, body: answer } = await takeSessionEvent(options, body);
    return { http_status: status, ...answer };
  } catch (error) {
    const status = isAppError(error) ? PROBLEM_STATUS[error.code] : undefined;
    if (!isAppError(error) || status === undefined || status >= 500) throw error;
    const { code, message, remedy, details } = error;
    return { http_status: status, code, detail: message, remedy, details };
  }
}

async function takeEvents(
  options: TakeEventOptions,
  body: unknown,
): Promise<Awaited<ReturnType<typeof takeSessionEvent>>> {
  const read = readEvents(body);
  if (read.kind === 'one') return takeSessionEvent(options, read.event);
  const { idempotencyKey } = options;
  const results = [];
  for (const [index, event] of read.events.entries()) {
    const key = idempotencyKey === null ? null : `${idempotencyKey}#${index}`;
    results.push(await answerToOneOfMany({ ...options, idempotencyKey: key }, event));
  }
  return { status: 200, body: { results }, isRepeated: false };
}

function eventDocument(event: ListedLogEvent) {
  return {
    id: event.id,
    session_identifier: event.sessionIdentifier,
    session_key: event.sessionKey,
    instrument: event.instrumentPid,
    event: event.eventType,
    timestamp: instantText(event.atMs),
    timestamp_text: event.timestampText,
    status: event.status,
    user: event.user,
    source: event.source,
    attempt: event.attempt,
    detail: event.detail,
    created_at: instantText(event.createdAtMs),
  };
}

/** The rows that a caller asks for and may see. In the caller's unit of work. */
async function listEvents(caller: Caller, query: ReturnType<typeof readListQuery>) {
  const instrumentPid = query.instrument ?? caller.instrumentPid ?? undefined;
  if (instrumentPid !== undefined) requireInstrument(caller, instrumentPid);
  const zone = instrumentPid === undefined ? 'utc' : (await getInstrument(instrumentPid)).timezone;
  const filters: LogFilters = {
    ...(instrumentPid === undefined ? {} : { instrumentPid }),
    ...(query.session === undefined ? {} : { session: query.session }),
    ...(query.event === undefined ? {} : { eventType: query.event }),
    ...(query.from === undefined ? {} : { fromMs: readTime(query.from, { zone }).epochMs }),
    ...(query.to === undefined ? {} : { toMs: readTime(query.to, { zone }).epochMs }),
  };
  const page = { afterId: Number(query.cursor ?? 0), limit: query.limit };
  const { events, nextAfterId } = await listLog(filters, page);
  return {
    events: events.map(eventDocument),
    next_cursor: nextAfterId === null ? null : String(nextAfterId),
  };
}

/**
 * The session log over HTTP: `POST` takes START and END of instrument PCs (scope ingest), `GET` lists rows (scope read).
 * For a configuration with a source of this kind.
 */
export function sessionLogRoutes(source: InstrumentPcs): RoutePlugin {
  return (server, environment: HttpEnvironment) => {
    const reporters = requireToken(environment, 'ingest');
    const readers = requireToken(environment, 'read');
    server.post(
      PATH,
      {
        onRequest: reporters.check,
        schema: { body: bodySchema, tags: ['session log'], summary: 'Report START and END' },
        validatorCompiler: unchecked,
      },
      async (request, reply) => {
        const caller = reporters.callerOf(request);
        const idempotencyKey = idempotencyKeyOf(request);
        const { status, body, isRepeated } = await takeEvents(
          { environment, source, caller, idempotencyKey },
          request.body,
        );
        void reply.code(status);
        if (isRepeated) void reply.header('Idempotent-Replayed', 'true');
        return body;
      },
    );
    server.get(
      PATH,
      {
        onRequest: readers.check,
        schema: {
          querystring: listQuerySchema,
          tags: ['session log'],
          summary: 'List rows in the order they were written',
        },
        validatorCompiler: unchecked,
      },
      (request) => {
        const caller = readers.callerOf(request);
        const query = readListQuery(request.query);
        return environment.database.createScope(() => listEvents(caller, query));
      },
    );
  };
}

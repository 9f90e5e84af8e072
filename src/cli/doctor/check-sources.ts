import { z } from 'zod';
import { systemClock, type Clock } from '../../clock.js';
import type { Config } from '../../config/schema.js';
import type {
  InstrumentPcSourceSettings,
  NemoSourceSettings,
} from '../../config/sources-schema.js';
import type { Database } from '../../db/database.js';
import { instantMs, instantText, optionalInstantMs } from '../../db/instant.js';
import { query } from '../../db/query.js';
import { scopedSession } from '../../db/scope.js';
import { isAppError } from '../../errors.js';
import { webhookVerifier } from '../../sources/nemo/webhook-signature.js';
import { fail, failedBy, ok, warn, type CheckResult } from './check-result.js';
import { isLoopback } from './look-at-nemo.js';

/** Milliseconds without a successful pass after which the daemon is taken to be down. */
const SILENT_MS = 900_000;
/** Milliseconds that the clock of an instrument PC may differ from ours. */
const PC_CLOCK_MS = 60_000;

/** Can what the sources push arrive: the webhook of a NEMO, the reports of instrument PCs. */
export function* checkListening(config: Config): Generator<CheckResult, void, undefined> {
  for (const source of config.sources) {
    if (source.kind === 'instrument-pc') yield checkAddress(config, 'reports', source.name);
    else if (source.webhook !== null) {
      yield checkAddress(config, 'webhook', source.name);
      yield* checkSecrets(source.name, source.webhook);
    }
  }
}

function checkAddress({ http }: Config, what: string, name: string): CheckResult {
  const check = `${what} ${name}`;
  if (!http.enabled) {
    return fail(check, 'nothing listens: http.enabled is false', 'Set http.enabled to true.');
  }
  const address = `${http.host}:${http.port}`;
  if (isLoopback(http.host)) {
    return ok(check, `listens on ${address}: reached through a proxy on this machine`);
  }
  return http.tls.certificate === null
    ? warn(
        check,
        `listens on http://${address}: what is sent can be read and changed on its way`,
        'Set http.tls, or http.host to 127.0.0.1 with a proxy for HTTPS in front of it.',
      )
    : ok(check, `listens on https://${address}`);
}

/** Secrets are looked at by what verifies messages with them. */
function* checkSecrets(
  name: string,
  { scheme, secrets }: NonNullable<NemoSourceSettings['webhook']>,
): Generator<CheckResult, void, undefined> {
  try {
    webhookVerifier({ scheme, secrets, clock: systemClock });
  } catch (error) {
    if (!isAppError(error)) throw error;
    yield failedBy(`webhook ${name}`, error);
  }
}

const cursorRows = z.array(
  z.object({
    pass: z.string(),
    succeeded_at: z.string().nullable(),
    failing_since_at: z.string().nullable(),
    failures: z.number(),
    failure: z.string().nullable(),
  }),
);

/** When was each source last harvested, or heard of. */
export async function* checkProgress(
  config: Config,
  database: Database,
  clock: Clock,
): AsyncGenerator<CheckResult, void, undefined> {
  const nowMs = clock.now().toMillis();
  for (const source of config.sources) {
    if (source.kind === 'instrument-pc') yield* checkInstrumentPcs(source, database, nowMs);
    else if (source.token !== null) yield* checkPolling(source, database, nowMs);
  }
}

async function* checkPolling(
  { name }: NemoSourceSettings,
  database: Database,
  nowMs: number,
): AsyncGenerator<CheckResult, void, undefined> {
  const check = `polling ${name}`;
  const rows = await database.createScope(async () => {
    const { dialect } = scopedSession();
    const column = dialect.byteOrder('pass');
    return cursorRows.parse(
      await query(
        `select pass, succeeded_at, failing_since_at, failures, failure from source_cursors where source = ? order by ${column}`,
        [name],
      ),
    );
  });
  const start = 'Start the daemon: recordsmith run (or one pass: recordsmith --run-once).';
  if (rows.length === 0) {
    yield warn(check, 'was never polled', start);
    return;
  }
  const failing = rows.filter((row) => row.failing_since_at !== null);
  for (const row of failing) {
    yield warn(
      check,
      `the pass ${row.pass} fails since ${row.failing_since_at ?? ''} (${row.failures} times): ${row.failure ?? 'no reason kept'}`,
      'It is tried again by itself; what is wrong is among the lines of this source.',
    );
  }
  const last = Math.max(...rows.map((row) => optionalInstantMs(row.succeeded_at) ?? 0));
  if (failing.length > 0) return;
  const message = `last polled ${instantText(last)}`;
  yield nowMs - last > SILENT_MS ? warn(check, message, start) : ok(check, message);
}

const reportRows = z.array(z.object({ latest: z.string().nullable() }));
const clockRows = z.array(
  z.object({ instrument: z.string(), offset_ms: z.coerce.number(), measured_at: z.string() }),
);
const tokenRows = z.array(
  z.object({
    name: z.string(),
    scopes: z.string().transform((text) => z.array(z.string()).parse(JSON.parse(text))),
    expires_at: z.string().nullable(),
  }),
);

async function* checkInstrumentPcs(
  { name }: InstrumentPcSourceSettings,
  database: Database,
  nowMs: number,
): AsyncGenerator<CheckResult, void, undefined> {
  const { tokens, reports, clocks } = await database.createScope(async () => {
    const { dialect } = scopedSession();
    const latest = dialect.instantText('created_at');
    return {
      tokens: tokenRows.parse(
        await query('select name, scopes, expires_at from api_tokens where revoked_at is null'),
      ),
      reports: reportRows.parse(
        await query(`select max(${latest}) as latest from session_log where source = ?`, [name]),
      ),
      clocks: clockRows.parse(
        await query(
          `select instrument, offset_ms, measured_at from instrument_clocks order by ${dialect.byteOrder('instrument')}`,
        ),
      ),
    };
  });
  const usable = tokens.filter(
    ({ scopes, expires_at: expires }) =>
      (scopes.includes('ingest') || scopes.includes('admin')) &&
      (expires === null || instantMs(expires) > nowMs),
  );
  yield usable.length === 0
    ? fail(
        `tokens ${name}`,
        'there is no token with scope ingest, so no PC can report',
        'recordsmith tokens create --name PC --scope ingest --instrument PID',
      )
    : ok(`tokens ${name}`, `${usable.length} with scope ingest`);
  const latest = reports[0]?.latest ?? null;
  yield latest === null
    ? warn(
        `reports ${name}`,
        'no PC has reported yet',
        'Set up a PC with a token: POST /api/v1/session-log.',
      )
    : ok(`reports ${name}`, `last report ${latest}`);
  for (const { instrument, offset_ms: offsetMs, measured_at: measuredAt } of clocks) {
    if (Math.abs(offsetMs) <= PC_CLOCK_MS) continue;
    yield warn(
      `clock ${instrument}`,
      `its PC was ${(Math.abs(offsetMs) / 1000).toFixed(1)} s ${offsetMs < 0 ? 'behind' : 'ahead of'} this machine at ${measuredAt}`,
      'Have the instrument PC set its clock by NTP.',
    );
  }
}

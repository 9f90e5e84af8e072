import type { Clock } from '../../clock.js';
import type { NemoSourceSettings } from '../../config/sources-schema.js';
import { isAppError, type AppError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Tool } from '../../sources/nemo/nemo-lookups.js';
import type { NemoMetadata } from '../../sources/nemo/nemo-metadata.js';
import { NemoProbe } from '../../sources/nemo/nemo-probe.js';
import { checkConsentQuestion, checkTimes } from './check-nemo-rows.js';
import { fail, failedBy, ok, warn, type CheckResult } from './check-result.js';
import { whyNotReached } from './reach-remedy.js';

/** What was found at a NEMO. */
export interface NemoLook {
  readonly source: NemoSourceSettings;
  readonly results: readonly CheckResult[];
  /** Null: they cannot be read. */
  readonly tools: readonly Tool[] | null;
}

export interface LookAtNemoNeeds {
  readonly log: Log;
  readonly clock: Clock;
}

/** Milliseconds that one question may take at most. */
const LONGEST_QUESTION_MS = 15_000;
/** Rows in which a question is looked for, and from how far back. */
const NEWEST_ROWS = 50;
const NEWEST_DAYS = 90;
const DAY_MS = 86_400_000;
/** Milliseconds that the clocks may differ. */
const CLOCK_WARN_MS = 5000;
const CLOCK_FAIL_MS = 60_000;

/** What happens when a question was asked: the answer, or why there is none. */
type Asked<T> = { readonly value: T } | { readonly error: AppError };

async function ask<T>(question: Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await question };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { error };
  }
}

/** Asks a NEMO everything that a harvest needs of it; nothing that is wrong there is thrown. */
export async function lookAtNemo(
  source: NemoSourceSettings,
  needs: LookAtNemoNeeds,
): Promise<NemoLook> {
  const check = `source ${source.name}`;
  const { url, token } = source;
  const plain = checkTransport(source);
  if (token === null) {
    const message = `${url} is not asked: there is no token, only the webhook reports`;
    return { source, results: [ok(check, message), ...plain], tools: null };
  }
  let probe: NemoProbe;
  try {
    probe = new NemoProbe(
      {
        baseUrl: url,
        token,
        timezone: source.timezone ?? 'UTC',
        ...(source.datetime_format === null ? {} : { datetimeFormat: source.datetime_format }),
        ...needs,
      },
      Math.min(source.timeout_s * 1000, LONGEST_QUESTION_MS),
    );
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { source, results: [failedBy(check, error)], tools: null };
  }
  const metadata = await ask(probe.metadata());
  if ('error' in metadata) return unreached(source, metadata.error, plain);
  const tools = await ask(probe.tools());
  // A NEMO that knows neither metadata nor tools is none.
  if ('error' in tools && tools.error.details['status'] !== 403) {
    return unreached(source, tools.error, plain);
  }
  const results = [
    ok(check, `${url} answers`),
    ...plain,
    checkVersion(source, metadata.value),
    ...(await checkRights(source, probe, tools, metadata.value, needs.clock)),
    checkClock(source, probe),
  ];
  return { source, results, tools: 'value' in tools ? tools.value : null };
}

function unreached(
  source: NemoSourceSettings,
  error: AppError,
  further: readonly CheckResult[],
): NemoLook {
  const { message, remedy } = whyNotReached(error);
  return {
    source,
    results: [fail(`source ${source.name}`, message, remedy), ...further],
    tools: null,
  };
}

function checkTransport({ name, url, token }: NemoSourceSettings): CheckResult[] {
  const { protocol, hostname } = new URL(url);
  if (token === null || protocol === 'https:' || isLoopback(hostname)) return [];
  return [
    warn(
      `source ${name}`,
      'its token goes over the network unencrypted (http://)',
      'Write its url with https://.',
    ),
  ];
}

/** Whether an address stays on this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function checkVersion({ name }: NemoSourceSettings, metadata: NemoMetadata | null): CheckResult {
  const check = `version ${name}`;
  const version = metadata?.version ?? null;
  const remedy =
    'Update NEMO; until then corrections come in with the comparison at the times of `reconcile`.';
  if (version === null) {
    return warn(check, 'NEMO does not tell its version: it may be too old', remedy);
  }
  return isBefore6(metadata)
    ? warn(check, `NEMO ${version} has no adjustment requests (6.0.0 and later have)`, remedy)
    : ok(check, `NEMO ${version}`);
}

function isBefore6(metadata: NemoMetadata | null): boolean {
  const major = /^\d+/.exec(metadata?.version ?? '')?.[0];
  return major === undefined || Number(major) < 6;
}

/** A line for each permission that lacks, and what the newest rows tell. */
async function checkRights(
  source: NemoSourceSettings,
  probe: NemoProbe,
  tools: Asked<unknown>,
  metadata: NemoMetadata | null,
  clock: Clock,
): Promise<CheckResult[]> {
  const check = `rights ${source.name}`;
  const nowMs = clock.now().toMillis();
  const sinceMs = nowMs - NEWEST_DAYS * DAY_MS;
  const [usageEvents, reservations, users, projects, accounts, adjustments, types] =
    await Promise.all([
      ask(probe.newestUsageEvents(sinceMs, NEWEST_ROWS)),
      ask(probe.newestReservations(sinceMs, NEWEST_ROWS)),
      ask(probe.permission('users')),
      ask(probe.permission('projects')),
      ask(probe.permission('accounts')),
      isBefore6(metadata) ? { value: undefined } : ask(probe.permission('adjustment_requests')),
      ask(probe.permission('content_types')),
    ]);
  const asked: readonly (readonly [what: string, answer: Asked<unknown>, isNeeded: boolean])[] = [
    ['usage events', usageEvents, true],
    ['tools', tools, true],
    ['users', users, true],
    ['projects', projects, true],
    ['accounts', accounts, true],
    // Before a build they are asked for, whatever is set: what may not be read makes its sessions wait.
    ['reservations', reservations, true],
    ['adjustment requests', adjustments, false],
    ['content types', types, false],
  ];
  const missing = asked.flatMap(([what, answer, isNeeded]) => {
    if (!('error' in answer)) return [];
    // A row that cannot be read is told below, not as a right that lacks.
    if (answer.error.code === 'SOURCE_ANSWER_INVALID') return [];
    const result = isNeeded ? fail : warn;
    return [result(check, `${what}: ${answer.error.message}`, answer.error.remedy ?? null)];
  });
  const unreadable = [usageEvents, reservations].flatMap((answer) =>
    'error' in answer && answer.error.code === 'SOURCE_ANSWER_INVALID'
      ? [failedBy(`times ${source.name}`, answer.error)]
      : [],
  );
  const rights =
    missing.length === 0
      ? [ok(check, `may read ${asked.map(([what]) => what).join(', ')}`)]
      : missing;
  if (unreadable.length > 0 || !('value' in usageEvents)) return [...rights, ...unreadable];
  const newest = {
    usageEvents: usageEvents.value,
    reservations: 'value' in reservations ? reservations.value : null,
  };
  return [...rights, checkTimes(source, newest, nowMs), checkConsentQuestion(source, newest)];
}

function checkClock({ name }: NemoSourceSettings, probe: NemoProbe): CheckResult {
  const check = `clock ${name}`;
  const offset = probe.serverClockOffset;
  if (offset === null) return ok(check, 'NEMO does not tell its time');
  const { offsetMs, uncertaintyMs } = offset;
  const leastMs = Math.max(0, Math.abs(offsetMs) - uncertaintyMs);
  const seconds = (Math.abs(offsetMs) / 1000).toFixed(1);
  const message = `NEMO's clock is ${seconds} s ${offsetMs < 0 ? 'behind' : 'ahead of'} that of this machine`;
  const remedy =
    'Have both machines set their clocks by NTP: sessions begin and end by the clock of NEMO, files are found by them.';
  if (leastMs > CLOCK_FAIL_MS) return fail(check, message, remedy);
  return leastMs > CLOCK_WARN_MS
    ? warn(check, message, remedy)
    : ok(check, `NEMO's clock agrees to ${seconds} s`);
}

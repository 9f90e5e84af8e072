import { fileURLToPath } from 'node:url';
import type { Engine } from '../../src/db/dialect.js';
import type { Log } from '../../src/log.js';
import { cleanUp } from '../../src/daemon/clean-up.js';
import { systemClock } from '../../src/clock.js';
import { createLab, type Lab, type LabSettings } from './lab.js';
import { unnumberedName } from './unnumbered-name.js';
import { waitFor } from './wait-for.js';

/** What a pass over a busy lab comes to. */
export const BUSY_COUNTS = { COMPLETED: 4, NO_FILES_FOUND: 1, SKIPPED: 1 } as const;

/** A lab with six sessions on two instruments, none of them built: four with files, one without, one to be skipped. */
export async function makeBusyLab(engine: Engine, settings: LabSettings = {}): Promise<Lab> {
  const lab = await createLab({
    engine,
    instruments: ['titan', 'helios'],
    settings: {
      rules: [{ name: 'service visits', action: 'skip', match: { user: ['service'] } }],
      ...settings,
    },
  });
  for (const [index, instrument] of ['titan', 'titan', 'helios', 'helios'].entries()) {
    const day = `2026-04-0${index + 1}`;
    for (const minute of [10, 12, 40, 42]) {
      lab.spectrum(`${instrument}/${day}/scan-${minute}.msa`, `${day}T09:${minute}:00Z`);
    }
    lab.image(`${instrument}/${day}/overview.tif`, `${day}T09:05:00Z`);
    await lab.log(`session ${day}`, {
      instrument,
      start: `${day}T09:00:00Z`,
      end: `${day}T10:00:00Z`,
    });
  }
  await lab.log('nothing written', { start: '2026-04-10T09:00:00Z', end: '2026-04-10T10:00:00Z' });
  lab.spectrum('titan/2026-04-11/service.msa', '2026-04-11T09:30:00Z');
  await lab.log('service visit', {
    user: 'service',
    start: '2026-04-11T09:00:00Z',
    end: '2026-04-11T10:00:00Z',
  });
  return lab;
}

/** A log that says nothing. */
const SILENT_LOG: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => SILENT_LOG,
};

const SIGNAL_HOOK = fileURLToPath(new URL('./signal-at.mjs', import.meta.url));

/** The environment of a command line that gets a signal at one of its steps, or has them counted. */
export function signalAt(
  what:
    | { readonly step: number; readonly signal: 'SIGKILL' | 'SIGSTOP' | 'SIGTERM' }
    | { readonly countIn: string },
): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${SIGNAL_HOOK}`,
    ...('countIn' in what
      ? { COUNT_STEPS_IN: what.countIn }
      : { AT_STEP: String(what.step), SEND_SIGNAL: what.signal }),
  };
}

/** As if the time of all leases had passed. */
export async function expireLeases(lab: Lab): Promise<void> {
  await lab.database
    .knex('sessions')
    .whereNotNull('lease_owner')
    .update({ lease_expires_at: '2026-01-01T00:00:00.000Z' });
}

/** What the clean-up of the daemon does, with everything counted as old. */
export async function cleanUpAll(lab: Lab): Promise<void> {
  const { database, data, output, records } = lab;
  await cleanUp(
    { database, clock: systemClock, log: SILENT_LOG, paths: { data, output, records } },
    { olderThanMs: -60_000 },
  );
}

/** Adds a session on `titan` that takes seconds to build on any machine. */
export async function addLongSession(lab: Lab): Promise<void> {
  for (let second = 1; second <= 250; second += 1) {
    lab.spectrum(`titan/long/${unnumberedName(second)}.msa`, Date.UTC(2026, 4, 1, 9, 0, second));
  }
  await lab.log('long', { start: '2026-05-01T09:00:00Z', end: '2026-05-01T10:00:00Z' });
}

/** Waits until some process has a lease of a session that has not run out. */
export async function waitForClaim(lab: Lab, identifier: string): Promise<void> {
  await waitFor(`${identifier} is claimed`, async () => {
    const row = await lab.database
      .knex('sessions')
      .where('session_identifier', identifier)
      .first<{ lease_expires_at: string | null }>('lease_expires_at');
    return row.lease_expires_at !== null && Date.parse(row.lease_expires_at) > Date.now();
  });
}

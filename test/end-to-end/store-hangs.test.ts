import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest } from '@jest/globals';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';
import { HangingStore, testWith, whyNoFuse } from '../support/mounts.js';
import { parseRunOnce } from '../support/run-once-document.js';
import { waitFor } from '../support/wait-for.js';

const START = '2026-03-02T09:00:00Z';
const MIDDLE = '2026-03-02T09:30:00Z';
const END = '2026-03-02T10:00:00Z';

jest.setTimeout(180_000);

const noFuse = whyNoFuse();

function sessionOf(result: RunOnceResult, identifier: string) {
  const session = result.sessions.find((one) => one.session_identifier === identifier);
  if (session === undefined) throw new Error(`${identifier} was not taken up:\n${result.stderr}`);
  return session;
}

/** Processes of recordsmith that a run left behind, by their command line. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** Process ids of the children that a log names. */
function childrenIn(log: string): number[] {
  return [...log.matchAll(/"pid":(\d+)/g)].map((match) => Number(match[1]));
}

describe('a store that stops answering', () => {
  let lab: Lab;
  let store: HangingStore;

  beforeEach(async () => {
    lab = await createLab({
      engine: 'sqlite',
      instruments: ['healthy', 'hanging'],
      settings: {
        build: { limits: { look_seconds: 2, file_seconds: 2 } },
        log: { level: 'debug' },
      },
    });
    for (const instrument of ['healthy', 'hanging']) {
      for (const count of [1, 2]) {
        await lab.log(`${instrument} ${count}`, {
          start: START,
          end: END,
          instrument,
          user: 'ada',
        });
      }
    }
    // Its files lie behind the mount.
    rmSync(join(lab.data, 'hanging'), { recursive: true });
    lab.write('hanging-behind/one.msa', MIDDLE);
    lab.spectrum('healthy/one.msa', MIDDLE);
    lab.spectrum('hanging-behind/one.msa', MIDDLE);
    lab.image('hanging-behind/two.tif', MIDDLE);
    if (noFuse === null) {
      store = await HangingStore.mount(join(lab.data, 'hanging-behind'), join(lab.data, 'hanging'));
    }
  });

  afterEach(async () => {
    if (noFuse === null) await store.unmount();
    await lab.remove();
  });

  testWith(noFuse, 'costs its own sessions the look limit and nobody else anything', async () => {
    store.hang();
    const hung = await lab.runOnce();
    expect(hung.code).toBe(0);
    expect(hung.counts).toEqual({ COMPLETED: 1, NO_FILES_FOUND: 1, DEFERRED: 2 });
    for (const identifier of ['hanging 1', 'hanging 2']) {
      expect(sessionOf(hung, identifier)).toMatchObject({
        outcome: 'DEFERRED',
        reason: 'The store hanging did not answer within 2 s.',
      });
    }
    expect(sessionOf(hung, 'healthy 1').duration_ms).toBeLessThan(60_000);
    const left = await lab.database
      .knex('session_log')
      .where({ event_type: 'RECORD_GENERATION' })
      .pluck('session_identifier');
    expect(left.every((identifier) => String(identifier).startsWith('healthy'))).toBe(true);

    // Nothing of the run stays behind: neither a process nor something staged.
    store.goOn();
    const children = childrenIn(hung.stderr);
    expect(children.length).toBeGreaterThan(0);
    await waitFor('its children have ended', () => !children.some(isRunning));
    expect(lab.files(lab.output).filter((name) => name.startsWith('.recordsmith'))).toEqual([]);

    const back = await lab.runOnce(['--session', 'hanging 1', '--session', 'hanging 2']);
    expect(back.counts).toEqual({ COMPLETED: 1, NO_FILES_FOUND: 1 });
  });

  testWith(noFuse, 'while a reader reads defers too: no record without the metadata', async () => {
    const running = lab.start(['--run-once', '--json', '--session', 'hanging 1']);
    await waitFor('a look came through', async () => {
      const rows = await lab.database.knex('file_verdicts').select('location').limit(1);
      return rows.length > 0;
    });
    store.hang();
    const ended = await running.ended;
    expect(ended.code).toBe(0);
    const { counts, sessions } = parseRunOnce(ended.stdout);
    expect(counts).toEqual({ DEFERRED: 1 });
    expect(sessions[0]?.reason).toMatch(
      /STORE_UNAVAILABLE: (one\.msa|two\.tif) cannot be read: The store hanging did not answer within 2 s\./,
    );
    store.goOn();
    await waitFor('its children have ended', () => !childrenIn(ended.stderr).some(isRunning));
    expect(lab.files(lab.records)).toEqual([]);
    expect(lab.files(lab.output)).toEqual([]);

    const built = sessionOf(await lab.runOnce(['--session', 'hanging 1']), 'hanging 1');
    expect(built.outcome).toBe('COMPLETED');
    expect(lab.read(built.record ?? '')).toContain('Acceleration Voltage');
  });
});

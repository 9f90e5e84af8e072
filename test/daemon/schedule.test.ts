import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { Schedule } from '../../src/daemon/schedule.js';
import { createLog } from '../../src/log.js';
import { waitFor } from '../support/wait-for.js';

/** Once in four years: whatever runs was asked for. */
const HARDLY_EVER = '0 0 29 2 *';

/** A schedule whose runs end when they are told to. */
function makeSchedule() {
  const ends: (() => void)[] = [];
  let begun = 0;
  const schedule = new Schedule({
    name: 'test',
    when: HARDLY_EVER,
    run: () => {
      begun += 1;
      return new Promise((resolve) => ends.push(resolve));
    },
    log: createLog(
      { level: 'error', format: 'json', file: null },
      { stream: new PassThrough().resume() },
    ),
  });
  return { schedule, begun: () => begun, endRun: () => ends.shift()?.() };
}

test('a wake runs at once; those that come during a run have it run once more', async () => {
  const { schedule, begun, endRun } = makeSchedule();
  schedule.wake();
  expect(begun()).toBe(1);
  schedule.wake();
  schedule.wake();
  expect(begun()).toBe(1);
  endRun();
  await waitFor('it runs once more', () => begun() === 2);
  endRun();
  await waitFor('it rests', () => !schedule.state.running);
  expect(begun()).toBe(2);
  await schedule.stop();
});

test('asking to run joins the run that is going on', async () => {
  const { schedule, begun, endRun } = makeSchedule();
  const runs = [schedule.runNow(), schedule.runNow()];
  endRun();
  await Promise.all(runs);
  expect(begun()).toBe(1);
  await schedule.stop();
});

test('a schedule that was stopped waits for its run and runs no more, woken or not', async () => {
  const { schedule, begun, endRun } = makeSchedule();
  schedule.wake();
  schedule.wake();
  const stopped = schedule.stop();
  endRun();
  await stopped;
  schedule.wake();
  await schedule.runNow();
  expect(begun()).toBe(1);
  expect(schedule.state.running).toBe(false);
});

import { describe, expect, test } from '@jest/globals';
import {
  assembleSession,
  SESSION_PROBLEMS,
  type LogEvent,
  type Override,
} from '../../src/sessions/assemble-sessions.js';

function event(
  eventType: 'START' | 'END',
  atMs: number,
  changes: Partial<LogEvent> = {},
): LogEvent {
  return {
    eventType,
    atMs,
    instrumentPid: 'titan',
    user: 'ada',
    status: 'TO_BE_BUILT',
    source: 'nemo',
    ...changes,
  };
}

function override(field: Override['field'], value: string | null): Override {
  return { field, value, sourceValue: null, who: 'eve', at: '2026-01-01T00:00:00.000Z', why: null };
}

describe('assembling a session', () => {
  test('makes a session to be built of a START and an END', () => {
    expect(assembleSession([event('END', 20), event('START', 10)], [])).toEqual({
      instrumentPid: 'titan',
      user: 'ada',
      startMs: 10,
      endMs: 20,
      source: 'nemo',
      status: 'TO_BE_BUILT',
      problem: null,
    });
  });

  test('takes an END at the START', () => {
    expect(assembleSession([event('START', 10), event('END', 10)], []).problem).toBeNull();
  });

  test('waits for the END of a START, whatever status its writer gave it', () => {
    const { status, problem } = assembleSession([event('START', 10)], []);
    expect([status, problem]).toEqual(['WAITING_FOR_END', null]);
  });

  test('is to be built when only one of the rows says so', () => {
    const rows = [event('START', 10, { status: 'WAITING_FOR_END' }), event('END', 20)];
    expect(assembleSession(rows, [])).toMatchObject({ status: 'TO_BE_BUILT', problem: null });
  });

  test.each([
    ['END_WITHOUT_START', [event('END', 20)]],
    ['END_BEFORE_START', [event('START', 20), event('END', 10)]],
    ['INSTRUMENTS_DISAGREE', [event('START', 10), event('END', 20, { instrumentPid: 'quanta' })]],
    ['USERS_DISAGREE', [event('START', 10), event('END', 20, { user: 'bob' })]],
    ['STATUSES_DISAGREE', [event('START', 10, { status: 'COMPLETED' }), event('END', 20)]],
    ['LOG_ROWS_MISSING', []],
  ] as const)('names the problem %s', (problem, rows) => {
    expect(assembleSession(rows, []).problem).toBe(problem);
    expect(SESSION_PROBLEMS[problem].remedy).toContain('recordsmith');
  });

  test('takes a user that one row does not name from the other', () => {
    const rows = [event('START', 10), event('END', 20, { user: null })];
    expect(assembleSession(rows, [])).toMatchObject({ user: 'ada', problem: null });
  });

  test('lets corrections win and end the disagreement they are about', () => {
    const rows = [event('START', 30), event('END', 20, { user: 'bob', instrumentPid: 'quanta' })];
    const corrections = [
      override('start', '1970-01-01T00:00:00.005Z'),
      override('user', 'eve'),
      override('instrument', 'nova'),
    ];
    expect(assembleSession(rows, corrections)).toMatchObject({
      startMs: 5,
      endMs: 20,
      user: 'eve',
      instrumentPid: 'nova',
      problem: null,
    });
  });

  test('takes a corrected END for a missing one', () => {
    const corrected = [override('end', '1970-01-01T00:00:00.050Z')];
    expect(assembleSession([event('START', 10)], corrected)).toMatchObject({
      endMs: 50,
      status: 'TO_BE_BUILT',
    });
  });
});

import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { planDemo, type DemoSession } from '../../src/demo/demo-plan.js';

const FOREVER = Infinity;

/** Pairs of sessions on one instrument whose times overlap. */
function overlaps(sessions: readonly DemoSession[]): string[] {
  const whole = sessions.flatMap(({ identifier, instrumentPid, start, end }) => {
    const from = start?.toMillis();
    const to = end?.toMillis() ?? FOREVER;
    return from === undefined || to < from ? [] : [{ identifier, instrumentPid, from, to }];
  });
  return whole.flatMap((one, index) =>
    whole
      .slice(index + 1)
      .filter(
        (other) =>
          other.instrumentPid === one.instrumentPid && other.from < one.to && one.from < other.to,
      )
      .map((other) => `${one.identifier} ${other.identifier}`),
  );
}

describe.each([
  ['an ordinary day', '2026-06-17T12:34:56.789Z'],
  ['just after midnight in Berlin', '2026-06-16T22:00:01.000Z'],
  ['just before midnight in New York', '2026-06-18T03:59:59.999Z'],
  ['the hour that is skipped in Berlin', '2026-03-29T01:00:00.000Z'],
  ['the hour that comes twice in New York', '2026-11-01T06:30:00.000Z'],
  ['the turn of the year', '2027-01-01T00:00:00.000Z'],
  ['the day after a leap day', '2028-03-01T00:10:00.000Z'],
])('the sessions of the demo, made on %s', (_what, text) => {
  const now = DateTime.fromISO(text, { zone: 'utc' }) as DateTime<true>;
  const sessions = planDemo(now);

  test('nothing lies in the future', () => {
    const times = sessions.flatMap(({ start, end, files }) => [
      ...(start === null ? [] : [start]),
      ...(end === null ? [] : [end]),
      ...files.map(({ written }) => written),
    ]);
    expect(times.filter((time) => time > now)).toEqual([]);
  });

  test('every file is written between START and END of its session', () => {
    for (const { start, end, files } of sessions) {
      for (const { written } of files) {
        expect(written.toMillis()).toBeGreaterThan(start?.toMillis() ?? FOREVER);
        expect(written.toMillis()).toBeLessThanOrEqual(end?.toMillis() ?? -FOREVER);
      }
    }
  });

  test('only the pair that is to overlap overlaps', () => {
    expect(overlaps(sessions)).toEqual(['overlap-eve overlap-omar']);
  });

  test('the session that waits for files is inside the file delay, the one without any is not', () => {
    const daysSinceEnd = (identifier: string): number =>
      now
        .diff(sessions.find((session) => session.identifier === identifier)?.end ?? now)
        .as('days');
    expect(daysSinceEnd('no-files-yet')).toBeLessThan(2);
    expect(daysSinceEnd('no-files')).toBeGreaterThan(2);
  });
});

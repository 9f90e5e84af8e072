import { describe, expect, test } from '@jest/globals';
import { RECORD_STATUSES, type RecordStatus } from '../../src/domain/record-status.js';
import {
  assertTransition,
  causesOf,
  isTransitionAllowed,
  TRANSITION_CAUSES,
  type TransitionCause,
} from '../../src/sessions/transitions.js';

const BUILT = 'COMPLETED BUILT_NOT_EXPORTED NO_FILES_FOUND NO_CONSENT NO_RESERVATION ERROR SKIPPED';

/** The matrix of the specification, written out once more: cause, from (- is none), to. */
const EXPECTED: readonly (readonly [TransitionCause, string, string])[] = [
  ['start arrives', '- CANCELLED', 'WAITING_FOR_END TO_BE_BUILT'],
  ['start arrives', 'WAITING_FOR_END', 'TO_BE_BUILT'],
  ['end arrives', '-', 'WAITING_FOR_END TO_BE_BUILT'],
  ['end arrives', 'WAITING_FOR_END', 'TO_BE_BUILT'],
  ['end withdrawn', `WAITING_FOR_END TO_BE_BUILT ${BUILT}`, 'WAITING_FOR_END'],
  ['inputs change', BUILT, 'TO_BE_BUILT'],
  ['inputs change', 'WAITING_FOR_END', 'WAITING_FOR_END'],
  ['inputs change', 'TO_BE_BUILT', 'TO_BE_BUILT'],
  ['inputs change', 'CANCELLED', 'CANCELLED'],
  ['build settles', 'TO_BE_BUILT', BUILT],
  ['export fulfilled', 'BUILT_NOT_EXPORTED', 'COMPLETED'],
  ['source forgot', 'WAITING_FOR_END TO_BE_BUILT', 'CANCELLED'],
  ['retry', `TO_BE_BUILT CANCELLED ${BUILT}`, 'TO_BE_BUILT'],
  ['cancel', `WAITING_FOR_END TO_BE_BUILT CANCELLED ${BUILT}`, 'CANCELLED'],
  ['release', 'CANCELLED', 'WAITING_FOR_END TO_BE_BUILT'],
];

function isExpected(cause: TransitionCause, from: RecordStatus | null, to: RecordStatus): boolean {
  return EXPECTED.some(
    ([expectedCause, froms, tos]) =>
      expectedCause === cause &&
      froms.split(' ').includes(from ?? '-') &&
      tos.split(' ').includes(to),
  );
}

describe('the table of transitions', () => {
  test.each(TRANSITION_CAUSES)(
    'allows what the matrix says for "%s" and refuses all else',
    (cause) => {
      for (const from of [null, ...RECORD_STATUSES]) {
        for (const to of RECORD_STATUSES) {
          const allowed = isTransitionAllowed(cause, from, to);
          expect([cause, from, to, allowed]).toEqual([
            cause,
            from,
            to,
            isExpected(cause, from, to),
          ]);
        }
      }
    },
  );

  test('refuses with the session, both statuses and a remedy', () => {
    expect(() => assertTransition('build settles', 'COMPLETED', 'ERROR', 'id-1')).toThrow(
      expect.objectContaining({
        code: 'TRANSITION_NOT_ALLOWED',
        message: expect.stringMatching(/id-1.*COMPLETED.*ERROR/),
        remedy: expect.any(String),
      }),
    );
  });

  test('names the causes of a change', () => {
    expect(causesOf('COMPLETED', 'TO_BE_BUILT')).toEqual(['inputs change', 'retry']);
    expect(causesOf('COMPLETED', 'ERROR')).toEqual([]);
  });
});

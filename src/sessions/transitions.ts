import { BUILD_OUTCOMES, RECORD_STATUSES, type RecordStatus } from '../domain/record-status.js';
import { AppError } from '../errors.js';

/** What can change the status of a session. */
export const TRANSITION_CAUSES = [
  'start arrives',
  'end arrives',
  'end withdrawn',
  'inputs change',
  'build settles',
  'export fulfilled',
  'source forgot',
  'retry',
  'cancel',
  'release',
] as const;
export type TransitionCause = (typeof TRANSITION_CAUSES)[number];

/** Nothing more happens to a session in one of these by itself. */
export const FINAL_STATUSES = [
  ...BUILD_OUTCOMES,
  'CANCELLED',
] as const satisfies readonly RecordStatus[];

const BUILT: readonly RecordStatus[] = FINAL_STATUSES.filter((status) => status !== 'CANCELLED');
const UNBUILT: readonly RecordStatus[] = ['WAITING_FOR_END', 'TO_BE_BUILT'];

type From = RecordStatus | 'none';

/** Every allowed change: cause, then from, then what it may become. Whatever is not here is refused. */
const TABLE: Readonly<
  Record<TransitionCause, readonly (readonly [readonly From[], readonly RecordStatus[]])[]>
> = {
  // "As its rows say" is WAITING_FOR_END without and TO_BE_BUILT with an END.
  'start arrives': [
    [['none', 'CANCELLED'], UNBUILT],
    // An END that came first waits for its START.
    [['WAITING_FOR_END'], ['TO_BE_BUILT']],
  ],
  'end arrives': [
    [['none'], UNBUILT],
    [['WAITING_FOR_END'], ['TO_BE_BUILT']],
  ],
  'end withdrawn': [[[...UNBUILT, ...BUILT], ['WAITING_FOR_END']]],
  'inputs change': [
    [BUILT, ['TO_BE_BUILT']],
    [['WAITING_FOR_END'], ['WAITING_FOR_END']],
    [['TO_BE_BUILT'], ['TO_BE_BUILT']],
    [['CANCELLED'], ['CANCELLED']],
  ],
  'build settles': [[['TO_BE_BUILT'], BUILD_OUTCOMES]],
  'export fulfilled': [[['BUILT_NOT_EXPORTED'], ['COMPLETED']]],
  'source forgot': [[UNBUILT, ['CANCELLED']]],
  retry: [[['TO_BE_BUILT', ...FINAL_STATUSES], ['TO_BE_BUILT']]],
  cancel: [[RECORD_STATUSES, ['CANCELLED']]],
  release: [[['CANCELLED'], UNBUILT]],
};

/** Whether the cause may change the status so. `null`: there is no session yet. */
export function isTransitionAllowed(
  cause: TransitionCause,
  from: RecordStatus | null,
  to: RecordStatus,
): boolean {
  return TABLE[cause].some(([froms, tos]) => froms.includes(from ?? 'none') && tos.includes(to));
}

/** The causes that allow the change; empty: nothing does. */
export function causesOf(from: RecordStatus | null, to: RecordStatus): readonly TransitionCause[] {
  return TRANSITION_CAUSES.filter((cause) => isTransitionAllowed(cause, from, to));
}

/**
 * Refuses a change that is not in the table.
 * @throws AppError TRANSITION_NOT_ALLOWED.
 */
export function assertTransition(
  cause: TransitionCause,
  from: RecordStatus | null,
  to: RecordStatus,
  sessionIdentifier: string,
): void {
  if (isTransitionAllowed(cause, from, to)) return;
  throw new AppError(
    'TRANSITION_NOT_ALLOWED',
    `The session ${sessionIdentifier} cannot change from ${from ?? 'nothing'} to ${to} (${cause}).`,
    {
      remedy: 'See `recordsmith sessions show` for its status and what can be done.',
      details: { sessionIdentifier, cause, from, to },
    },
  );
}

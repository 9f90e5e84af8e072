import type { AppError } from '../../errors.js';

/** What a check can come to; only `fail` is a failure. */
export const CHECK_STATES = ['ok', 'warn', 'fail'] as const;
export type CheckState = (typeof CHECK_STATES)[number];

/** One line of `recordsmith doctor`. */
export interface CheckResult {
  /** What was checked: `database`, `folder titan`. */
  readonly check: string;
  readonly state: CheckState;
  /** What was found, for people. */
  readonly message: string;
  /** What a person can do; null where nothing has to be done. */
  readonly remedy: string | null;
  /** Something was wrong and --repair has put it right. */
  readonly mended: boolean;
  /** What was found, for programs; absent: nothing but the message. */
  readonly details?: Readonly<Record<string, string | number | null>>;
}

/** All is well. */
export function ok(check: string, message: string): CheckResult {
  return { check, state: 'ok', message, remedy: null, mended: false };
}

/** Works, but somebody should know. */
export function warn(check: string, message: string, remedy: string | null): CheckResult {
  return { check, state: 'warn', message, remedy, mended: false };
}

/** Sessions will not be built, or records are not right, before a person does something. */
export function fail(check: string, message: string, remedy: string | null): CheckResult {
  return { check, state: 'fail', message, remedy, mended: false };
}

/** It was wrong, and is right now. */
export function mended(check: string, message: string): CheckResult {
  return { check, state: 'ok', message, remedy: null, mended: true };
}

/** A check that ended in an error has failed. */
export function failedBy(check: string, error: AppError): CheckResult {
  return fail(check, error.message, error.remedy ?? null);
}

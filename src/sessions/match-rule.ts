import type { Session } from '../domain/session.js';

/** A rule of the configuration that says which sessions get a record. */
export interface SessionRule {
  readonly name: string;
  readonly action: 'build' | 'skip';
  /** All that are given must match; a rule without conditions matches every session. */
  readonly match: {
    readonly users?: readonly string[] | undefined;
    readonly instruments?: readonly string[] | undefined;
    /** Matches sessions shorter than this, in minutes. */
    readonly shorterThanMinutes?: number | undefined;
    /** Matches sessions longer than this, in minutes. */
    readonly longerThanMinutes?: number | undefined;
  };
}

function matches(rule: SessionRule, session: Session): boolean {
  const { users, instruments, shorterThanMinutes, longerThanMinutes } = rule.match;
  const minutes = session.end.diff(session.start).as('minutes');
  return (
    (users === undefined || (session.user !== null && users.includes(session.user))) &&
    (instruments === undefined || instruments.includes(session.instrumentPid)) &&
    (shorterThanMinutes === undefined || minutes < shorterThanMinutes) &&
    (longerThanMinutes === undefined || minutes > longerThanMinutes)
  );
}

/** The first rule that matches the session, or null: nothing says it should be skipped. */
export function matchRule(rules: readonly SessionRule[], session: Session): SessionRule | null {
  return rules.find((rule) => matches(rule, session)) ?? null;
}

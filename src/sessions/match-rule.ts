import type { Session } from '../domain/session.js';
import type { SourceFacts } from '../domain/source-answer.js';

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
    /** Names of projects and groups, and what the source says of the session: never of one whose source does not tell. */
    readonly projects?: readonly string[] | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly training?: boolean | undefined;
    readonly remoteWork?: boolean | undefined;
  };
}

/** What is known of what the source says: nothing yet, that it has nothing to say (null), or its words. */
export type KnownFacts = 'not known yet' | SourceFacts | null;

/** What the rules say of a session. */
export type RuleMatch =
  | { readonly kind: 'matched'; readonly rule: SessionRule }
  /** Nothing says it should be skipped. */
  | { readonly kind: 'none' }
  /** It depends on what the source says. */
  | { readonly kind: 'open' };

function matchesSession({ match }: SessionRule, session: Session): boolean {
  const { users, instruments, shorterThanMinutes, longerThanMinutes } = match;
  const minutes = session.end.diff(session.start).as('minutes');
  return (
    (users === undefined || (session.user !== null && users.includes(session.user))) &&
    (instruments === undefined || instruments.includes(session.instrumentPid)) &&
    (shorterThanMinutes === undefined || minutes < shorterThanMinutes) &&
    (longerThanMinutes === undefined || minutes > longerThanMinutes)
  );
}

function asksSource({ match }: SessionRule): boolean {
  const { projects, groups, training, remoteWork } = match;
  return [projects, groups, training, remoteWork].some((condition) => condition !== undefined);
}

function matchesFacts({ match }: SessionRule, facts: SourceFacts): boolean {
  const { projects, groups, training, remoteWork } = match;
  return (
    (projects === undefined || (facts.project !== null && projects.includes(facts.project))) &&
    (groups === undefined || (facts.group !== null && groups.includes(facts.group))) &&
    (training === undefined || training === facts.training) &&
    (remoteWork === undefined || remoteWork === facts.remoteWork)
  );
}

/** The first rule that matches the session, as far as it can be told from what is known. */
export function matchRule(
  rules: readonly SessionRule[],
  session: Session,
  facts: KnownFacts,
): RuleMatch {
  for (const rule of rules) {
    if (!matchesSession(rule, session)) continue;
    if (!asksSource(rule)) return { kind: 'matched', rule };
    if (facts === 'not known yet') return { kind: 'open' };
    if (facts !== null && matchesFacts(rule, facts)) return { kind: 'matched', rule };
  }
  return { kind: 'none' };
}

/** The rule by which a session is skipped; null: none, or none that is known to. */
export function skippingRule(
  rules: readonly SessionRule[],
  session: Session,
  facts: KnownFacts,
): SessionRule | null {
  const match = matchRule(rules, session, facts);
  return match.kind === 'matched' && match.rule.action === 'skip' ? match.rule : null;
}

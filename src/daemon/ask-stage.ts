import type { SettledAnswer } from '../db/source-answer-store.js';
import type { Session } from '../domain/session.js';
import type { SourceDetails } from '../domain/source-answer.js';
import { skippingRule, type KnownFacts } from '../sessions/match-rule.js';
import { deferred, settled, type BuildEnding } from './build-ending.js';
import type { BuildEnvironment } from './build-environment.js';
import { AWAY_RETRY_MS } from './give-up.js';

/** How long until a source is asked again for an event that it does not know: whoever harvests it cancels the session. */
const GONE_RETRY_MS = 15 * 60_000;

/** What rules and source say of a session. */
export type AskOutcome =
  | {
      readonly kind: 'build';
      /** Null: no source tells anything. */
      readonly details: SourceDetails | null;
      /** What the source answered, to be settled with the build; null: none was asked. */
      readonly settled: SettledAnswer | null;
    }
  | { readonly kind: 'ending'; readonly ending: BuildEnding };

/** What asking needs. */
export interface AskStageOptions {
  readonly environment: Pick<BuildEnvironment, 'rules' | 'ask'>;
  readonly session: Session;
  readonly signal: AbortSignal;
}

/**
 * Whether there is to be a record at all, before any file is opened: by the rules, then by consent and reservation as the
 * source tells them now. A source that does not answer puts the session off.
 * @throws AppError when the database cannot be reached, or ABORTED.
 */
export async function askStage({
  environment,
  session,
  signal,
}: AskStageOptions): Promise<AskOutcome> {
  const { rules } = environment;
  const skipped = (facts: KnownFacts): BuildEnding | null => {
    const rule = skippingRule(rules, session, facts);
    return rule === null ? null : settled('SKIPPED', `rule: ${rule.name}`);
  };
  const skippedUnasked = skipped('not known yet');
  if (skippedUnasked !== null) return { kind: 'ending', ending: skippedUnasked };
  const answer = await environment.ask(session, signal);
  if (answer.kind === 'gone') {
    return { kind: 'ending', ending: deferred(answer.reason, GONE_RETRY_MS) };
  }
  if (answer.kind === 'away') {
    const retryInMs = Math.max(AWAY_RETRY_MS, answer.retryAfterMs ?? 0);
    const away = answer.isWholeSource ? 'source' : null;
    return { kind: 'ending', ending: deferred(answer.reason, retryInMs, { away }) };
  }
  const ending = skipped(answer.facts);
  if (ending !== null) return { kind: 'ending', ending };
  if (answer.kind === 'refused') {
    const refused = settled(answer.outcome, answer.reason);
    return { kind: 'ending', ending: withAnswer(refused, answer.settled) };
  }
  return answer.kind === 'answered'
    ? { kind: 'build', details: answer.details, settled: answer.settled }
    : { kind: 'build', details: null, settled: null };
}

/** The ending with what the source answered, where it settles the session and does not have a later answer. */
export function withAnswer(ending: BuildEnding, answer: SettledAnswer | null): BuildEnding {
  return ending.kind === 'settle' && answer !== null ? { sourceAnswer: answer, ...ending } : ending;
}

import type { NemoSourceSettings } from '../../config/sources-schema.js';
import type { FormAnswers } from '../../sources/nemo/form-answers.js';
import type { Reservation, UsageEvent } from '../../sources/nemo/nemo-rows.js';
import type { NemoTime } from '../../sources/nemo/nemo-times.js';
import { fail, ok, warn, type CheckResult } from './check-result.js';

/** The newest rows of a NEMO. */
export interface NewestRows {
  readonly usageEvents: readonly UsageEvent[];
  /** Null: they may not be read. */
  readonly reservations: readonly Reservation[] | null;
}

/** Milliseconds: times without offset are off by so much at least when the zone is wrong. */
const QUARTER_HOUR_MS = 900_000;

/** Can the times of NEMO be read, and do they say what they mean. */
export function checkTimes(
  { name, timezone }: NemoSourceSettings,
  { usageEvents, reservations }: NewestRows,
  nowMs: number,
): CheckResult {
  const check = `times ${name}`;
  const times: readonly NemoTime[] = [...usageEvents, ...(reservations ?? [])].map(
    ({ start }) => start,
  );
  const [sample] = times;
  if (sample === undefined) return ok(check, 'no usage event or reservation to look at');
  const withoutOffset = times.find((time) => !/(?:z|[+-]\d{2}:?\d{2})\s*$/i.test(time.text));
  if (withoutOffset !== undefined && timezone === null) {
    return fail(
      check,
      `NEMO writes times without offset, such as '${withoutOffset.text}'`,
      'Set timezone of the source to TIME_ZONE of the NEMO server, such as America/New_York.',
    );
  }
  const ahead = usageEvents.find(({ start }) => start.epochMs > nowMs + QUARTER_HOUR_MS);
  if (ahead !== undefined) {
    return warn(
      check,
      `the usage event ${ahead.id} began in the future: '${ahead.start.text}' is read as ${new Date(ahead.start.epochMs).toISOString()}`,
      'Set timezone of the source to TIME_ZONE of the NEMO server, and check the clock of both machines.',
    );
  }
  return ok(check, `'${sample.text}' is read as ${new Date(sample.epochMs).toISOString()}`);
}

/** Is the question for consent among those that NEMO asks: if not, no session would get a record. */
export function checkConsentQuestion(
  { name, consent, questions }: NemoSourceSettings,
  { usageEvents, reservations }: NewestRows,
): CheckResult {
  const check = `consent ${name}`;
  if (consent !== 'required') return ok(check, `not needed for a record (consent: ${consent})`);
  const forms: readonly FormAnswers[] = [
    ...usageEvents.flatMap(({ preRunData, runData }) => [preRunData, runData]),
    ...(reservations ?? []).map(({ questionData }) => questionData),
  ];
  const looked = `${usageEvents.length} usage events${reservations === null ? '' : ` and ${reservations.length} reservations`}`;
  if (usageEvents.length + (reservations?.length ?? 0) === 0) {
    return ok(check, 'no usage event or reservation to look at');
  }
  const isAsked = forms.some(
    (form) => form.kind === 'answers' && Object.hasOwn(form.questions, questions.consent),
  );
  return isAsked
    ? ok(check, `the question ${questions.consent} is asked`)
    : warn(
        check,
        `the question ${questions.consent} is in none of the newest ${looked}: every session would end as NO_CONSENT`,
        `Ask it in NEMO (tool usage or reservation questions), name it as it is called there (sources: questions.consent), or set consent to opt-out or off.`,
      );
}

import cron from 'node-cron';
import { DateTime } from 'luxon';
import { z } from 'zod';
import { isTimeZone, nearestZone } from './time-zone-name.js';

/** What sends sessions to recordsmith: the entries of `sources`. */

const SECRET = { secret: true } as const;

const text = z.string().trim().min(1);
const count = z.int().min(1);
const seconds = z.number().positive();
const schedule = text.refine((value) => cron.validate(value), {
  message: 'a cron expression such as `17 * * * *` (minute hour day month weekday)',
});
const timezone = text.superRefine((value, context) => {
  if (isTimeZone(value)) return;
  const nearest = nearestZone(value);
  const meant = nearest === null ? '' : ` (did you mean ${nearest}?)`;
  context.addIssue({
    code: 'custom',
    message: `an IANA time zone such as Europe/Berlin${meant}`,
  });
});
const address = text.refine(
  isApiAddress,
  'the address of the REST interface, such as https://nemo.example.org/api/, without user and query',
);
const instant = text.refine(
  (value) =>
    /(?:Z|[+-]\d{2}:?\d{2})$/i.test(value) && DateTime.fromISO(value, { setZone: true }).isValid,
  'an instant with its offset, such as 2026-11-22T00:00:00Z',
);

function isApiAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, search, hash, pathname } = new URL(value);
  return (
    /^https?:$/.test(protocol) &&
    [username, password, search, hash].every((part) => part === '') &&
    /\/api\/?$/.test(pathname)
  );
}

/** Names the source in log rows, in the webhook's address and in variables of the environment. */
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'a name of lower-case letters, digits and -, such as nemo');

const webhook = z.strictObject({
  scheme: z.enum(['standard-webhooks', 'django-webhook', 'x-hub-signature-256', 'static-token']),
  secrets: z.array(text).min(1).meta(SECRET),
  tolerance_s: seconds.max(3600).default(300),
});

/** The names of NEMO's questions, as NexusLIMS has them. */
const questions = z.strictObject({
  consent: text.default('data_consent'),
  refusals: z.array(text).min(1).default(['disagree', 'no', 'false', 'negative']),
  title: text.default('experiment_title'),
  purpose: text.default('experiment_purpose'),
  project: text.default('project_id'),
  samples: text.default('sample_group'),
  sample_name: text.default('sample_name'),
  sample_kind: text.default('sample_or_pid'),
  sample_details: text.default('sample_details'),
  sample_elements: text.default('periodic_table'),
});

const nemo = z.strictObject({
  name,
  kind: z.literal('nemo'),
  url: address,
  token: z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]+$/, 'the token as NEMO shows it, 40 hexadecimal digits')
    .nullable()
    .default(null)
    .meta(SECRET),
  timezone: timezone.nullable().default(null),
  datetime_format: text.nullable().default(null),
  since: instant.nullable().default(null),
  look_back_days: count.max(3650).default(30),
  poll_s: seconds.min(5).max(3600).default(30),
  adjustments_s: seconds.min(30).default(300),
  reconcile: schedule.default('17 * * * *'),
  timeout_s: seconds.default(30),
  user: z.enum(['customer', 'operator']).default('customer'),
  consent: z.enum(['required', 'opt-out', 'off']),
  reservation: z.enum(['optional', 'required']).default('optional'),
  questions: questions.prefault({}),
  webhook: webhook.nullable().default(null),
});

const autoClose = z.enum(['off', 'next-start', 'idle'], 'off, next-start or idle');
const idleMinutes = z.number('a number of minutes').positive('a number of minutes above 0');

const instrumentPc = z.strictObject({
  name,
  kind: z.literal('instrument-pc'),
  auto_close: autoClose.default('off'),
  idle_minutes: idleMinutes.default(60),
});

/** The keys of an instrument-pc source that an instrument can set for itself. */
export const instrumentAutoCloseSchema = z.strictObject({
  auto_close: autoClose.optional(),
  idle_minutes: idleMinutes.optional(),
});

/** Whether times in this strftime format tell their offset. */
function saysOffset(format: string): boolean {
  return format.replaceAll('%%', '').includes('%z');
}

/** The entries of `sources`. */
export const sourcesSchema = z
  .array(z.discriminatedUnion('kind', [nemo, instrumentPc]))
  .default([])
  .superRefine((sources, context) => {
    const names = new Set<string>();
    const firstPc = sources.findIndex(({ kind }) => kind === 'instrument-pc');
    sources.forEach((source, index) => {
      const fault = (key: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [index, key], message });
      if (names.has(source.name)) fault('name', 'a name no other source has');
      names.add(source.name);
      if (source.kind === 'instrument-pc' && index !== firstPc) {
        fault('kind', 'only one source of this kind: it is for the PCs of all instruments');
      }
      if (source.kind !== 'nemo') return;
      if (source.token === null && source.webhook === null) {
        fault('token', 'a token of the REST interface, or a webhook, or both');
      }
      const format = source.datetime_format;
      if (format !== null && !saysOffset(format) && source.timezone === null) {
        fault('timezone', 'the time zone of the NEMO server, needed with datetime_format');
      }
    });
  });

/** A source of session log events. */
export type SourceSettings = z.output<typeof sourcesSchema>[number];
export type NemoSourceSettings = Extract<SourceSettings, { readonly kind: 'nemo' }>;
export type InstrumentPcSourceSettings = Extract<
  SourceSettings,
  { readonly kind: 'instrument-pc' }
>;

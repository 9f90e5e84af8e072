import { z } from 'zod';
import { cleanText } from '../db/clean-text.js';
import { EVENT_TYPES } from '../domain/record-status.js';
import { AppError } from '../errors.js';

/** Without what no database holds, before anything is looked up by it. */
const text = (longest: number) =>
  z.string('expected text').overwrite(cleanText).trim().min(1).max(longest);

/** A START or END as an instrument PC sends it. */
export const eventSchema = z.strictObject({
  instrument: text(255).describe('Key of the instrument'),
  event: z.enum(['START', 'END'], 'expected START or END'),
  session_identifier: text(255)
    .nullish()
    .describe('Identifier or key. Without it a START gets one, and an END ends the only open one'),
  user: text(255).nullish().describe('User name of who uses the instrument'),
  timestamp: text(100)
    .nullish()
    .describe('When it was, ISO 8601; without offset in the zone of the instrument. Default: now'),
  sent_at: text(100)
    .nullish()
    .describe('What the clock of the PC shows while it sends this: tells how far it is off'),
  note: text(1024).nullish().describe('Kept with the session and in its record'),
});
export type EventBody = z.output<typeof eventSchema>;

/** Events of a queue that are taken at a time. */
const MOST_EVENTS = 500;

const listSchema = z.array(eventSchema).min(1).max(MOST_EVENTS);

/** What POST takes, for the description of the interface. */
export const bodySchema = z.union([eventSchema, listSchema]);

/** The query of GET. */
export const listQuerySchema = z.strictObject({
  instrument: text(255).optional(),
  session: text(255).optional().describe('Identifier or key'),
  event: z.enum(EVENT_TYPES).optional(),
  from: text(100).optional().describe('ISO 8601; events at or after it'),
  to: text(100).optional().describe('ISO 8601; events before it'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'expected next_cursor of the page before')
    .optional(),
});

/** What is wrong, key by key. */
function faultsOf({ issues }: z.ZodError): { readonly key: string; readonly message: string }[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => ({
        key: [...issue.path, name].join('.'),
        message: 'unknown key',
      }));
    }
    return [{ key: issue.path.join('.'), message: issue.message }];
  });
}

function parsed<Output>(
  schema: z.ZodType<Output>,
  value: unknown,
  what: { readonly code: 'BODY_INVALID' | 'INPUT_INVALID'; readonly name: string },
): Output {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const faults = faultsOf(checked.error);
  const lines = faults.map(({ key, message }) => (key === '' ? message : `${key}: ${message}`));
  throw new AppError(what.code, `${what.name} is wrong: ${lines.join('; ')}.`, {
    cause: checked.error,
    remedy: 'See docs/instrument-pc.md for what is expected.',
    details: { faults },
  });
}

/** What a body holds. */
export type ReadEvents =
  | { readonly kind: 'one'; readonly event: EventBody }
  | { readonly kind: 'queue'; readonly events: readonly EventBody[] };

/** The event of a body, or the events of a queue. @throws AppError BODY_INVALID naming each wrong key. */
export function readEvents(body: unknown): ReadEvents {
  const what = { code: 'BODY_INVALID', name: 'The body' } as const;
  // Not by the union: its faults would be those of both.
  return Array.isArray(body)
    ? { kind: 'queue', events: parsed(listSchema, body, what) }
    : { kind: 'one', event: parsed(eventSchema, body, what) };
}

/** The query of GET. @throws AppError INPUT_INVALID naming each wrong key. */
export function readListQuery(query: unknown): z.output<typeof listQuerySchema> {
  return parsed(listQuerySchema, query, { code: 'INPUT_INVALID', name: 'The query' });
}

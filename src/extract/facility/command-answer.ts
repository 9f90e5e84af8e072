import { z } from 'zod';
import { DATASET_ROLES, DATASET_TYPES } from '../../domain/file-metadata.js';
import { AppError, toError } from '../../errors.js';
import type { ExtractedFile, ExtractedSignal, JsonValue } from '../extractor.js';
import { isoFileTime } from '../file-time.js';
import { harmoniseSignal } from './harmonise-signal.js';

const SHOWN_ISSUES = 5;

const metadataValue = z
  .object({
    value: z.union([z.string(), z.number(), z.boolean(), z.array(z.number()), z.array(z.string())]),
    unit: z.string().nullish(),
    warning: z.boolean().nullish(),
  })
  .transform(({ value, unit, warning }) => ({
    value,
    ...(unit == null ? {} : { unit }),
    ...(warning === true ? { warning } : {}),
  }));

const jsonValue: z.ZodType<JsonValue> = z.json();

/** One signal as `recordsmith extract --json` prints it. Keys that say nothing may be left out, others are not looked at. */
const entrySchema = z.object({
  format: z.string().trim().min(1).max(200),
  type: z.enum(DATASET_TYPES),
  title: z.string().nullish(),
  role: z.enum(DATASET_ROLES).nullish(),
  metadata: z.record(z.string().trim().min(1), metadataValue).default({}),
  warnings: z.array(z.string()).default([]),
  shape: z.array(z.int().min(0)).default([]),
  calibration: z
    .array(z.object({ scale: z.number(), origin: z.number(), unit: z.string() }))
    .default([]),
  dtype: z.string().nullish(),
  acquired: z.string().nullish(),
  tags: jsonValue.optional(),
});

const answerSchema = z.array(entrySchema).min(1);

function notUnderstood(why: string, cause?: unknown): AppError {
  return new AppError(
    'READER_FAILED',
    `Its output is not what recordsmith extract --json prints: ${why}`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/**
 * Understands what a program of the facility printed. The metadata are harmonised as those of a module.
 * @param timezone IANA zone in which times without an offset are read
 * @throws AppError READER_FAILED saying what is wrong with it.
 */
export function readCommandAnswer(output: Buffer, timezone: string): ExtractedFile {
  let json: unknown;
  try {
    json = JSON.parse(output.toString('utf8'));
  } catch (error) {
    const why = toError(error).message.replaceAll(/\s+/g, ' ');
    throw notUnderstood(output.length === 0 ? 'it is empty.' : why, error);
  }
  const answer = answerSchema.safeParse(json);
  if (!answer.success) {
    const { issues } = answer.error;
    const named = issues
      .slice(0, SHOWN_ISSUES)
      .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
    const more = issues.length - named.length;
    throw notUnderstood(`${named.join('; ')}${more > 0 ? ` (and ${more} more)` : ''}`);
  }
  // A file's warnings stand in the entry of each of its signals.
  const warnings = [...new Set(answer.data.flatMap((entry) => entry.warnings))];
  const signals = answer.data.map((entry): ExtractedSignal => {
    const acquired = entry.acquired == null ? null : isoFileTime(entry.acquired, timezone);
    if (entry.acquired != null && acquired === null) {
      warnings.push('"acquired" is no time in ISO 8601 and was left out.');
    }
    return harmoniseSignal(
      {
        title: entry.title ?? null,
        type: entry.type,
        role: entry.role ?? 'Experimental',
        metadata: entry.metadata,
        shape: entry.shape,
        calibration: entry.calibration,
        dtype: entry.dtype ?? null,
        acquiredMs: acquired?.epochMs ?? null,
        previewOf: null,
      },
      timezone,
      warnings,
    );
  });
  const [first] = answer.data;
  return { format: first?.format ?? 'unknown', signals, warnings, tags: first?.tags ?? null };
}

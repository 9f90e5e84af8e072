import { z } from 'zod';
import { invalidAnswer, type RequestFacts } from './nemo-errors.js';

/** What a NEMO tells about itself. */
export interface NemoMetadata {
  /** Like `8.0.2`. */
  readonly version: string | null;
  /** Names of plugins, with their versions where NEMO tells them. */
  readonly plugins: readonly string[];
}

const metadataSchema = z.object({
  nemo_version: z.string().nullish(),
  nemo_plugins: z.array(z.unknown()).nullish(),
});

/**
 * Reads the answer of `metadata/`.
 * @throws AppError SOURCE_ANSWER_INVALID
 */
export function readMetadata(value: unknown, facts: RequestFacts): NemoMetadata {
  const parsed = metadataSchema.safeParse(value);
  if (!parsed.success) throw invalidAnswer(facts, 'does not tell its version where NEMO does');
  const { nemo_version: version, nemo_plugins: plugins } = parsed.data;
  return {
    version: version ?? null,
    plugins: (plugins ?? []).map((plugin) =>
      typeof plugin === 'string' ? plugin : JSON.stringify(plugin),
    ),
  };
}

const contentTypeSchema = z.object({
  app_label: z.literal('NEMO'),
  model: z.literal('usageevent'),
});

/** Whether a row of `content_types` is the one of usage events. */
export function isUsageEventType(row: unknown): boolean {
  return contentTypeSchema.safeParse(row).success;
}

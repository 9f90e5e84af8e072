import { z } from 'zod';
import { DATASET_ROLES, DATASET_TYPES } from '../../domain/file-metadata.js';
import { AppError, toError } from '../../errors.js';
import type {
  ExtractContext,
  ExtractedFile,
  ExtractedSignal,
  Extractor,
  FileHead,
  FileSource,
  JsonValue,
} from '../extractor.js';
import { harmoniseSignal } from './harmonise-signal.js';

const previewOf = z.custom<ExtractedSignal['previewOf']>(
  (value) => value === null || typeof value === 'function',
  'a function or null',
);

const signalSchema = z.object({
  title: z.string().nullable(),
  type: z.enum(DATASET_TYPES),
  role: z.enum(DATASET_ROLES),
  metadata: z.record(
    z.string().min(1),
    z.object({
      // Numbers that are none are left out later, with a warning.
      value: z.union([
        z.string(),
        z.number(),
        z.nan(),
        z.literal([Infinity, -Infinity]),
        z.boolean(),
        z.array(z.number()),
        z.array(z.string()),
      ]),
      unit: z.string().exactOptional(),
      warning: z.boolean().exactOptional(),
    }),
  ),
  shape: z.array(z.number()),
  calibration: z.array(z.object({ scale: z.number(), origin: z.number(), unit: z.string() })),
  dtype: z.string().nullable(),
  acquiredMs: z.number().nullable(),
  previewOf,
});

const extractedSchema = z.object({
  format: z.string().trim().min(1).max(200),
  signals: z.array(signalSchema),
  warnings: z.array(z.string()),
  tags: z.unknown(),
});

/**
 * A reader of a module of the facility as a session asks it: of files whose names it claims (of all when it claims no
 * extension), with its answer checked and its metadata harmonised. A sniff that throws is told with the file, since the
 * reader has a defect then.
 */
export class ModuleReader implements Extractor {
  readonly id: string;
  readonly version: number;
  readonly extensions: readonly string[];
  readonly #reader: Extractor;
  #defect: Error | null = null;

  constructor(reader: Extractor) {
    this.id = reader.id;
    this.version = reader.version;
    this.extensions = reader.extensions;
    this.#reader = reader;
  }

  sniff(head: FileHead): boolean {
    this.#defect = null;
    try {
      return this.#reader.sniff(head);
    } catch (error) {
      this.#defect = toError(error);
      return true;
    }
  }

  /** @throws AppError FORMAT_INVALID when the reader's answer is not one; what the reader throws. */
  async extract(file: FileSource, context: ExtractContext): Promise<ExtractedFile> {
    if (this.#defect !== null) throw this.#defect;
    const answer: unknown = await this.#reader.extract(file, context);
    const checked = extractedSchema.safeParse(answer);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      const where = issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`;
      throw new AppError('FORMAT_INVALID', `Its answer is not what a reader gives (${where}).`);
    }
    const warnings = [...checked.data.warnings];
    const signals = checked.data.signals.map((signal) =>
      harmoniseSignal(signal, context.timezone, warnings),
    );
    const { format, tags } = checked.data;
    return { format, signals, warnings, tags: plainJson(tags) };
  }
}

const jsonSchema: z.ZodType<JsonValue> = z.json();

/** Tags as JSON carries them; what it cannot carry is left out. */
function plainJson(tags: unknown): JsonValue {
  try {
    const text: unknown = JSON.stringify(tags);
    return jsonSchema.parse(typeof text === 'string' ? JSON.parse(text) : null);
  } catch {
    return '(not JSON, left out)';
  }
}

import { z } from 'zod';
import { DATASET_ROLES, DATASET_TYPES } from '../domain/file-metadata.js';
import { AppError } from '../errors.js';
import { CHEMICAL_ELEMENTS } from '../domain/chemical-elements.js';

/**
 * The record as a document: what XML and JSON have in common, in the order of the XML schema, with all that XML has no
 * place for under `extensions`. config/schemas/record.schema.json is made from this schema.
 */

const text = z.string();
const uri = z.string();
const instant = z.string().describe('ISO 8601 with the offset of the instrument.');

const parameterSchema = z
  .strictObject({
    name: text,
    value: z
      .union([z.string(), z.number(), z.boolean(), z.array(z.number()), z.array(z.string())])
      .describe('Not a number and infinities are the texts NaN, INF and -INF.'),
    unit: text.optional(),
    warning: z.boolean().optional().describe('The value is known to be unreliable.'),
  })
  .describe('A harmonised metadata value.');

const notesSchema = z.strictObject({
  source: text.optional().describe('recordsmith, or who wrote the notes.'),
  entries: z.array(z.strictObject({ paragraphs: z.array(text).min(1) })),
});

const instrumentSchema = z.strictObject({
  name: text,
  pid: text.optional(),
  ref: uri.optional(),
});

const summarySchema = z.strictObject({
  ref: uri.optional().describe('Page of the usage event or reservation.'),
  experimenters: z.array(text),
  collaborators: z.array(text),
  instruments: z.array(instrumentSchema),
  reservationStart: instant.optional(),
  reservationEnd: instant.optional(),
  motivation: text.optional(),
});

const sampleSchema = z.strictObject({
  id: text.optional(),
  ref: text.optional(),
  name: text.optional(),
  descriptions: z.array(text),
  notes: z.array(notesSchema),
  elements: z.array(z.enum(CHEMICAL_ELEMENTS)).optional(),
});

const projectSchema = z.strictObject({
  name: text.optional(),
  division: text.optional(),
  group: text.optional(),
  projectId: text.optional(),
  ref: uri.optional(),
});

const seriesSchema = z
  .strictObject({
    count: z.number().int().positive().describe('Files, missing ones among them.'),
    first: text.describe('Name of the file with the lowest number.'),
    last: text,
    startTime: instant.describe('Earliest and latest time of the files.'),
    endTime: instant,
    missing: z.number().int().positive().optional(),
    sha256: text.describe('Over location, size, modification time and absence of each file.'),
  })
  .describe(
    'The dataset is a numbered series of files; location is that of the first that is there.',
  );

const datasetExtensionsSchema = z.strictObject({
  sizeBytes: z.number().int().nonnegative(),
  modifiedNs: z
    .string()
    .regex(/^-?\d+$/)
    .describe('Modification time, nanoseconds since the epoch.'),
  timeNs: z
    .string()
    .regex(/^-?\d+$/)
    .describe('The time that decided and grouped, nanoseconds since the epoch.'),
  acquired: instant.optional(),
  shape: z.array(z.number()).describe('Slowest axis first.'),
  calibration: z
    .array(
      z.strictObject({
        scale: z.number().nullable(),
        origin: z.number().nullable(),
        unit: z.string(),
      }),
    )
    .describe('One entry an axis; null where the file holds no finite number.'),
  dtype: text.optional(),
  reader: text,
  signalNumber: z.number().int().positive(),
  signalCount: z.number().int().positive(),
  warnings: z.array(text),
  missingSince: instant.optional(),
  series: seriesSchema.optional(),
});

const datasetSchema = z.strictObject({
  type: z.enum(DATASET_TYPES).optional(),
  role: z.enum(DATASET_ROLES).optional(),
  name: text,
  location: text.describe('Percent-encoded path from the data folder, leading slash.'),
  format: text.optional(),
  descriptions: z.array(text),
  previews: z.array(text),
  metadata: z.array(parameterSchema),
  extensions: datasetExtensionsSchema.optional(),
});

const activitySchema = z.strictObject({
  seqno: z.number().int().optional(),
  startTime: instant.optional(),
  sampleID: text.optional(),
  setup: z.array(parameterSchema).optional(),
  notes: z.array(notesSchema),
  datasets: z.array(datasetSchema),
  extensions: z.strictObject({ endTime: instant }).optional(),
});

const recordExtensionsSchema = z.strictObject({
  sessionIdentifier: text,
  sessionKey: text,
  timezone: text.describe('IANA zone of the instrument.'),
  verdictCounts: z.record(z.string(), z.number().int().nonnegative()),
});

/** The whole document. */
export const recordDocumentSchema = z
  .strictObject({
    pid: text.optional(),
    title: text.optional(),
    id: text.optional(),
    summary: summarySchema,
    samples: z.array(sampleSchema),
    projects: z.array(projectSchema),
    activities: z.array(activitySchema),
    notes: z.array(notesSchema),
    extensions: recordExtensionsSchema.optional(),
  })
  .meta({ title: 'Experiment record', description: 'The record of one session, for programs.' });

export type RecordDocument = z.infer<typeof recordDocumentSchema>;
export type DocumentActivity = RecordDocument['activities'][number];
export type DocumentDataset = DocumentActivity['datasets'][number];
export type DocumentParameter = DocumentDataset['metadata'][number];
export type DocumentNotes = RecordDocument['notes'][number];
export type DocumentSample = RecordDocument['samples'][number];
export type DocumentProject = RecordDocument['projects'][number];

/** An activity whose datasets may come one by one. */
export type ActivitySource = Omit<DocumentActivity, 'datasets'> & {
  readonly datasets: Iterable<DocumentDataset>;
};

/** A document whose activities may come one by one, so that a large record is written in bounded memory. */
export type RecordSource = Omit<RecordDocument, 'activities'> & {
  readonly activities: Iterable<ActivitySource>;
};

/** The JSON Schema (draft 2020-12) of the JSON record. */
export function recordJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(recordDocumentSchema, { target: 'draft-2020-12' }) };
}

/**
 * Reads a JSON record.
 * @throws AppError RECORD_INVALID naming each wrong place
 */
export function parseRecordJson(json: string): RecordDocument {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new AppError('RECORD_INVALID', 'The record is not JSON.', {
      cause: error,
      remedy: 'Give a record that recordsmith wrote as JSON.',
    });
  }
  const parsed = recordDocumentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    (issue) => `${issue.path.map(String).join('.')}: ${issue.message}`,
  );
  throw new AppError('RECORD_INVALID', `The JSON record is wrong at ${faults.join('; ')}`, {
    remedy: 'Compare it with config/schemas/record.schema.json.',
    details: { faults },
  });
}

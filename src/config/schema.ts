import cron from 'node-cron';
import { z } from 'zod';
import { CHILD_MEMORY_BYTES } from '../child-entry.js';
import { DEFAULT_IGNORE_PATTERNS, DEFAULT_IGNORED_FOLDERS } from '../domain/ignored-names.js';
import { STACK_PREVIEWS } from '../domain/stack-preview.js';
import { TITLE_PARTS, unknownTitlePart } from '../domain/title-template.js';
import { LOG_FORMATS, LOG_LEVELS } from '../log-lines.js';
import { byteCount } from './byte-count.js';
import { extractSchema } from './extract-schema.js';
import { httpSchema } from './http-schema.js';
import { sourcesSchema } from './sources-schema.js';

/**
 * What the loader needs to know of a key besides its type, kept in the schema's metadata: `secret` values are masked
 * (those that are an `address` but for their password) and may come from a file; relative `path` values are resolved from
 * the folder of the configuration file.
 */
const SECRET = { secret: true } as const;
const PATH = { path: true } as const;

const text = z.string().trim().min(1);
const path = text.refine((value) => !value.includes('\0'), 'a path without U+0000').meta(PATH);
const count = z.int().min(1);
const seconds = z.number().min(0);
const nameList = z
  .union([text, z.array(text).min(1)])
  .transform((value) => (typeof value === 'string' ? [value] : value));
const schedule = text.refine((value) => cron.validate(value), {
  message: 'a cron expression such as `*/5 * * * *` (minute hour day month weekday)',
});

const title = text.superRefine((template, context) => {
  const unknown = unknownTitlePart(template);
  if (unknown === null) return;
  const parts = TITLE_PARTS.map((part) => `{${part}}`).join(', ');
  context.addIssue({ code: 'custom', message: `only ${parts} in braces, not {${unknown}}` });
});

const database = z.strictObject({
  client: z.enum(['sqlite', 'postgres']).default('sqlite'),
  file: path.default('recordsmith.sqlite'),
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/i, 'postgres://user:password@host:5432/database')
    .nullable()
    .default(null)
    .meta({ ...SECRET, address: true }),
  pool: count.max(1000).default(10),
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a name of lower-case letters, digits and _')
    .default('public'),
  create_schema: z.boolean().default(false),
  migrate: z.enum(['manual', 'auto']).default('manual'),
});

const paths = z.strictObject({
  data: path.default('data'),
  output: path.default('output'),
  records: path.default('records'),
  state: path.default('state'),
});

const rule = z.strictObject({
  name: text,
  action: z.enum(['build', 'skip']),
  match: z
    .strictObject({
      user: nameList.optional(),
      instrument: nameList.optional(),
      shorter_than_minutes: z.number().positive().optional(),
      longer_than_minutes: z.number().min(0).optional(),
      project: nameList.optional(),
      group: nameList.optional(),
      training: z.boolean().optional(),
      remote_work: z.boolean().optional(),
    })
    .prefault({}),
});

const clustering = z.strictObject({
  sensitivity: z.number().min(0).default(1),
  min_gap_s: seconds.default(120),
  strict: z.boolean().default(false),
});

const limits = z.strictObject({
  readers: count.max(64).default(2),
  file_bytes: byteCount.default(268_435_456),
  file_seconds: z.number().positive().default(60),
  file_memory_bytes: byteCount.default(CHILD_MEMORY_BYTES),
  look_seconds: z.number().positive().default(300),
  session_files: count.default(100_000),
});

/** The keys of `build`, also used to check what an instrument overrides. */
export const buildSchema = z.strictObject({
  schedule: schedule.default('* * * * *'),
  concurrency: count.max(64).default(2),
  strategy: z.enum(['exclusive', 'inclusive']).default('exclusive'),
  ignore_patterns: z.array(text).default([...DEFAULT_IGNORE_PATTERNS]),
  ignored_folders: z.array(text).default([...DEFAULT_IGNORED_FOLDERS]),
  file_delay_days: z.number().positive().default(2),
  settle_time_s: seconds.default(60),
  settle_max_s: seconds.default(3600),
  end_grace_s: seconds.default(0),
  clustering: clustering.prefault({}),
  limits: limits.prefault({}),
  series_min_files: z
    .union([z.literal(0), z.int().min(2)], '0, or a whole number of at least 2')
    .default(50),
  previews: z.boolean().default(true),
  stack_previews: z.enum(STACK_PREVIEWS).default('montage'),
  stale_files: z.enum(['note', 'exclude']).default('note'),
  problem_age_hours: z.number().positive().default(24),
  lease_seconds: z.number().min(1).default(120),
  shutdown_grace_s: seconds.default(30),
});

const record = z.strictObject({
  schema: path.nullable().default(null),
  title: title.default('Experiment on the {display_name} on {Weekday Mon. DD, YYYY}'),
  identifier_base: z.string().default(''),
  layout: z.enum(['by-year', 'flat']).default('by-year'),
});

const log = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info'),
  format: z.enum(LOG_FORMATS).default('auto'),
  file: z
    .strictObject({
      path: path.nullable().default(null),
      max_size: byteCount.default(10_485_760),
      max_files: count.max(1000).default(5),
    })
    .prefault({}),
});

/** The whole configuration: every key with its check and default. Key names are those of the file. */
export const configSchema = z
  .strictObject({
    mode: z.enum(['live', 'shadow']).default('live'),
    database: database.prefault({}),
    paths: paths.prefault({}),
    sources: sourcesSchema,
    rules: z.array(rule).default([]),
    build: buildSchema.prefault({}),
    extract: extractSchema.prefault({}),
    record: record.prefault({}),
    http: httpSchema.prefault({}),
    log: log.prefault({}),
  })
  .superRefine((config, context) => {
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (config.database.client === 'postgres' && config.database.url === null) {
      fault(['database', 'url'], 'the address of the database, needed with client: postgres');
    }
    if (config.database.client === 'sqlite' && config.database.url !== null) {
      fault(['database', 'url'], 'no address with client: sqlite; set database.client to postgres');
    }
    if (config.build.settle_max_s < config.build.settle_time_s) {
      fault(['build', 'settle_max_s'], 'at least as long as build.settle_time_s');
    }
    const fileSeconds = config.build.limits.file_seconds;
    config.extract.commands.forEach(({ timeout_s: seconds }, index) => {
      if (seconds === null || seconds <= fileSeconds) return;
      const most = `at most build.limits.file_seconds (${fileSeconds})`;
      fault(['extract', 'commands', index, 'timeout_s'], most);
    });
    const names = new Set<string>();
    config.rules.forEach((entry, index) => {
      if (names.has(entry.name)) fault(['rules', index, 'name'], 'a name no other rule has');
      names.add(entry.name);
    });
  });

/** The checked configuration; frozen. */
export type Config = z.output<typeof configSchema>;

/** The keys of `build`. */
export type BuildSettings = Config['build'];

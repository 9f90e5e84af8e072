import { z } from 'zod';
import { harmonisedName, METADATA_NAMES } from '../domain/harmonised-names.js';
import { isConvertible } from '../domain/units.js';

const text = z.string().trim().min(1);
const textList = z
  .union([text, z.array(text).min(1)])
  .transform((value) => (typeof value === 'string' ? [value] : value));
const path = text
  .refine((value) => !value.includes('\0'), 'a path without U+0000')
  .meta({ path: true });
const metadataName = z
  .enum(METADATA_NAMES)
  .describe('a harmonised name (docs/metadata.md lists them)');

const adjustment = z
  .strictObject({
    name: text,
    match: z
      .strictObject({
        instrument: textList.optional(),
        format: textList.optional(),
        file: textList.optional(),
      })
      .prefault({}),
    value: metadataName,
    unit: text.optional(),
    scale: z
      .number()
      .refine((value) => value !== 0, 'a number that is not 0')
      .optional(),
    rename: metadataName.optional(),
    set: z.union([z.string().trim().min(1), z.number(), z.boolean()]).optional(),
    unreliable: z.boolean().default(false),
    drop: z.boolean().default(false),
  })
  .superRefine((entry, context) => {
    for (const [key, message] of adjustmentFaults(entry)) {
      context.addIssue({ code: 'custom', path: key === null ? [] : [key], message });
    }
  });

/** An entry of extract.adjustments as it is checked, besides the form of its keys. */
interface AdjustmentEntry {
  readonly value: string;
  readonly unit?: string | undefined;
  readonly scale?: number | undefined;
  readonly rename?: string | undefined;
  readonly set?: string | number | boolean | undefined;
  readonly unreliable: boolean;
  readonly drop: boolean;
}

type EntryFault = readonly [
  key: 'unit' | 'scale' | 'rename' | 'set' | 'drop' | null,
  message: string,
];

/** What is wrong with what an adjustment wants, with the key that says it. */
function* adjustmentFaults(entry: AdjustmentEntry): Generator<EntryFault> {
  const { value, unit, scale, rename, set, unreliable, drop } = entry;
  const changes = [unit, scale, rename].some((one) => one !== undefined);
  if (!changes && set === undefined && !unreliable && !drop) {
    yield [null, 'one of unit, scale, rename, set, unreliable, drop'];
  }
  if (drop && (changes || set !== undefined || unreliable)) {
    yield ['drop', 'no other change beside drop: the value is left out'];
  }
  if (set !== undefined && changes) {
    yield ['set', 'no unit, scale or rename beside set: the value is in the unit of its name'];
  }
  const target = harmonisedName(value);
  const isNumber = target?.kind === 'number';
  if (scale !== undefined && !isNumber) yield ['scale', `no scale: ${value} is no number`];
  const kind =
    target?.kind === 'time' ? 'string' : target?.kind === 'text' ? 'string' : target?.kind;
  if (set !== undefined && kind !== undefined && typeof set !== kind) {
    const word = { string: 'text', number: 'a number', boolean: 'true or false' }[kind];
    yield ['set', `${word} for ${value}${target?.unit === undefined ? '' : ` (${target.unit})`}`];
  }
  const into = harmonisedName(rename ?? value);
  if (rename !== undefined && into?.kind !== target?.kind) {
    yield ['rename', `a name of the same kind as ${value} (${target?.kind ?? ''})`];
    return;
  }
  if (unit !== undefined && (into?.unit === undefined || !isConvertibleTo(unit, into.unit))) {
    yield [
      'unit',
      into?.unit === undefined
        ? `no unit: ${rename ?? value} has none`
        : `a unit that converts to ${into.unit}, the one of ${rename ?? value}`,
    ];
  } else if (unit === undefined && rename !== undefined && !fits(target?.unit, into?.unit)) {
    yield [
      'rename',
      `a name whose unit (${into?.unit ?? 'none'}) converts from that of ${value} (${target?.unit ?? 'none'}), or a unit`,
    ];
  }
}

function isConvertibleTo(unit: string, target: string): boolean {
  return unit === target || isConvertible(unit, target);
}

function fits(from: string | undefined, to: string | undefined): boolean {
  return from === to || (from !== undefined && to !== undefined && isConvertible(from, to));
}

function isPattern(source: string): boolean {
  try {
    new RegExp(source, 'isu');
    return true;
  } catch {
    return false;
  }
}

const PLACES = ['{file}', '{timezone}', '{preview}'] as const;

const command = z.strictObject({
  name: text.regex(
    /^[a-z][a-z0-9-]{0,39}$/,
    'a name of lower-case letters, digits and - (at most 40)',
  ),
  version: z.int().min(1).default(1),
  files: textList,
  command: z
    .array(z.string().min(1))
    .min(1)
    .superRefine((words, context) => {
      const places = words.flatMap((word) => word.match(/\{[^{}]*\}/g) ?? []);
      const unknown = places.find((place) => !PLACES.some((known) => known === place));
      if (unknown !== undefined) {
        const message = `only ${PLACES.join(', ')} in braces, not ${unknown}`;
        context.addIssue({ code: 'custom', message });
      } else if (!places.includes('{file}')) {
        context.addIssue({ code: 'custom', message: 'a word with {file}, where the path goes' });
      }
    }),
  timeout_s: z.number().positive().nullable().default(null),
  companions: z
    .array(
      z.strictObject({
        main: text.refine(isPattern, 'a regular expression'),
        companions: z.array(text).min(1),
      }),
    )
    .default([]),
});

/** The keys of `extract`. */
export const extractSchema = z
  .strictObject({
    dicom_identity: z.boolean().default(false),
    adjustments: z.array(adjustment).default([]),
    readers: z.array(path).default([]),
    commands: z.array(command).default([]),
  })
  .superRefine(({ adjustments, commands }, context) => {
    for (const [key, entries] of Object.entries({ adjustments, commands })) {
      const names = new Set<string>();
      entries.forEach(({ name }, index) => {
        if (names.has(name)) {
          const message = 'a name that no other entry has';
          context.addIssue({ code: 'custom', path: [key, index, 'name'], message });
        }
        names.add(name);
      });
    }
  });

/** The keys of `extract` as they are checked. */
export type ExtractSettings = z.output<typeof extractSchema>;

/**
 * The commands with their relative paths made absolute: a word that begins with `./` or `../` is a path from the folder of
 * the configuration file.
 */
export function withAbsoluteWords(
  commands: ExtractSettings['commands'],
  resolve: (word: string) => string,
): ExtractSettings['commands'] {
  return commands.map((entry) => ({
    ...entry,
    command: entry.command.map((word) => (/^\.{1,2}\//.test(word) ? resolve(word) : word)),
  }));
}

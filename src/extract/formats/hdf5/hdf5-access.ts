import { isAppError } from '../../../errors.js';
import type { JsonValue } from '../../extractor.js';
import type { Hdf5File } from './hdf5-file.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Longer text is no number (and would cost the pattern too much time). */
const MAX_NUMBER_LENGTH = 64;

/** A number, also one written as text (Velox writes all of them so); null: neither. */
export function numberOf(value: JsonValue | undefined): number | null {
  const first = isList(value) && value.length === 1 ? value[0] : value;
  if (typeof first === 'number') return Number.isFinite(first) ? first : null;
  if (typeof first !== 'string' || first.length > MAX_NUMBER_LENGTH) return null;
  const text = first.trim();
  return NUMBER.test(text) ? Number(text) : null;
}

/** A text that is not blank; a list of one text counts as one. Null: none. */
export function textOf(value: JsonValue | undefined): string | null {
  const first = isList(value) && value.length === 1 ? value[0] : value;
  return typeof first === 'string' && first.trim() !== '' ? first.trim() : null;
}

/** Whether a value is a list. */
export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Whether a value is an object with named members. */
function isObject(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** A member deep in an object; undefined: the way there ends before. */
export function memberOf(
  value: JsonValue | undefined,
  ...path: readonly string[]
): JsonValue | undefined {
  let found = value;
  for (const name of path) {
    if (!isObject(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return found;
}

/** An attribute as text; null: there is none. */
export function attributeText(file: Hdf5File, path: string, name: string): string | null {
  return textOf(file.attribute(path, name));
}

/** An attribute as a number; null: there is none. */
export function attributeNumber(file: Hdf5File, path: string, name: string): number | null {
  return numberOf(file.attribute(path, name));
}

/** The first text of a dataset; null: there is none. */
export function datasetText(file: Hdf5File, path: string): string | null {
  const dataset = file.dataset(path);
  if (dataset?.type.kind !== 'text') return null;
  const value = file.value(dataset);
  return textOf(isList(value) ? value[0] : value);
}

/** The text of a dataset as JSON; null: there is none, or it is no JSON. */
export function datasetJson(file: Hdf5File, path: string): JsonValue | null {
  const text = datasetText(file, path);
  return text === null ? null : parseJson(text);
}

/** JSON, or null where it is none. */
export function parseJson(text: string): JsonValue | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return isParsedJson(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** JSON.parse makes nothing but JSON. */
function isParsedJson(value: unknown): value is JsonValue {
  return value !== undefined;
}

/** Names and paths of the groups in a group, sorted by name. */
export function groupsIn(file: Hdf5File, path: string): readonly { name: string; path: string }[] {
  return (file.kindOf(path) === 'group' ? (file.children(path) ?? []) : [])
    .filter(({ kind }) => kind === 'group')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Scale and origin of an axis that is stored as its values: the mean step and the first of them. Null: no numbers, or
 * steps that differ by more than a thousandth.
 */
export function linearAxis(
  file: Hdf5File,
  dataset: Hdf5Dataset,
): { readonly scale: number; readonly origin: number } | null {
  const values = dataset.shape.length > 1 ? [] : numbersIn(file, dataset);
  const [first] = values;
  const last = values.at(-1);
  if (first === undefined || last === undefined) return null;
  if (values.length === 1) return { scale: 1, origin: first };
  const scale = (last - first) / (values.length - 1);
  const isLinear = values.every(
    (value, index) =>
      Math.abs(value - first - index * scale) <= Math.abs(scale) * 1e-3 * values.length,
  );
  return isLinear && Number.isFinite(scale) ? { scale, origin: first } : null;
}

/** The numbers of a small dataset; none where they are no finite numbers. */
export function numbersIn(file: Hdf5File, dataset: Hdf5Dataset): readonly number[] {
  if (dataset.type.kind !== 'number') return [];
  const value = file.value(dataset);
  const numbers = (isList(value) ? value : [value]).map((entry) => numberOf(entry) ?? NaN);
  return numbers.every((number) => Number.isFinite(number)) ? numbers : [];
}

/** What reading a part gives; null where the part is damaged: the sentence is passed on instead. */
export function unlessDamaged<T>(read: () => T, warn: (sentence: string) => void): T | null {
  try {
    return read();
  } catch (error) {
    if (!isAppError(error) || error.code !== 'FORMAT_INVALID') throw error;
    warn(error.message);
    return null;
  }
}

/** What reading each group in a group gives; those that are damaged or give null are left out. */
export function readGroupsIn<T>(
  file: Hdf5File,
  path: string,
  warn: (sentence: string) => void,
  read: (group: { readonly name: string; readonly path: string }) => T | null,
): readonly T[] {
  return groupsIn(file, path).flatMap((group) => {
    const found = unlessDamaged(() => read(group), warn);
    return found === null ? [] : [found];
  });
}

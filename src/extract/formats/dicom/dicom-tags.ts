import type { JsonValue } from '../../extractor.js';
import { DICOM_ATTRIBUTES } from './dicom-dictionary.js';
import type { DicomValues } from './dicom-values.js';

const MAX_DEPTH = 8;
const MAX_ITEMS = 64;
const MAX_VALUES = 64;
const MAX_TEXT = 4096;

/**
 * The elements as JSON, by keyword. Without `withIdentity` only what the basic profile of PS3.15 lets through: neither
 * names, dates, places and identifiers of people, studies and devices, nor private and unknown elements.
 */
export function dicomTags(values: DicomValues, withIdentity: boolean): JsonValue {
  return tagsAt(values, withIdentity, 0);
}

function tagsAt(values: DicomValues, withIdentity: boolean, depth: number): JsonValue {
  const tags: Record<string, JsonValue> = {};
  for (const tag of Object.keys(values.dataSet.elements)) {
    const attribute = DICOM_ATTRIBUTES.get(tag);
    if (!withIdentity && (attribute === undefined || attribute.identity)) continue;
    const name = attribute?.keyword ?? `(${tag.slice(1, 5)},${tag.slice(5)})`;
    const value = valueOf(values, tag, withIdentity, depth);
    if (value !== undefined) tags[name] = value;
  }
  return tags;
}

function valueOf(
  values: DicomValues,
  tag: string,
  withIdentity: boolean,
  depth: number,
): JsonValue | undefined {
  const element = values.dataSet.elements[tag];
  if (element?.items !== undefined || values.representation(tag) === 'SQ') {
    if (depth >= MAX_DEPTH) return undefined;
    return values.items(tag, MAX_ITEMS).map((item) => tagsAt(item, withIdentity, depth + 1));
  }
  const texts = values.texts(tag).map((text) => text.slice(0, MAX_TEXT));
  const isNumber = ['DS', 'IS'].includes(values.representation(tag));
  const found: readonly (string | number)[] =
    texts.length === 0 || isNumber ? values.numbers(tag) : texts;
  const shown = found.length === 0 ? texts : found;
  if (shown.length > 0) return shown.length === 1 ? shown[0] : shown.slice(0, MAX_VALUES);
  return (element?.length ?? 0) === 0 ? undefined : `(${element?.length ?? 0} bytes)`;
}

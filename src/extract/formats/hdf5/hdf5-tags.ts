import { isAppError } from '../../../errors.js';
import type { JsonValue } from '../../extractor.js';
import { parseJson, unlessDamaged } from './hdf5-access.js';
import { describeHdf5Layout, type Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5File } from './hdf5-file.js';

/** Groups, datasets and attributes that are kept; files of beamlines have a few thousand. */
const MAX_ENTRIES = 20_000;
const DEEPEST = 40;
/** Values of a dataset that is kept as a list; larger ones are described in a few words. */
const MAX_LIST = 256;
/** Bytes of text in a dataset that is kept. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** Finds a better form of a dataset than its values; undefined: there is none. */
export type TagOf = (file: Hdf5File, dataset: Hdf5Dataset) => JsonValue | undefined;

/** A walk through the file: each object once, whatever names it has. */
interface Walk {
  readonly file: Hdf5File;
  readonly tagOf: TagOf;
  readonly seen: Map<string, string>;
  readonly warn: (sentence: string) => void;
  entries: number;
  isCut: boolean;
}

/**
 * The whole file as JSON: groups as objects, attributes as `@name`, small datasets as their values, large ones in a few
 * words. Links are told but not followed; what has several names is shown at the first one.
 */
export function hdf5Tags(
  file: Hdf5File,
  tagOf: TagOf,
  warn: (sentence: string) => void,
): JsonValue {
  const seen = new Map([[file.addressOf('/'), '/']]);
  const walk: Walk = { file, tagOf, seen, warn, entries: 0, isCut: false };
  const tags = groupTags(walk, '/', 0);
  if (walk.isCut) {
    warn(
      `The file holds more than ${MAX_ENTRIES} entries or is nested too deeply: not all tags are kept.`,
    );
  }
  return tags;
}

function groupTags(walk: Walk, path: string, depth: number): JsonValue {
  const tags: Record<string, JsonValue> = {};
  addAttributes(walk, path, tags);
  for (const child of walk.file.children(path) ?? []) {
    walk.entries += 1;
    if (walk.entries > MAX_ENTRIES || depth >= DEEPEST) {
      walk.isCut = true;
      break;
    }
    if (child.kind === 'link') {
      tags[child.name] = `-> ${(child.target ?? '').slice(0, 500)}`;
      continue;
    }
    const address = walk.file.addressOf(child.path);
    const earlier = walk.seen.get(address);
    if (earlier !== undefined) {
      tags[child.name] = `= ${earlier}`;
      continue;
    }
    walk.seen.set(address, child.path);
    if (child.kind === 'group') tags[child.name] = groupTags(walk, child.path, depth + 1);
    if (child.kind === 'dataset') tags[child.name] = datasetTags(walk, child.path);
    if (child.kind === 'type') tags[child.name] = '[data type]';
  }
  return tags;
}

function datasetTags(walk: Walk, path: string): JsonValue {
  const attributes: Record<string, JsonValue> = {};
  addAttributes(walk, path, attributes);
  const value = datasetValue(walk, path);
  return Object.keys(attributes).length === 0 ? value : { ...attributes, value };
}

function datasetValue({ file, tagOf, warn }: Walk, path: string): JsonValue {
  const dataset = file.dataset(path);
  if (dataset === null) return '[unreadable]';
  const words = describeHdf5Layout(dataset);
  try {
    const better = tagOf(file, dataset);
    if (better !== undefined) return better;
    const { type, count } = dataset;
    const bytes = count * Math.max(1, type.sizeBytes);
    if (count > MAX_LIST || bytes > MAX_TEXT_BYTES) return words;
    if (type.kind === 'colour' || type.kind === 'other') return words;
    return file.value(dataset);
  } catch (error) {
    if (!isAppError(error) || error.code === 'FILE_UNREADABLE') throw error;
    warn(error.message);
    return words;
  }
}

function addAttributes(walk: Walk, path: string, tags: Record<string, JsonValue>): void {
  for (const name of walk.file.attributeNames(path)) {
    walk.entries += 1;
    if (walk.entries > MAX_ENTRIES) {
      walk.isCut = true;
      return;
    }
    const read = unlessDamaged(() => ({ value: walk.file.attribute(path, name) }), walk.warn);
    const value = read === null ? '[unreadable]' : read.value;
    if (value !== undefined) tags[`@${name}`] = value;
  }
}

/** Text that is JSON as such, anything else as it is: Velox keeps its settings as JSON in datasets. */
export function jsonIfPossible(text: string): JsonValue {
  return text.startsWith('{') || text.startsWith('[') ? (parseJson(text) ?? text) : text;
}

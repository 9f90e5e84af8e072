import type { Buffer } from 'node:buffer';
import { AppError } from '../../../errors.js';
import type { FileSource, JsonValue } from '../../extractor.js';
import { jsonNumber, tidyFloat32 } from '../binary/binary-header.js';
import { NUMERIC_TYPES, type NumericType } from '../binary/numeric-type.js';

/** Where the numbers of a value lie. */
export interface JeolArray {
  readonly type: NumericType;
  readonly offset: number;
  readonly count: number;
}

/** What an entry holds besides its children. */
export type JeolValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'numbers'; readonly numbers: readonly number[]; readonly array: JeolArray }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'array'; readonly array: JeolArray };

/** An entry of a tree. */
export interface JeolNode {
  readonly value: JeolValue;
  readonly children: ReadonlyMap<string, JeolNode>;
}

interface GrowingNode {
  readonly value: JeolValue;
  readonly children: Map<string, GrowingNode>;
}

const ENTRY = 1;
const END = -1;
const MAX_DEPTH = 64;
const MAX_ENTRIES = 100_000;
const MAX_NAME_BYTES = 1024;
/** Longer arrays stay in the file. */
const MAX_VALUE_BYTES = 8192;
const TEXT_TYPES: readonly number[] = [12, 13, 20];

const TYPES: ReadonlyMap<number, NumericType> = new Map<number, NumericType>([
  [1, NUMERIC_TYPES.uint8],
  [2, NUMERIC_TYPES.uint16],
  [3, NUMERIC_TYPES.int32],
  [4, NUMERIC_TYPES.float32],
  [5, NUMERIC_TYPES.float64],
  [6, NUMERIC_TYPES.uint8],
  [7, NUMERIC_TYPES.uint16],
  [8, NUMERIC_TYPES.int32],
  [9, NUMERIC_TYPES.float32],
  [10, NUMERIC_TYPES.float64],
  [11, NUMERIC_TYPES.uint8],
  [14, NUMERIC_TYPES.uint16],
  [65_552, NUMERIC_TYPES.uint8],
  [65_553, NUMERIC_TYPES.uint8],
]);

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const shiftJis = new TextDecoder('shift_jis');

/**
 * Reads a tree of JEOL's Analysis Station: 1, length of the name, name, type, length of the value, value; then the
 * children, and -1 after the last of them. Layout as worked out by the HyperSpy project, checked on real files.
 * @throws AppError FORMAT_INVALID with the byte of what makes no sense.
 */
export function readJeolTree(file: FileSource, start: number): JeolNode {
  const root: GrowingNode = { value: { kind: 'none' }, children: new Map() };
  const open: GrowingNode[] = [root];
  let at = start;
  for (let entries = 0; entries < MAX_ENTRIES; entries += 1) {
    const mark = file.read(at, 1).readInt8(0);
    at += 1;
    if (mark !== ENTRY) {
      open.pop();
      if (mark !== END || open.length === 0) return root;
      continue;
    }
    const { name, node, end } = readEntry(file, at);
    if (open.length > MAX_DEPTH) throw invalid(file, at, 'too deep a tree');
    open.at(-1)?.children.set(name, node);
    open.push(node);
    at = end;
  }
  throw invalid(file, at, 'too many entries');
}

function readEntry(file: FileSource, at: number): { name: string; node: GrowingNode; end: number } {
  const nameBytes = file.read(at, 4).readInt32LE(0);
  if (nameBytes < 1 || nameBytes > MAX_NAME_BYTES) throw invalid(file, at, 'an impossible name');
  const head = file.read(at + 4, nameBytes + 8);
  const type = head.readInt32LE(nameBytes);
  const length = head.readInt32LE(nameBytes + 4);
  const valueAt = at + 12 + nameBytes;
  if (length < 0 || valueAt + length > file.sizeBytes) {
    throw invalid(file, at, `a value of ${length} bytes`);
  }
  const hasValue = type !== 0;
  const value = hasValue ? readValue(file, valueAt, type, length) : ({ kind: 'none' } as const);
  // Pages of settings are told apart by their value: PARAMPAGE0 with the text SEM.
  const name = nameOf(head.subarray(0, nameBytes));
  const page = /PAGE.$/.test(name) && value.kind === 'texts' ? `_${value.texts[0] ?? ''}` : '';
  return {
    name: name + page,
    node: { value, children: new Map() },
    end: valueAt + (hasValue ? length : 0),
  };
}

function readValue(file: FileSource, offset: number, type: number, length: number): JeolValue {
  if (TEXT_TYPES.includes(type)) {
    const text = decode(file.read(offset, Math.min(length, MAX_VALUE_BYTES)));
    return { kind: 'texts', texts: text.replace(/\0+$/, '').split('\0') };
  }
  const numeric = TYPES.get(type);
  if (numeric === undefined) throw invalid(file, offset, `a value of the unknown type ${type}`);
  const count = Math.floor(length / numeric.bytes);
  const array = { type: numeric, offset, count };
  if (length > MAX_VALUE_BYTES) return { kind: 'array', array };
  const bytes = file.read(offset, length);
  const numbers = Array.from({ length: count }, (_, index) => numberAt(bytes, numeric, index));
  return { kind: 'numbers', numbers, array };
}

function numberAt(bytes: Buffer, { dtype, bytes: size }: NumericType, index: number): number {
  const at = index * size;
  switch (dtype) {
    case 'uint16':
      return bytes.readUInt16LE(at);
    case 'int32':
      return bytes.readInt32LE(at);
    case 'float32':
      return tidyFloat32(bytes.readFloatLE(at));
    case 'float64':
      return bytes.readDoubleLE(at);
    default:
      return bytes.readUInt8(at);
  }
}

/** Some names end in a letter of Japanese that does not belong to them. */
function nameOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const name = end < 0 ? bytes : bytes.subarray(0, end);
  return decode(name.at(-1) === 0xde ? name.subarray(0, -1) : name);
}

function decode(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return shiftJis.decode(bytes);
  }
}

/** The entry that a path leads to; undefined: there is none. */
export function jeolNodeAt(
  node: JeolNode | undefined,
  ...path: readonly string[]
): JeolNode | undefined {
  let found = node;
  for (const name of path) found = found?.children.get(name);
  return found;
}

/** The number at a path; null: there is none, or it is not finite. */
export function jeolNumberAt(
  node: JeolNode | undefined,
  ...path: readonly string[]
): number | null {
  const value = jeolNodeAt(node, ...path)?.value;
  const number = value?.kind === 'numbers' ? value.numbers[0] : undefined;
  // Sums of tenths: 366.90000000000003 is 366.9.
  return number !== undefined && Number.isFinite(number) ? Number(number.toPrecision(15)) : null;
}

/** The text at a path; null: there is none, or it is empty. */
export function jeolTextAt(node: JeolNode | undefined, ...path: readonly string[]): string | null {
  const value = jeolNodeAt(node, ...path)?.value;
  const text = value?.kind === 'texts' ? (value.texts[0] ?? '').trim() : '';
  return text === '' ? null : text;
}

/** A tree as JSON; arrays that stayed in the file are described. */
export function jeolAsJson({ value, children }: JeolNode): JsonValue {
  const own = valueAsJson(value);
  if (children.size === 0) return own;
  return Object.fromEntries([
    ...(own === null ? [] : [['value', own] satisfies [string, JsonValue]]),
    ...[...children].map(([name, child]): [string, JsonValue] => [name, jeolAsJson(child)]),
  ]);
}

function valueAsJson(value: JeolValue): JsonValue {
  switch (value.kind) {
    case 'none':
      return null;
    case 'array':
      return `[${value.array.count} x ${value.array.type.dtype} at byte ${value.array.offset}]`;
    case 'texts':
      return value.texts.length === 1 ? (value.texts[0] ?? '') : value.texts;
    case 'numbers': {
      const numbers = value.numbers.map(jsonNumber);
      return numbers.length === 1 ? (numbers[0] ?? null) : numbers;
    }
  }
}

function invalid(file: FileSource, offset: number, fault: string): AppError {
  return new AppError('FORMAT_INVALID', `${file.fileName} has ${fault} at byte ${offset}.`, {
    details: { offset },
  });
}

/** Simple types by their code in the file. Codes 13, 14, 16, 17 and 19 do not occur. */
export const DM_SIMPLE_TYPES = {
  2: { name: 'int16', bytes: 2 },
  3: { name: 'int32', bytes: 4 },
  4: { name: 'uint16', bytes: 2 },
  5: { name: 'uint32', bytes: 4 },
  6: { name: 'float32', bytes: 4 },
  7: { name: 'float64', bytes: 8 },
  8: { name: 'bool', bytes: 1 },
  9: { name: 'int8', bytes: 1 },
  10: { name: 'uint8', bytes: 1 },
  11: { name: 'int64', bytes: 8 },
  12: { name: 'uint64', bytes: 8 },
} as const;

/** Name of a simple type. */
export type DmSimpleName = (typeof DM_SIMPLE_TYPES)[keyof typeof DM_SIMPLE_TYPES]['name'];

/** The type of a tag's value. */
export type DmType =
  | { readonly kind: 'simple'; readonly name: DmSimpleName; readonly bytes: number }
  | { readonly kind: 'text'; readonly length: number }
  | { readonly kind: 'struct'; readonly fields: readonly DmType[] }
  | { readonly kind: 'array'; readonly element: DmType; readonly count: number };

const STRUCT = 15;
const TEXT = 18;
const ARRAY = 20;
const MAX_NESTING = 8;

const simpleTypes = new Map<number, DmType>(
  Object.entries(DM_SIMPLE_TYPES).map(([code, type]) => [
    Number(code),
    { kind: 'simple', ...type },
  ]),
);

/**
 * The type that the numbers before a value describe: `[code]`; `[18, length]`; `[15, name length, fields, (name
 * length, code)...]`; `[20, description of the element..., count]`. Null: not such a description.
 */
export function parseDmType(numbers: readonly number[]): DmType | null {
  const parsed = parseAt(numbers, 0, 0);
  return parsed?.next === numbers.length ? parsed.type : null;
}

function parseAt(
  numbers: readonly number[],
  at: number,
  nesting: number,
): { type: DmType; next: number } | null {
  const code = numbers[at];
  if (code === undefined || nesting > MAX_NESTING) return null;
  if (code === TEXT) {
    const length = numbers[at + 1];
    return length === undefined ? null : { type: { kind: 'text', length }, next: at + 2 };
  }
  if (code === STRUCT) {
    const fieldCount = numbers[at + 2];
    if (fieldCount === undefined || at + 3 + 2 * fieldCount > numbers.length) return null;
    const fields: DmType[] = [];
    for (let index = 0; index < fieldCount; index += 1) {
      const field = simpleTypes.get(numbers[at + 4 + 2 * index] ?? -1);
      if (field === undefined) return null;
      fields.push(field);
    }
    return { type: { kind: 'struct', fields }, next: at + 3 + 2 * fieldCount };
  }
  if (code === ARRAY) {
    const element = parseAt(numbers, at + 1, nesting + 1);
    const count = element === null ? undefined : numbers[element.next];
    if (element === null || count === undefined) return null;
    return { type: { kind: 'array', element: element.type, count }, next: element.next + 1 };
  }
  const simple = simpleTypes.get(code);
  return simple === undefined ? null : { type: simple, next: at + 1 };
}

/** Bytes that a value of the type takes; null when no file could hold it. */
export function byteLengthOf(type: DmType): number | null {
  switch (type.kind) {
    case 'simple':
      return type.bytes;
    case 'text':
      return checked(type.length * 2);
    case 'struct':
      return checked(type.fields.reduce((sum, field) => sum + (byteLengthOf(field) ?? NaN), 0));
    case 'array':
      return checked((byteLengthOf(type.element) ?? NaN) * type.count);
  }
}

function checked(length: number): number | null {
  return Number.isSafeInteger(length) ? length : null;
}

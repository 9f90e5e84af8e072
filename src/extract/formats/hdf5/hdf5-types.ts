import { z } from 'zod';

/** Names of real numbers, as numpy has them. */
export const NUMBER_TYPES = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float16',
  'float32',
  'float64',
] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];

/** A data type of HDF5, as far as it can be read. `sizeBytes` is what one value takes in memory. */
export type Hdf5Type =
  | { readonly kind: 'number'; readonly dtype: NumberType; readonly sizeBytes: number }
  /** h5py's way: an enumeration of FALSE and TRUE. */
  | { readonly kind: 'boolean'; readonly sizeBytes: number }
  /** Two real numbers one after the other. */
  | {
      readonly kind: 'complex';
      readonly dtype: 'complex64' | 'complex128';
      readonly sizeBytes: number;
      /** Name of the first member: Velox tells half-plane transforms from others by it. */
      readonly memberName: string;
    }
  /** Red, green, blue and perhaps alpha. */
  | {
      readonly kind: 'colour';
      readonly dtype: 'rgb8' | 'rgba8' | 'rgb16' | 'rgba16';
      readonly sizeBytes: number;
      readonly channels: 3 | 4;
    }
  | {
      readonly kind: 'text';
      readonly isVariable: boolean;
      readonly isUtf8: boolean;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'compound';
      readonly members: readonly Hdf5Member[];
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'list';
      readonly element: Hdf5Type;
      readonly count: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'other'; readonly name: string; readonly sizeBytes: number };

/** A member of a compound type. */
export interface Hdf5Member {
  readonly name: string;
  readonly offset: number;
  readonly type: Hdf5Type;
}

/** Classes of types by their number (H5Tpublic.h, H5T_class_t). */
const CLASS = { integer: 0, float: 1, text: 3, compound: 6, enumeration: 8, list: 10 } as const;
const CLASS_NAMES: readonly string[] = [
  'integer',
  'float',
  'time',
  'text',
  'bit field',
  'opaque',
  'compound',
  'reference',
  'enumeration',
  'list of any length',
  'list',
];

const length = z.number().nonnegative();

/** A type as h5wasm describes it (get_dtype_metadata in its hdf5_util.cc); what it consists of is parsed in its turn. */
const rawType = z.object({
  type: z.number().int(),
  size: z.number().int().nonnegative(),
  signed: z.boolean(),
  vlen: z.boolean(),
  cset: z.number().optional(),
  enum_type: z.object({ members: z.record(z.string(), z.number()) }).optional(),
  compound_type: z.object({ members: z.array(z.unknown()) }).optional(),
  array_type: z.unknown().optional(),
});
const rawMember = z.object({ name: z.string(), offset: z.number().int().nonnegative() });
const rawElement = z.object({ total_size: length });

type RawType = z.infer<typeof rawType>;

/** A dataset or attribute as h5wasm describes it (get_abstractDS_metadata). */
const rawArray = z.object({
  shape: z.array(length).nullable(),
  chunks: z.array(length).nullable(),
  virtual_sources: z.array(z.unknown()).optional(),
});

/** What is known of the values of a dataset or an attribute. */
export interface Hdf5Layout {
  readonly type: Hdf5Type;
  /** Slowest axis first; empty: one value. Null: no value at all. */
  readonly shape: readonly number[] | null;
  /** Values in all; 0: none, or more than a number can count. */
  readonly count: number;
  /** Lengths of a chunk; null: not in chunks. */
  readonly chunks: readonly number[] | null;
  /** Put together from datasets of this or other files. */
  readonly isVirtual: boolean;
}

/** Understands the description of a dataset or an attribute; null: it makes no sense. */
export function parseHdf5Layout(raw: unknown): Hdf5Layout | null {
  const parsed = rawArray.safeParse(raw);
  if (!parsed.success) return null;
  const { shape, chunks, virtual_sources } = parsed.data;
  const count = shape === null ? 0 : shape.reduce((product, axis) => product * axis, 1);
  return {
    type: typeOf(raw),
    shape,
    count: Number.isSafeInteger(count) ? count : 0,
    chunks,
    isVirtual: virtual_sources !== undefined,
  };
}

function typeOf(described: unknown): Hdf5Type {
  const parsed = rawType.safeParse(described);
  if (!parsed.success) return { kind: 'other', name: 'unknown type', sizeBytes: 0 };
  const raw = parsed.data;
  const { size: sizeBytes } = raw;
  switch (raw.type) {
    case CLASS.integer:
    case CLASS.float:
      return numberType(raw);
    case CLASS.text:
      return { kind: 'text', isVariable: raw.vlen, isUtf8: raw.cset === 1, sizeBytes };
    case CLASS.enumeration: {
      const members = raw.enum_type?.members ?? {};
      const isBoolean =
        sizeBytes === 1 &&
        Object.keys(members).length === 2 &&
        members['FALSE'] === 0 &&
        members['TRUE'] === 1;
      return isBoolean
        ? { kind: 'boolean', sizeBytes }
        : numberType({ ...raw, type: CLASS.integer });
    }
    case CLASS.compound:
      return compoundType(raw);
    case CLASS.list: {
      const element = rawElement.safeParse(raw.array_type);
      if (!element.success) return other(raw);
      const { total_size: count } = element.data;
      return { kind: 'list', element: typeOf(raw.array_type), count, sizeBytes };
    }
    default:
      return other(raw);
  }
}

function other({ type, size }: RawType): Hdf5Type {
  return { kind: 'other', name: CLASS_NAMES[type] ?? `type ${type}`, sizeBytes: size };
}

function numberType(raw: RawType): Hdf5Type {
  const bits = raw.size * 8;
  const wanted =
    raw.type === CLASS.float ? `float${bits}` : `${raw.signed ? 'int' : 'uint'}${bits}`;
  const dtype = NUMBER_TYPES.find((name) => name === wanted);
  return dtype === undefined
    ? { kind: 'other', name: wanted, sizeBytes: raw.size }
    : { kind: 'number', dtype, sizeBytes: raw.size };
}

function compoundType(raw: RawType): Hdf5Type {
  const { size: sizeBytes } = raw;
  const members = (raw.compound_type?.members ?? []).map((member) => ({
    name: '',
    offset: sizeBytes,
    ...rawMember.safeParse(member).data,
    type: typeOf(member),
  }));
  return (
    complexType(members, sizeBytes) ??
    colourType(members, sizeBytes) ?? {
      kind: 'compound',
      members,
      sizeBytes,
    }
  );
}

/** Two packed floats, the real part first: r and i (h5py), real and imag, Velox's realFloat and imagFloat. */
function complexType(members: readonly Hdf5Member[], sizeBytes: number): Hdf5Type | null {
  const [real, imaginary] = members;
  if (members.length !== 2 || real?.type.kind !== 'number' || imaginary?.type.kind !== 'number') {
    return null;
  }
  const { dtype } = real.type;
  if (!/^r/i.test(real.name) || !/^i/i.test(imaginary.name)) return null;
  if (dtype !== imaginary.type.dtype || (dtype !== 'float32' && dtype !== 'float64')) return null;
  const part = real.type.sizeBytes;
  if (real.offset !== 0 || imaginary.offset !== part || sizeBytes !== 2 * part) return null;
  return {
    kind: 'complex',
    dtype: dtype === 'float32' ? 'complex64' : 'complex128',
    sizeBytes,
    memberName: real.name,
  };
}

/** Packed R, G, B and perhaps A, of 8 or 16 bits each. */
function colourType(members: readonly Hdf5Member[], sizeBytes: number): Hdf5Type | null {
  const letters = members.map(({ name }) => name).join('');
  if (letters !== 'RGB' && letters !== 'RGBA') return null;
  const [first] = members;
  const part = first?.type.sizeBytes ?? 0;
  const wanted = part === 1 ? 'uint8' : 'uint16';
  const isPacked = members.every(
    ({ type, offset }, index) =>
      type.kind === 'number' && type.dtype === wanted && offset === index * part,
  );
  if (!isPacked || sizeBytes !== members.length * part) return null;
  const channels = letters === 'RGB' ? 3 : 4;
  const dtype = channels === 3 ? (part === 1 ? 'rgb8' : 'rgb16') : part === 1 ? 'rgba8' : 'rgba16';
  return { kind: 'colour', dtype, sizeBytes, channels };
}

/** Whether values of a type hold pointers to text that the library has allocated. */
export function holdsVariableText(type: Hdf5Type): boolean {
  switch (type.kind) {
    case 'text':
      return type.isVariable;
    case 'compound':
      return type.members.some((member) => holdsVariableText(member.type));
    case 'list':
      return holdsVariableText(type.element);
    default:
      return false;
  }
}

/** Whether values of a type can be read at all: variable lists, references and odd numbers cannot. */
export function isReadableType(type: Hdf5Type): boolean {
  switch (type.kind) {
    case 'other':
      return false;
    case 'compound':
      return type.members.every((member) => isReadableType(member.type));
    case 'list':
      return isReadableType(type.element);
    default:
      return true;
  }
}

/** The type in words, as numpy names it where it does. */
export function typeText(type: Hdf5Type): string {
  switch (type.kind) {
    case 'number':
    case 'complex':
    case 'colour':
      return type.dtype;
    case 'boolean':
      return 'bool';
    case 'text':
      return type.isVariable ? 'text' : `text of ${type.sizeBytes}`;
    case 'compound':
      return `(${type.members.map(({ name, type: of }) => `${name}: ${typeText(of)}`).join(', ')})`;
    case 'list':
      return `[${type.count} x ${typeText(type.element)}]`;
    case 'other':
      return type.name;
  }
}

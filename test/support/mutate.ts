import { deflateSync, inflateRawSync, inflateSync } from 'node:zlib';
import { seededRandom } from './seeded-random.js';

/** A damaged copy of a file. */
export interface Mutation {
  readonly bytes: Buffer;
  /** How it was damaged, in the order in which it happened: `splice, count`. */
  readonly kinds: readonly string[];
}

/** Whole numbers that break what trusts them: counts, offsets, lengths, signs. */
const ABSURD = [
  0n,
  1n,
  -1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x00ff_ffffn,
  0x1000_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff0n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x001f_ffff_ffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
] as const;
/** Numbers as texts of headers hold them. */
const ABSURD_TEXTS = [
  '-1',
  '0',
  '1e308',
  'NaN',
  '4294967296',
  '99999999999999999999',
  '',
  '"',
  '<',
];
/** Bytes that a bomb inflates to. */
const BOMB_BYTES = 192 * 1024 * 1024;
/** Of the samples' structure, most lies in the first and last bytes. */
const DENSE_BYTES = 4096;
/** Most bytes that a copy grows to. */
const MOST_BYTES = 24 * 1024 * 1024;
const DEEP = 20_000;

type Step = (bytes: Buffer, random: (below: number) => number, other: Buffer) => Buffer | null;

function placeIn(length: number, random: (below: number) => number): number {
  const dense = Math.min(length, DENSE_BYTES);
  switch (random(5)) {
    case 0:
    case 1:
      return random(dense);
    case 2:
      return length - 1 - random(dense);
    default:
      return random(length);
  }
}

function writeWhole(bytes: Buffer, at: number, size: number, value: bigint, isLittle: boolean) {
  for (let index = 0; index < size; index += 1) {
    const place = isLittle ? index : size - 1 - index;
    if (at + place < bytes.length) bytes[at + place] = Number((value >> BigInt(8 * index)) & 0xffn);
  }
}

const truncate: Step = (bytes, random) => bytes.subarray(0, random(bytes.length));

const flipBits: Step = (bytes, random) => {
  const copy = Buffer.from(bytes);
  for (let flips = random(24); flips >= 0; flips -= 1) {
    const at = placeIn(copy.length, random);
    copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
  }
  return copy;
};

/** Whole numbers at aligned and odd places become absurd. */
const absurdNumbers: Step = (bytes, random) => {
  const copy = Buffer.from(bytes);
  for (let writes = random(6); writes >= 0; writes -= 1) {
    const size = 1 << random(4);
    const place = placeIn(copy.length, random);
    const at = random(4) === 0 ? place : place - (place % size);
    writeWhole(copy, at, size, ABSURD[random(ABSURD.length)] ?? 0n, random(2) === 0);
  }
  return copy;
};

/** What looks like a count or an offset (a small number of 32 bits) becomes another place, a loop or nonsense. */
const absurdOffsets: Step = (bytes, random) => {
  if (bytes.length < 16) return null;
  const copy = Buffer.from(bytes);
  for (let left = 1 + random(4), tries = 0; left > 0 && tries < 400; tries += 1) {
    const at = Math.min(placeIn(copy.length, random), copy.length - 4);
    const isLittle = random(2) === 0;
    const value = isLittle ? copy.readUInt32LE(at) : copy.readUInt32BE(at);
    if (value === 0 || value > 2 * copy.length) continue;
    const values = [0, at, value + 1, value * 2, copy.length - 1, random(copy.length), 0xffffffff];
    writeWhole(copy, at, 4, BigInt(values[random(values.length)] ?? 0) & 0xffffffffn, isLittle);
    left -= 1;
  }
  return copy;
};

/** A number in text becomes another one. */
const absurdTexts: Step = (bytes, random) => {
  const from = random(2) === 0 ? 0 : random(bytes.length);
  const text = bytes.toString('latin1', from, from + 65_536);
  const found = [...text.matchAll(/\d+/g)];
  const one = found[random(Math.max(1, found.length))];
  if (one === undefined) return null;
  return Buffer.concat([
    bytes.subarray(0, from + one.index),
    Buffer.from(ABSURD_TEXTS[random(ABSURD_TEXTS.length)] ?? '', 'latin1'),
    bytes.subarray(from + one.index + one[0].length),
  ]);
};

const splice: Step = (bytes, random, other) =>
  Buffer.concat([bytes.subarray(0, random(bytes.length)), other.subarray(random(other.length))]);

const insertOther: Step = (bytes, random, other) => {
  const at = placeIn(bytes.length, random);
  const from = random(other.length);
  const piece = other.subarray(from, from + random(65_536));
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
};

const repeatChunk: Step = (bytes, random) => {
  const from = placeIn(bytes.length, random);
  const chunk = bytes.subarray(from, from + 1 + random(Math.min(bytes.length, 4096)));
  const times = random(4) === 0 ? 200 : 1 + random(3);
  const repeated = Array.from({ length: times }, () => chunk);
  return Buffer.concat([bytes.subarray(0, from), ...repeated, bytes.subarray(from)]);
};

const removeChunk: Step = (bytes, random) => {
  const from = placeIn(bytes.length, random);
  const length = 1 + random(random(2) === 0 ? 16 : Math.min(bytes.length, 65_536));
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
};

const fillChunk: Step = (bytes, random) => {
  const copy = Buffer.from(bytes);
  const from = placeIn(copy.length, random);
  const value = [0, 0xff, 0x20, 0x41][random(4)] ?? 0;
  return copy.fill(value, from, Math.min(copy.length, from + 1 + random(512)));
};

/** Begins of groups within groups: XML, JSON, DigitalMicrograph, DICOM (implicit and explicit), lists of JEOL. */
const NESTS: readonly Buffer[] = [
  Buffer.from('<a>'),
  Buffer.from('<ClassInstance Type="TRTBase">'),
  Buffer.from('{"a":['),
  // Sorted, open, one entry; a group without a name.
  Buffer.from([1, 0, 0, 0, 0, 1, 20, 0, 0]),
  Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from([
    0x08, 0, 0x40, 0x11, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff,
  ]),
  Buffer.from([
    0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff,
    0xff, 0xff,
  ]),
  Buffer.from([1, 5, 0, 0, 0, 0x61, 0x61, 0x61, 0x61, 0, 1]),
];

/** A group within a group within a group, of a kind that the file has if it has any. */
const nestDeep: Step = (bytes, random) => {
  const own = NESTS.filter((nest) => bytes.includes(nest.subarray(0, Math.min(3, nest.length))));
  const choice = own.length > 0 && random(4) > 0 ? own : NESTS;
  const nest = choice[random(choice.length)] ?? Buffer.alloc(0);
  const from = random(2) === 0 ? 0 : random(bytes.length);
  const known = bytes.indexOf(nest.subarray(0, Math.min(3, nest.length)), from);
  const at = known >= 0 ? known : placeIn(bytes.length, random);
  const deep = Buffer.concat(Array.from({ length: 1 + random(DEEP) }, () => nest));
  return Buffer.concat([bytes.subarray(0, at), deep, bytes.subarray(at + random(nest.length))]);
};

let bombs: { readonly zlib: Buffer; readonly raw: Buffer; readonly gzip: Buffer } | null = null;

function madeBombs() {
  if (bombs === null) {
    const zlib = deflateSync(Buffer.alloc(BOMB_BYTES), { level: 1 });
    // The same data in the three wrappings (RFC 1950 to 1952); the sum at the end of gzip is wrong, which is late.
    const raw = zlib.subarray(2, -4);
    const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    bombs = { zlib, raw, gzip: Buffer.concat([head, raw, Buffer.alloc(8)]) };
  }
  return bombs;
}

function inflates(bytes: Buffer, inflate: (bytes: Buffer) => Buffer): boolean {
  try {
    return inflate(bytes).length > 0;
  } catch {
    return false;
  }
}

/** Where compressed data begin: a zlib header that inflates, or bytes after it that inflate raw. */
function compressedPlaces(bytes: Buffer, from: number): readonly number[] {
  const places: number[] = [];
  const limits = { maxOutputLength: 4096 };
  for (let at = bytes.indexOf(0x78, from); at >= 0 && places.length < 8;) {
    const second = bytes[at + 1] ?? 0;
    const isHeader = (0x7800 + second) % 31 === 0;
    const piece = bytes.subarray(at, at + 65_536);
    if (isHeader && looksInflatable((part) => inflateSync(part, limits), piece)) places.push(at);
    at = bytes.indexOf(0x78, at + 1);
    if (at - from > 4 * 1024 * 1024) break;
  }
  return places;
}

/** Inflates, or would go on beyond the limit. */
function looksInflatable(inflate: (bytes: Buffer) => Buffer, piece: Buffer): boolean {
  try {
    return inflate(piece).length > 0;
  } catch (error) {
    const code = error instanceof Object && 'code' in error ? error.code : undefined;
    return code === 'ERR_BUFFER_TOO_LARGE' || code === 'Z_BUF_ERROR';
  }
}

/** What is compressed in the file inflates to hundreds of megabytes of zeros. */
const bomb: Step = (bytes, random) => {
  const places = compressedPlaces(bytes, random(3) === 0 ? random(bytes.length) : 0);
  const made = madeBombs();
  const at = places[random(Math.max(1, places.length))];
  if (at === undefined) {
    if (inflates(bytes.subarray(0, 1024), (piece) => inflateRawSync(piece))) return made.raw;
    const kind = [made.zlib, made.raw, made.gzip][random(3)] ?? made.zlib;
    const anywhere = placeIn(bytes.length, random);
    return Buffer.concat([bytes.subarray(0, anywhere), kind, bytes.subarray(anywhere)]);
  }
  const rest = random(2) === 0 ? bytes.subarray(at) : bytes.subarray(at + made.zlib.length);
  return Buffer.concat([bytes.subarray(0, at), made.zlib, rest]);
};

const STEPS: readonly (readonly [kind: string, weight: number, step: Step])[] = [
  ['truncate', 3, truncate],
  ['flip bits', 6, flipBits],
  ['absurd number', 8, absurdNumbers],
  ['absurd offset', 6, absurdOffsets],
  ['absurd text', 3, absurdTexts],
  ['splice', 2, splice],
  ['insert of another', 2, insertOther],
  ['repeat', 2, repeatChunk],
  ['remove', 3, removeChunk],
  ['fill', 3, fillChunk],
  ['deep nesting', 2, nestDeep],
  ['bomb', 1, bomb],
];
const TOTAL_WEIGHT = STEPS.reduce((sum, [, weight]) => sum + weight, 0);

function stepFor(random: (below: number) => number): readonly [kind: string, step: Step] {
  let left = random(TOTAL_WEIGHT);
  for (const [kind, weight, step] of STEPS) {
    if (left < weight) return [kind, step];
    left -= weight;
  }
  return ['flip bits', flipBits];
}

/** Whole numbers below a bound that a seed decides. */
export function seededBelow(seed: number): (below: number) => number {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}

/**
 * A copy of a file damaged in one to three ways, the same for the same numbers. Every kind of damage that a file may
 * meet: cut off, bits flipped, counts and offsets that are absurd, pieces lost, repeated or of another file, groups
 * nested thousands deep, and compressed data that inflate without end.
 */
export function mutate(bytes: Buffer, other: Buffer, random: (below: number) => number): Mutation {
  let current = bytes;
  const kinds: string[] = [];
  for (let left = 1 + (random(3) === 0 ? 1 + random(2) : 0); left > 0; left -= 1) {
    if (current.length === 0) break;
    const [kind, step] = stepFor(random);
    const next = step(current, random, other.length === 0 ? current : other);
    if (next === null || next.length > MOST_BYTES) continue;
    current = next;
    kinds.push(kind);
  }
  return { bytes: current, kinds };
}

/** One tag of a page: numbers as SHORT, LONG or DOUBLE, or text. */
export type TiffTag = readonly [
  tag: number,
  type: 'short' | 'long' | 'rational' | 'ascii' | 'long8' | 'byte' | 'double',
  value: readonly number[] | string,
];

/** One page to write: tags, and its pixel bytes in one strip or several. */
export interface TiffPageInput {
  readonly tags: readonly TiffTag[];
  readonly strip: Buffer | readonly Buffer[];
}

const TYPES = {
  short: [3, 2],
  long: [4, 4],
  rational: [5, 8],
  ascii: [2, 1],
  long8: [16, 8],
  byte: [1, 1],
  double: [12, 8],
} as const;

/** Writes a TIFF from the layout of the specification, without any of the code under test. */
export function buildTiff(
  pages: readonly TiffPageInput[],
  options: { bigTiff?: boolean; littleEndian?: boolean; lastLink?: number } = {},
): Buffer {
  const { bigTiff = false, littleEndian = true, lastLink = 0 } = options;
  const number = (value: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size);
    if (size === 8) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeUIntLE(value, 0, size);
    return littleEndian ? bytes : bytes.reverse();
  };
  const offsetBytes = bigTiff ? 8 : 4;
  const parts: Buffer[] = [];
  let length = bigTiff ? 16 : 8;
  const add = (bytes: Buffer): number => {
    const at = length;
    parts.push(bytes, Buffer.alloc(bytes.length % 2));
    length += bytes.length + (bytes.length % 2);
    return at;
  };
  const directories: { at: number; bytes: Buffer; linkAt: number }[] = [];
  for (const page of pages) {
    const strips = Buffer.isBuffer(page.strip) ? [page.strip] : page.strip;
    const offsets = strips.map(add);
    const tags: TiffTag[] = [
      ...page.tags,
      [273, 'long', offsets],
      [279, 'long', strips.map((strip) => strip.length)],
    ];
    const entries = tags
      .toSorted((a, b) => a[0] - b[0])
      .map(([tag, typeName, value]) => {
        const [type, size] = TYPES[typeName];
        const values =
          typeof value === 'string'
            ? Buffer.from(value, 'latin1')
            : Buffer.concat(
                typeName === 'rational'
                  ? value.map((part) => number(part, 4))
                  : value.map((part) =>
                      typeName === 'double' ? real(part, littleEndian) : number(part, size),
                    ),
              );
        const field =
          values.length <= offsetBytes
            ? Buffer.concat([values, Buffer.alloc(offsetBytes - values.length)])
            : number(add(values), offsetBytes);
        return Buffer.concat([
          number(tag, 2),
          number(type, 2),
          number(values.length / size, offsetBytes),
          field,
        ]);
      });
    const body = Buffer.concat([
      number(entries.length, bigTiff ? 8 : 2),
      ...entries,
      Buffer.alloc(offsetBytes),
    ]);
    directories.push({ at: add(body), bytes: body, linkAt: body.length - offsetBytes });
  }
  for (const [index, directory] of directories.entries()) {
    const next = directories[index + 1]?.at ?? lastLink;
    number(next, offsetBytes).copy(directory.bytes, directory.linkAt);
  }
  const first = directories[0]?.at ?? 0;
  const header = Buffer.concat([
    Buffer.from(littleEndian ? 'II' : 'MM'),
    number(bigTiff ? 43 : 42, 2),
    ...(bigTiff ? [number(8, 2), number(0, 2)] : []),
    number(first, offsetBytes),
  ]);
  return Buffer.concat([header, ...parts]);
}

function real(value: number, littleEndian: boolean): Buffer {
  const bytes = Buffer.alloc(8);
  if (littleEndian) bytes.writeDoubleLE(value);
  else bytes.writeDoubleBE(value);
  return bytes;
}

/** The tags of a grey page. */
export function greyTags(
  width: number,
  height: number,
  bits: number,
  more: readonly TiffTag[] = [],
): TiffTag[] {
  return [
    [256, 'long', [width]],
    [257, 'long', [height]],
    [258, 'short', [bits]],
    [259, 'short', [1]],
    [262, 'short', [1]],
    [277, 'short', [1]],
    [278, 'long', [height]],
    ...more,
  ];
}

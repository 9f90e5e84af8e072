/** What a tag holds: a group (object), unnamed groups or values (array), or a value. */
export type DmContent = DmLeaf | readonly DmContent[] | DmContents;

/** Tags by name. */
export interface DmContents {
  readonly [name: string]: DmContent;
}

/** A value with its type numbers; bytes are in the byte order of the file. */
export class DmLeaf {
  readonly type: readonly number[];
  readonly bytes: Buffer;

  constructor(type: readonly number[], bytes: Buffer) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** A uint32 in little-endian order. */
export function dmUint32(number: number): DmLeaf {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return new DmLeaf([5], bytes);
}

/** A float64 in little-endian order. */
export function dmFloat64(number: number): DmLeaf {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(number);
  return new DmLeaf([7], bytes);
}

/** A text. */
export function dmText(text: string): DmLeaf {
  return new DmLeaf([20, 4, text.length], Buffer.from(text, 'utf16le'));
}

/** An array of the type's elements. */
export function dmArray(type: number, elementBytes: number, bytes: Buffer): DmLeaf {
  return new DmLeaf([20, type, bytes.length / elementBytes], bytes);
}

/** An ImageList entry: dimensions x first. */
export function dmImage(
  dataType: number,
  dimensions: readonly number[],
  data: DmLeaf,
  more: DmContents = {},
): DmContent {
  return {
    ImageData: {
      Data: data,
      DataType: dmUint32(dataType),
      Dimensions: dimensions.map((length) => dmUint32(length)),
    },
    ...more,
  };
}

/** The bytes of a DM file of any version with these tags; independent of the product's own writer. */
export function dmBytes(version: 3 | 4, root: DmContent, littleEndian = true): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(version === 4 ? 8 : 4);
    if (version === 4) bytes.writeBigInt64BE(BigInt(value));
    else bytes.writeUInt32BE(value);
    return bytes;
  };
  const bodyOf = (content: DmContent): Buffer => {
    if (content instanceof DmLeaf) {
      return Buffer.concat([
        Buffer.from('%%%%'),
        number(content.type.length),
        ...content.type.map(number),
        content.bytes,
      ]);
    }
    const entries: [string, DmContent][] = isList(content)
      ? content.map((value): [string, DmContent] => ['', value])
      : Object.entries(content);
    const parts = [Buffer.from([1, 0]), number(entries.length)];
    for (const [name, value] of entries) {
      const head = Buffer.alloc(3);
      head.writeUInt8(value instanceof DmLeaf ? 21 : 20, 0);
      head.writeUInt16BE(name.length, 1);
      const body = bodyOf(value);
      parts.push(head, Buffer.from(name, 'latin1'));
      if (version === 4) parts.push(number(body.length));
      parts.push(body);
    }
    return Buffer.concat(parts);
  };
  const body = bodyOf(root);
  const start = Buffer.alloc(4);
  start.writeUInt32BE(version);
  const order = Buffer.alloc(4);
  order.writeUInt32BE(littleEndian ? 1 : 0);
  return Buffer.concat([start, number(body.length), order, body, Buffer.alloc(8)]);
}

function isList(content: DmContent): content is readonly DmContent[] {
  return Array.isArray(content);
}

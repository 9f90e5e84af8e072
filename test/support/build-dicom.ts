/** One element: group and element as hexadecimal, value representation, value. */
export type DicomElement = readonly [tag: string, vr: string, value: string | number | Buffer];

const LONG = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

function elementBytes([tag, vr, value]: DicomElement): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  let content: Buffer;
  if (Buffer.isBuffer(value)) content = value;
  else if (typeof value === 'number') {
    content = Buffer.alloc(2);
    content.writeUInt16LE(value);
  } else content = Buffer.from(value.length % 2 === 0 ? value : `${value} `, 'latin1');
  const length = Buffer.alloc(LONG.has(vr) ? 6 : 2);
  if (LONG.has(vr)) length.writeUInt32LE(content.length, 2);
  else length.writeUInt16LE(content.length);
  return Buffer.concat([head, Buffer.from(vr, 'latin1'), length, content]);
}

/** Elements in the order given, explicit value representation, little-endian. */
export function dicomElements(elements: readonly DicomElement[]): Buffer {
  return Buffer.concat(elements.map(elementBytes));
}

/** A sequence of data sets of known length. */
export function dicomSequence(
  tag: string,
  items: readonly (readonly DicomElement[])[],
): DicomElement {
  const parts = items.map((item) => {
    const content = dicomElements(item);
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content]);
  });
  return [tag, 'SQ', Buffer.concat(parts)];
}

/** A file as PS3.10 says, written without any of the code under test. */
export function buildDicom(
  elements: readonly DicomElement[],
  transferSyntax = '1.2.840.10008.1.2.1',
): Buffer {
  const meta = dicomElements([
    [
      '00020010',
      'UI',
      `${transferSyntax}\0`.slice(0, transferSyntax.length + (transferSyntax.length % 2)),
    ],
  ]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), meta, dicomElements(elements)]);
}

/** The elements of a small grey picture of 16 bits. */
export function greyElements(
  rows: number,
  columns: number,
  values: readonly number[],
): DicomElement[] {
  return [
    ['00280002', 'US', 1],
    ['00280004', 'CS', 'MONOCHROME2'],
    ['00280010', 'US', rows],
    ['00280011', 'US', columns],
    ['00280100', 'US', 16],
    ['00280101', 'US', 12],
    ['00280102', 'US', 11],
    ['00280103', 'US', 0],
    ['7fe00010', 'OW', Buffer.from(Uint16Array.from(values).buffer)],
  ];
}

import { Buffer } from 'node:buffer';

/** What a test wants in an MRC file. */
export interface MrcContent {
  readonly size: readonly [width: number, height: number, depth: number];
  readonly mode: number;
  readonly pixels: Buffer;
  /** Lengths of the cell in Å; samples are as many as pixels. */
  readonly cell?: readonly [number, number, number];
  readonly spaceGroup?: number;
  readonly extended?: Buffer;
  readonly extendedType?: string;
  readonly labels?: readonly string[];
  /** Without the mark, as before 2000. */
  readonly old?: boolean;
  readonly bigEndian?: boolean;
}

/** No real MRC file may be packaged: one written from the layout of MRC2014. */
export function mrcBytes(content: MrcContent): Buffer {
  const { size, mode, pixels, cell = [0, 0, 0], labels = [], bigEndian = false } = content;
  const extended = content.extended ?? Buffer.alloc(0);
  const header = Buffer.alloc(1024);
  const integer = (value: number, at: number): unknown =>
    bigEndian ? header.writeInt32BE(value, at) : header.writeInt32LE(value, at);
  const real = (value: number, at: number): unknown =>
    bigEndian ? header.writeFloatBE(value, at) : header.writeFloatLE(value, at);
  size.forEach((length, axis) => {
    integer(length, 4 * axis);
    integer(length, 28 + 4 * axis);
    real(cell[axis] ?? 0, 40 + 4 * axis);
    integer(axis + 1, 64 + 4 * axis);
  });
  integer(mode, 12);
  integer(content.spaceGroup ?? 0, 88);
  integer(extended.length, 92);
  header.write(content.extendedType ?? '', 104, 'latin1');
  if (content.old !== true) {
    header.write('MAP ', 208, 'latin1');
    header.fill(bigEndian ? 0x11 : 0x44, 212, 214);
  }
  integer(labels.length, 220);
  labels.forEach((label, index) => header.write(label, 224 + 80 * index, 'latin1'));
  return Buffer.concat([header, extended, pixels]);
}

/** A record of FEI's extended header (FEI2: 888 bytes), by offsets as Thermo Fisher's specification has them. */
export function feiRecord(pixelSize: number, projectionMode: 1 | 2): Buffer {
  const record = Buffer.alloc(888);
  record.writeInt32LE(888, 0);
  record.writeInt32LE(2, 4);
  // 2020-06-15 12:00:00 as days since 1899-12-30.
  record.writeDoubleLE(43_997.5, 12);
  record.write('TITAN52', 20, 'latin1');
  record.write('D3999', 36, 'latin1');
  record.write('Velox', 52, 'latin1');
  record.write('2.13', 68, 'latin1');
  record.writeDoubleLE(300_000, 84);
  record.writeDoubleLE(12.5, 100);
  record.writeDoubleLE(-1.5e-4, 116);
  record.writeDoubleLE(pixelSize, 156);
  record.writeDoubleLE(pixelSize, 164);
  record.writeDoubleLE(-1.2e-6, 220);
  record.writeInt32LE(1, 244);
  record.writeInt32LE(projectionMode, 248);
  record.writeDoubleLE(29_000, 289);
  record.writeDoubleLE(projectionMode === 1 ? 0.23 : 0, 301);
  record.writeInt32LE(4, 309);
  record.writeUInt8(1, 354);
  record.writeDoubleLE(10, 355);
  record.writeDoubleLE(0.5, 419);
  record.writeInt32LE(2, 427);
  record.writeInt32LE(2, 431);
  record.write('BM-Ceta', 435, 'latin1');
  return record;
}

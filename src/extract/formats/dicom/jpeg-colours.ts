/** APP14 of Adobe, version 100, saying that the colours are not transformed (ITU-T T.872 6.5.3). */
const NO_TRANSFORM = Buffer.from('ffee000e41646f626500640000000000', 'hex');
const APP0 = 0xe0;
const APP14 = 0xee;
const START_OF_SCAN = 0xda;
/** Frames of 8 bits: baseline and extended (ITU-T T.81 table B.1). */
const FRAMES: readonly number[] = [0xc0, 0xc1];
/** Bytes of a whole APP14 segment without its marker; decoders pass over shorter ones. */
const APP14_BYTES = 14;
const MOST_SEGMENTS = 1000;

/**
 * A JPEG file whose components are said to be red, green and blue, so that decoders take them for that: without a marker
 * they take three components for luminance and chrominance. They are these all the same where a marker says so, or where
 * two of them are sampled more coarsely, as some programs write them.
 */
export function markedAsRgb(jpeg: Buffer): Buffer {
  let at = 2;
  for (let segment = 0; segment < MOST_SEGMENTS && at + 4 <= jpeg.length; segment += 1) {
    const marker = jpeg[at + 1] ?? 0;
    const length = jpeg.readUInt16BE(at + 2);
    const name = jpeg.toString('latin1', at + 4, at + 9);
    if (marker === APP0 && name.startsWith('JFIF')) return jpeg;
    if (marker === APP14 && length >= APP14_BYTES && name === 'Adobe') return jpeg;
    if (FRAMES.includes(marker) && isSubsampled(jpeg.subarray(at + 4, at + 2 + length)))
      return jpeg;
    if (marker === START_OF_SCAN || length < 2) break;
    at += 2 + length;
  }
  return Buffer.concat([jpeg.subarray(0, 2), NO_TRANSFORM, jpeg.subarray(2)]);
}

/** Whether components have different sampling factors (ITU-T T.81 B.2.2: three bytes a component from the seventh on). */
function isSubsampled(frame: Buffer): boolean {
  const count = frame[5] ?? 0;
  const factors = Array.from({ length: count }, (_, component) => frame[7 + component * 3]);
  return factors.some((factor) => factor !== factors[0]);
}

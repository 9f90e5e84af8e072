/**
 * A file's place: its path from paths.data with a leading slash, every byte but letters, digits and `_.-~/`
 * percent-encoded. So any name a file system can hold, also one that is not UTF-8, is plain ASCII text here.
 */
export type Location = string;

const HEX = '0123456789ABCDEF';

function isUnreserved(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    byte === 0x2e ||
    byte === 0x2d ||
    byte === 0x7e ||
    byte === 0x2f
  );
}

/** Percent-encodes the bytes of a path (slashes stay). */
export function encodeLocation(path: Buffer | string): Location {
  const bytes = typeof path === 'string' ? Buffer.from(path, 'utf8') : path;
  let encoded = '';
  for (const byte of bytes) {
    encoded += isUnreserved(byte)
      ? String.fromCharCode(byte)
      : `%${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 15)}`;
  }
  return encoded;
}

/** The bytes of a path that encodeLocation encoded. */
export function decodeLocation(location: Location): Buffer {
  const bytes = Buffer.alloc(location.length);
  let length = 0;
  for (let index = 0; index < location.length; index += 1) {
    const code = location.charCodeAt(index);
    if (code === 0x25) {
      bytes[length] = Number.parseInt(location.slice(index + 1, index + 3), 16);
      index += 2;
    } else {
      bytes[length] = code;
    }
    length += 1;
  }
  return bytes.subarray(0, length);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** A file name or path for people: the text itself when it is UTF-8, else its percent-encoded form. */
export function displayName(path: Buffer): string {
  try {
    return strictUtf8.decode(path);
  } catch {
    return encodeLocation(path);
  }
}

/** Latin-1 text in a field of fixed length, up to its first NUL, blanks at the ends removed. */
export function fixedText(bytes: Buffer, at: number, length: number): string {
  const text = bytes.toString('latin1', at, Math.min(at + length, bytes.length));
  const end = text.indexOf('\0');
  return (end < 0 ? text : text.slice(0, end)).trim();
}

/** A name for each whole number, of letters: digits in names would make a numbered series of the files. */
export function unnumberedName(number: number): string {
  return Array.from(String(number).padStart(5, '0'), (digit) =>
    String.fromCharCode(97 + Number(digit)),
  ).join('');
}

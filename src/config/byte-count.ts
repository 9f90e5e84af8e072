import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};
const EXPECTED = 'a number of bytes, or text such as `256 MiB`, `10 MB`';

/** A number of bytes, at least 1: a whole number, or text with a unit (kB = 1000, KiB = 1024). */
export const byteCount = z.union([z.number(), z.string()]).transform((value, context) => {
  const bytes = typeof value === 'number' ? value : bytesOf(value);
  if (bytes === null || !Number.isSafeInteger(bytes) || bytes < 1) {
    context.addIssue({ code: 'custom', message: EXPECTED });
    return z.NEVER;
  }
  return bytes;
});

function bytesOf(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = UNITS[(match?.[2] === '' ? 'b' : (match?.[2] ?? '')).toLowerCase()];
  return match?.[1] === undefined || unit === undefined
    ? null
    : Math.round(Number(match[1]) * unit);
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy with some bytes changed, or cut off, by the seed. */
export function damaged(bytes: Buffer, seed: number): Buffer {
  const random = seededRandom(seed);
  if (random() < 0.4) return Buffer.from(bytes.subarray(0, Math.floor(random() * bytes.length)));
  const copy = Buffer.from(bytes);
  const flips = 1 + Math.floor(random() * 24);
  for (let flip = 0; flip < flips; flip += 1) {
    // Structure lies at both ends: most hits go there.
    const where = random();
    const span = Math.min(bytes.length, 2048);
    const at =
      where < 0.4
        ? Math.floor(random() * span)
        : where < 0.8
          ? bytes.length - 1 - Math.floor(random() * Math.min(bytes.length, 8192))
          : Math.floor(random() * bytes.length);
    copy[at] = random() < 0.5 ? 0xff : Math.floor(random() * 256);
  }
  return copy;
}

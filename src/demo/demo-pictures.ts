/** Numbers between 0 and 1 that look random and are the same for the same seed (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Roughly normal, mean 0, standard deviation 1. */
function noise(random: () => number): number {
  return (random() + random() + random() + random() - 2) * 1.732;
}

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly height: number;
}

function spots(count: number, size: number, random: () => number): Spot[] {
  return Array.from({ length: count }, () => ({
    x: random() * size,
    y: random() * size,
    radius: size * (0.02 + 0.05 * random()),
    height: 0.5 + 0.5 * random(),
  }));
}

/** Calls `level` for each pixel of a square; what it answers (0 to 1) becomes 0 to `most`. */
function draw(
  size: number,
  most: number,
  random: () => number,
  level: (x: number, y: number) => number,
): Uint16Array {
  const pixels = new Uint16Array(size * size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const value = level(x, y) + 0.03 * noise(random);
      pixels[y * size + x] = Math.round(Math.min(1, Math.max(0, value)) * most);
    }
  }
  return pixels;
}

/** Dark round particles on a bright film, as in bright field. Side in pixels; values up to 12 bits. */
export function drawParticles(size: number, seed: number): Uint16Array {
  const random = seededRandom(seed);
  const particles = spots(22, size, random);
  return draw(size, 4000, random, (x, y) => {
    const film = 0.72 + 0.05 * Math.sin((x + 2 * y) / size);
    const shade = particles.reduce((sum, { x: cx, y: cy, radius, height }) => {
      const distance = Math.hypot(x - cx, y - cy) / radius;
      return distance > 1 ? sum : sum + height * Math.sqrt(1 - distance * distance);
    }, 0);
    return film - 0.55 * Math.min(1, shade);
  });
}

/** Rings and spots around the beam, as a crystalline powder scatters. Side in pixels; values up to 16 bits. */
export function drawDiffraction(size: number, seed: number): Uint16Array {
  const random = seededRandom(seed);
  const centre = size / 2;
  const rings = [0.16, 0.26, 0.31, 0.41].map((radius) => ({ radius: radius * size, height: 0.1 }));
  const reflections = rings.flatMap(({ radius }) =>
    Array.from({ length: 10 }, () => {
      const angle = random() * 2 * Math.PI;
      const height = 0.15 + 0.3 * random();
      return { x: radius * Math.cos(angle), y: radius * Math.sin(angle), height };
    }),
  );
  return draw(size, 60_000, random, (x, y) => {
    const dx = x - centre;
    const dy = y - centre;
    const distance = Math.hypot(dx, dy);
    const beam = Math.exp(-((distance / (0.02 * size)) ** 2)) + 0.2 * Math.exp(-distance / 12);
    const ring = rings.reduce(
      (sum, each) => sum + each.height * Math.exp(-(((distance - each.radius) / 1.2) ** 2)),
      0,
    );
    const spot = reflections.reduce((sum, each) => {
      const off = (dx - each.x) ** 2 + (dy - each.y) ** 2;
      return off > 60 ? sum : sum + each.height * Math.exp(-off / 5);
    }, 0);
    return 0.07 + beam + ring + spot;
  });
}

/** Grains of different brightness with dark boundaries, as in a scanning microscope. Side in pixels; 8 bits. */
export function drawGrains(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const grains = Array.from({ length: 40 }, () => ({
    x: random() * size,
    y: random() * size,
    level: 0.3 + 0.55 * random(),
  }));
  return Uint8Array.from(
    draw(size, 255, random, (x, y) => {
      let nearest = Infinity;
      let second = Infinity;
      let level = 0;
      for (const grain of grains) {
        const distance = Math.hypot(x - grain.x, y - grain.y);
        if (distance < nearest) {
          second = nearest;
          nearest = distance;
          level = grain.level;
        } else if (distance < second) {
          second = distance;
        }
      }
      return second - nearest < 2.5 ? 0.12 : level;
    }),
  );
}

/** A peak of a spectrum, in the spectrum's own unit. */
export interface Peak {
  readonly at: number;
  readonly width: number;
  readonly height: number;
}

/** Counts of a spectrum: peaks on a background that falls, with the scatter of counting. */
export function drawSpectrum(
  channels: number,
  seed: number,
  valueOf: (channel: number) => number,
  peaks: readonly Peak[],
): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: channels }, (_, channel) => {
    const value = valueOf(channel);
    const background = 60 * Math.exp(-channel / (channels / 3));
    const signal = peaks.reduce(
      (sum, { at, width, height }) => sum + height * Math.exp(-(((value - at) / width) ** 2)),
      0,
    );
    const expected = background + signal;
    return Math.max(0, Math.round(expected + Math.sqrt(expected) * noise(random)));
  });
}

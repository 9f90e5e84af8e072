/** Prefixes of powers of a thousand, from 10^-15 on. */
const PREFIXES = ['f', 'p', 'n', 'µ', 'm', ''] as const;
const SMALLEST = -15;

/** A unit with the factor that turns values of the unit without prefix into it. */
export interface PrefixedUnit {
  readonly unit: string;
  readonly factor: number;
}

/**
 * The unit in which an amount is a handy number (1 to 1000): nm for 5.3e-9 m, 1/nm for 2e9 1/m. Units other than m, s
 * and 1/m stay as they are.
 * @param amount The amount as people see it (the length of the axis, say), in `unit`.
 */
export function handyUnit(amount: number, unit: string): PrefixedUnit {
  const size = Math.abs(amount);
  if (!(size > 0) || !Number.isFinite(size)) return { unit, factor: 1 };
  if (unit === 'm' || unit === 's') {
    const power = prefixPower(Math.floor(Math.log10(size) / 3) * 3);
    return { unit: `${prefixOf(power)}${unit}`, factor: 10 ** -power };
  }
  if (unit === '1/m') {
    const power = prefixPower(Math.ceil(-Math.log10(size) / 3) * 3);
    return { unit: `1/${prefixOf(power)}m`, factor: 10 ** power };
  }
  return { unit, factor: 1 };
}

function prefixPower(power: number): number {
  return Math.min(0, Math.max(SMALLEST, power));
}

function prefixOf(power: number): string {
  return PREFIXES[(power - SMALLEST) / 3] ?? '';
}

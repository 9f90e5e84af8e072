/** Factors to the base unit of each quantity; two units convert when they share a quantity. */
const UNITS: Readonly<Record<string, readonly [quantity: string, factor: number]>> = {
  V: ['voltage', 1],
  kV: ['voltage', 1e3],
  m: ['length', 1],
  cm: ['length', 1e-2],
  mm: ['length', 1e-3],
  µm: ['length', 1e-6],
  um: ['length', 1e-6],
  nm: ['length', 1e-9],
  pm: ['length', 1e-12],
  A: ['length', 1e-10],
  Å: ['length', 1e-10],
  s: ['time', 1],
  ms: ['time', 1e-3],
  µs: ['time', 1e-6],
  us: ['time', 1e-6],
  ns: ['time', 1e-9],
  ps: ['time', 1e-12],
  rad: ['angle', 1],
  mrad: ['angle', 1e-3],
  '°': ['angle', Math.PI / 180],
  ampere: ['current', 1],
  mA: ['current', 1e-3],
  µA: ['current', 1e-6],
  nA: ['current', 1e-9],
  pA: ['current', 1e-12],
  eV: ['energy', 1],
  keV: ['energy', 1e3],
  Pa: ['pressure', 1],
  mbar: ['pressure', 100],
  Torr: ['pressure', 133.322368421],
};

/** Whether both units measure the same quantity. */
export function isConvertible(from: string, to: string): boolean {
  const source = UNITS[from];
  const target = UNITS[to];
  return source?.[0] !== undefined && source[0] === target?.[0];
}

/** Converts a value; rounded to 12 significant digits so that 300000 V is 300 kV and not 299.99999999999994. */
export function convertUnit(value: number, from: string, to: string): number {
  if (from === to) return value;
  const source = UNITS[from];
  const target = UNITS[to];
  if (source === undefined || target?.[0] !== source[0]) {
    throw new RangeError(`No conversion from ${from} to ${to}.`);
  }
  return Number(((value * source[1]) / target[1]).toPrecision(12));
}

/** The value in the base unit of its quantity (V, m, s, rad, ampere, eV, Pa); other units stay as they are. */
export function toBaseUnit(value: number, unit: string | undefined): number {
  const factor = unit === undefined ? undefined : UNITS[unit]?.[1];
  return factor === undefined || factor === 1 ? value : Number((value * factor).toPrecision(12));
}

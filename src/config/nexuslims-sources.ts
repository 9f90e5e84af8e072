import type { ConfigFault } from './config-faults.js';
import type { ConfigTree } from './config-tree.js';
import type { Environment } from './read-environment.js';

/** A NEMO that NexusLIMS's variables name. */
export interface NexusLimsSource {
  readonly entry: ConfigTree;
  /** The variable of each key of the entry; of the entry as a whole the one with its address. */
  readonly variables: ReadonlyMap<string, string>;
  readonly addressVariable: string;
}

/** What NX_NEMO_* say. */
export interface NexusLimsSources {
  readonly sources: readonly NexusLimsSource[];
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly string[];
}

const VARIABLE = /^NX_NEMO_(ADDRESS|TOKEN|TZ|STRPTIME_FMT|STRFTIME_FMT)_(\d+)$/;
const KEYS = [
  ['ADDRESS', 'url'],
  ['TOKEN', 'token'],
  ['TZ', 'timezone'],
  ['STRPTIME_FMT', 'datetime_format'],
] as const;

/**
 * The NEMO instances of NexusLIMS 2.x's environment (NX_NEMO_ADDRESS_1, NX_NEMO_TOKEN_1...), in the order of their numbers, as
 * entries of `sources`. NexusLIMS builds no record without consent and none without a reservation, so neither do these.
 */
export function readNexusLimsSources(environment: Environment): NexusLimsSources {
  const byNumber = new Map<number, Map<string, { variable: string; text: string }>>();
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    const [, name, number] = VARIABLE.exec(variable) ?? [];
    if (name === undefined || text === undefined || text === '') continue;
    if (name === 'STRFTIME_FMT') {
      warnings.push(`${variable} is not needed: NEMO is asked with instants in UTC.`);
      continue;
    }
    const values = byNumber.get(Number(number)) ?? new Map<string, never>();
    byNumber.set(Number(number), new Map([...values, [name, { variable, text }]]));
  }
  const sources: NexusLimsSource[] = [];
  const faults: ConfigFault[] = [];
  for (const [number, values] of [...byNumber].sort(([a], [b]) => a - b)) {
    const address = values.get('ADDRESS');
    if (address === undefined) {
      const [first] = values.values();
      const problem = `NX_NEMO_ADDRESS_${number}, the address that it belongs to, is not set`;
      faults.push({ key: null, where: first?.variable ?? null, problem });
      continue;
    }
    const given = KEYS.flatMap(([name, key]) => {
      const value = values.get(name);
      return value === undefined ? [] : [{ key, ...value }];
    });
    sources.push({
      entry: {
        name: number === 1 ? 'nemo' : `nemo-${number}`,
        kind: 'nemo',
        ...Object.fromEntries(given.map(({ key, text }) => [key, text])),
        consent: 'required',
        reservation: 'required',
      },
      variables: new Map(given.map(({ key, variable }) => [key, variable])),
      addressVariable: address.variable,
    });
  }
  return { sources, faults, warnings };
}

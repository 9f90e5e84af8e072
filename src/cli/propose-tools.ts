import { nearestName } from '../config/nearest-name.js';
import type { MappedInstrument } from '../db/tool-mapping.js';
import type { Instrument } from '../domain/instrument.js';
import type { ListedTool } from '../sources/nemo/nemo-probe.js';

/**
 * How sure it is which instrument a tool means: `set` by a person, `certain` by address or name, `likely` to be looked at by
 * a person, `new` where none is like it.
 */
export type Certainty = 'set' | 'certain' | 'likely' | 'new';

/** What a tool of NEMO could mean. */
export interface ToolProposal {
  readonly toolId: number;
  readonly name: string;
  readonly category: string | null;
  /** The tool of which this one is an alternate. */
  readonly parent: string | null;
  readonly certainty: Certainty;
  /** Null: a new one, for which `proposedPid` is free. */
  readonly instrumentPid: string | null;
  readonly proposedPid: string | null;
  readonly why: string;
}

/** What is known besides the tools. */
export interface ProposeToolsOptions {
  readonly instruments: readonly Instrument[];
  /** By instrument_tools and api_url. */
  readonly mapping: ReadonlyMap<number, MappedInstrument>;
  /** Ids of the tools that instrument_tools names. */
  readonly set: ReadonlySet<number>;
}

type Found = Pick<ToolProposal, 'certainty' | 'instrumentPid' | 'why'>;

function sameText(one: string, other: string): boolean {
  const plain = (text: string): string => text.normalize('NFC').trim().toLowerCase();
  return plain(one) === plain(other);
}

function namesOf({ pid, displayName }: Instrument): readonly string[] {
  return [...new Set([pid, displayName])];
}

/**
 * Says for each tool that people see, and each alternate of one, which instrument it means or could mean, in the order of their
 * names with alternates after their tool. Two instruments of one name are never certain.
 */
export function proposeTools(
  tools: readonly ListedTool[],
  options: ProposeToolsOptions,
): readonly ToolProposal[] {
  const byId = new Map(tools.map((tool) => [tool.id, tool]));
  const parentOf = (tool: ListedTool): ListedTool | undefined =>
    tool.parentToolId === null ? undefined : byId.get(tool.parentToolId);
  const shown = tools.filter(
    (tool) => options.mapping.has(tool.id) || (parentOf(tool) ?? tool).visible,
  );
  const familyName = (tool: ListedTool): string => parentOf(tool)?.name ?? tool.name;
  const sorted = [...shown].sort(
    (a, b) =>
      familyName(a).localeCompare(familyName(b), 'en') ||
      Number(a.parentToolId !== null) - Number(b.parentToolId !== null) ||
      a.name.localeCompare(b.name, 'en'),
  );
  const pids = new Set(options.instruments.map(({ pid }) => pid));
  const proposals = new Map<number, ToolProposal>();
  const taken = new Set(sorted.flatMap((tool) => known(tool, options)?.instrumentPid ?? []));
  // What another tool means for sure is not what one means that is only called like it.
  const free = options.instruments.filter(({ pid }) => !taken.has(pid));
  for (const tool of sorted) {
    const parent = parentOf(tool);
    const above = parent === undefined ? undefined : proposals.get(parent.id);
    const found = known(tool, options) ?? alternate(above) ?? likely(tool, free);
    const proposedPid =
      found.instrumentPid === null ? (above?.proposedPid ?? freePid(tool, pids)) : null;
    if (proposedPid !== null) pids.add(proposedPid);
    proposals.set(tool.id, {
      toolId: tool.id,
      name: tool.name,
      category: tool.category ?? parent?.category ?? null,
      parent: parent?.name ?? null,
      proposedPid,
      ...found,
    });
  }
  return [...proposals.values()];
}

function known(tool: ListedTool, { instruments, mapping, set }: ProposeToolsOptions): Found | null {
  const mapped = mapping.get(tool.id);
  if (mapped !== undefined) {
    return set.has(tool.id)
      ? { certainty: 'set', instrumentPid: mapped.instrumentPid, why: 'set already' }
      : { certainty: 'certain', instrumentPid: mapped.instrumentPid, why: 'same api_url' };
  }
  const same = instruments.filter((one) => namesOf(one).some((name) => sameText(name, tool.name)));
  const [first] = same;
  if (first === undefined) return null;
  return same.length === 1
    ? { certainty: 'certain', instrumentPid: first.pid, why: 'same name' }
    : {
        certainty: 'likely',
        instrumentPid: first.pid,
        why: `same name, as ${same.map(({ pid }) => pid).join(' and ')}`,
      };
}

function alternate(parent: ToolProposal | undefined): Found | null {
  if (parent === undefined) return null;
  const certainty = parent.instrumentPid === null ? 'new' : 'likely';
  return { certainty, instrumentPid: parent.instrumentPid, why: `alternate of ${parent.name}` };
}

function likely(tool: ListedTool, instruments: readonly Instrument[]): Found {
  const byName = new Map(
    instruments.flatMap((one) => namesOf(one).map((name) => [name, one.pid] as const)),
  );
  const nearest = nearestName(tool.name, byName.keys());
  const pid = nearest === null ? undefined : byName.get(nearest);
  return pid === undefined
    ? { certainty: 'new', instrumentPid: null, why: 'no instrument is called like it' }
    : { certainty: 'likely', instrumentPid: pid, why: `called like ${nearest ?? pid}` };
}

/** A key of plain characters that no instrument has. */
function freePid({ id, name }: ListedTool, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^[-._]+|[-._]+$/g, '')
    .slice(0, 80);
  const wanted = plain === '' ? `tool-${id}` : plain;
  return taken.has(wanted) ? `${wanted}-${id}` : wanted;
}

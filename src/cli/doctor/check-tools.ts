import type { Database } from '../../db/database.js';
import { listInstruments, listTools, type InstrumentTool } from '../../db/instrument-store.js';
import { toolIdOf, toolMapping, type MappedInstrument } from '../../db/tool-mapping.js';
import type { Instrument } from '../../domain/instrument.js';
import type { Tool } from '../../sources/nemo/nemo-lookups.js';
import { ok, warn, type CheckResult } from './check-result.js';
import type { NemoLook } from './look-at-nemo.js';

/** Names shown of a longer list. */
const MOST_SHOWN = 10;
/** What instruments have for a harvester that come from NexusLIMS, whatever their source is called. */
const NEXUSLIMS_HARVESTER = 'nemo';

interface LookedMapping {
  readonly look: NemoLook;
  readonly mapping: ReadonlyMap<number, MappedInstrument>;
}

/** Do tools of NEMO and instruments mean each other, both ways. */
export async function* checkTools(
  database: Database,
  looks: readonly NemoLook[],
): AsyncGenerator<CheckResult, void, undefined> {
  if (looks.length === 0) return;
  const { instruments, tools, mappings } = await database.createScope(async () => {
    const found: LookedMapping[] = [];
    for (const look of looks) {
      found.push({ look, mapping: await toolMapping(look.source.name, look.source.url) });
    }
    return { instruments: await listInstruments(), tools: await listTools(), mappings: found };
  });
  for (const mapped of mappings) yield* checkMapping(mapped, tools);
  yield* checkInstruments(instruments, mappings);
}

function* checkMapping(
  { look, mapping }: LookedMapping,
  named: readonly InstrumentTool[],
): Generator<CheckResult, void, undefined> {
  const { name } = look.source;
  const check = `tools ${name}`;
  const before = named.filter(({ source }) => source === name);
  const known = look.tools === null ? null : new Set(look.tools.map(({ id }) => id));
  const gone = before.filter(({ toolId }) => {
    const id = toolIdOf(toolId);
    return id === null || known?.has(id) === false;
  });
  for (const { toolId, instrumentPid } of gone) {
    yield warn(
      check,
      `NEMO has no tool ${toolId}, which means ${instrumentPid}`,
      `recordsmith instruments tool remove ${name} ${toolId}`,
    );
  }
  if (look.tools === null || known === null) return;
  const goneIds = new Set(gone.map(({ toolId }) => toolIdOf(toolId)));
  for (const [id, { instrumentPid }] of mapping) {
    if (known.has(id) || goneIds.has(id)) continue;
    yield warn(
      check,
      `NEMO has no tool ${id}, which the api_url of ${instrumentPid} names`,
      `recordsmith instruments set ${instrumentPid} --api-url ''`,
    );
  }
  // Use of an alternate tool is use of the tool that it is an alternate of.
  const isMapped = ({ id, parentToolId }: Tool): boolean =>
    mapping.has(id) || (parentToolId !== null && mapping.has(parentToolId));
  const unmapped = look.tools.filter((tool) => tool.visible && !isMapped(tool));
  yield unmapped.length === 0
    ? ok(check, `all ${look.tools.length} tools mean an instrument`)
    : warn(
        check,
        `${unmapped.length} of ${look.tools.length} tools mean no instrument, their usage is not taken in: ${namesOf(unmapped)}`,
        `See what they could mean: recordsmith instruments import --from-nemo ${name}`,
      );
}

function namesOf(tools: readonly Tool[]): string {
  const shown = tools.slice(0, MOST_SHOWN).map(({ id, name }) => `${name} (${id})`);
  return `${shown.join(', ')}${tools.length > MOST_SHOWN ? ` and ${tools.length - MOST_SHOWN} more` : ''}`;
}

/** Instruments whose sessions a NEMO is to report, and that no tool of any means. */
function* checkInstruments(
  instruments: readonly Instrument[],
  mappings: readonly LookedMapping[],
): Generator<CheckResult, void, undefined> {
  const names = mappings.map(({ look }) => look.source.name);
  const mapped = new Set(
    mappings.flatMap(({ mapping }) => [...mapping.values()].map((one) => one.instrumentPid)),
  );
  for (const { pid, active, harvester, apiUrl } of instruments) {
    const isExpected =
      apiUrl !== null ||
      (harvester !== null && [...names, NEXUSLIMS_HARVESTER].includes(harvester));
    if (!active || !isExpected || mapped.has(pid)) continue;
    const [first = ''] = names;
    const source = harvester !== null && names.includes(harvester) ? harvester : first;
    yield warn(
      `tools of ${pid}`,
      apiUrl === null
        ? `no tool of ${source} means it, so no session of it is taken in`
        : `its api_url ${apiUrl} is of none of ${names.join(', ')}, so no session of it is taken in`,
      `recordsmith instruments tool add ${pid} ${source} TOOL_ID (recordsmith instruments import --from-nemo ${source} lists them)`,
    );
  }
}

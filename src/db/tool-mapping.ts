import { scopedSession } from './scope.js';
import type { InstrumentRow, InstrumentToolRow } from './tables.js';

/** The instrument that a tool of a booking system means. */
export interface MappedInstrument {
  readonly instrumentPid: string;
  /** False: its sessions are not harvested. */
  readonly active: boolean;
}

/** The address of a tool, as NexusLIMS has it in `api_url`. */
const TOOL_PATH = /^(.*\/)tools\/?$/;
/** A primary key of Django, as written in instrument_tools. */
const TOOL_ID = /^[1-9]\d{0,15}$/;

/** The address with one slash at its end, so that `.../api` and `.../api/` are equal; null: it is none. */
function normalised(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname.replace(/\/*$/, '/')}`;
}

/** The id in `{base}tools/?id={n}`; null: no address of a tool of this NEMO. */
export function toolIdOfApiUrl(apiUrl: string, baseUrl: string): number | null {
  if (!URL.canParse(apiUrl)) return null;
  const url = new URL(apiUrl);
  const folder = TOOL_PATH.exec(url.pathname)?.[1];
  if (folder === undefined || `${url.origin}${folder}` !== normalised(baseUrl)) return null;
  return toolIdOf(url.searchParams.get('id') ?? '');
}

/** A tool's id from its text; null: a tool of NEMO has no such id. */
export function toolIdOf(text: string): number | null {
  if (!TOOL_ID.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

/**
 * Which tool of a NEMO means which instrument: by what `instrument_tools` says of the source, and, for tools it does not name,
 * by the address in `instruments.api_url` that NexusLIMS wrote.
 * @param baseUrl Address of the NEMO, up to `/api/`.
 */
export async function toolMapping(
  source: string,
  baseUrl: string,
): Promise<ReadonlyMap<number, MappedInstrument>> {
  const knex = scopedSession().reader();
  const instruments = await knex<InstrumentRow>('instruments').select(
    'instrument_pid',
    'api_url',
    'active',
  );
  const named = await knex<InstrumentToolRow>('instrument_tools')
    .where({ source })
    .select('tool_id', 'instrument_pid');
  const byPid = new Map<string, MappedInstrument>();
  const mapping = new Map<number, MappedInstrument>();
  for (const { instrument_pid: instrumentPid, api_url: apiUrl, active } of instruments) {
    const mapped = { instrumentPid, active: Boolean(active) };
    byPid.set(instrumentPid, mapped);
    const id = apiUrl === null ? null : toolIdOfApiUrl(apiUrl, baseUrl);
    if (id !== null) mapping.set(id, mapped);
  }
  for (const { tool_id: toolId, instrument_pid: instrumentPid } of named) {
    const id = toolIdOf(toolId);
    const mapped = byPid.get(instrumentPid);
    if (id !== null && mapped !== undefined) mapping.set(id, mapped);
  }
  return mapping;
}

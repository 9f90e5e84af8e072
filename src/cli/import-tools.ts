import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { nearestName } from '../config/nearest-name.js';
import type { Config } from '../config/schema.js';
import type { NemoSourceSettings } from '../config/sources-schema.js';
import { listInstruments, listTools, setTool } from '../db/instrument-store.js';
import { toolIdOf, toolMapping } from '../db/tool-mapping.js';
import { AppError, systemErrorCode, toError } from '../errors.js';
import type { Instrument } from '../domain/instrument.js';
import type { Log } from '../log.js';
import { NemoProbe, type ListedTool } from '../sources/nemo/nemo-probe.js';
import type { CommandContext } from './command-context.js';
import { changeInstruments } from './manage-instruments.js';
import { proposeTools, type ToolProposal } from './propose-tools.js';
import { withDatabase, type CommandDatabase } from './with-database.js';

/** The options of `instruments import --from-nemo`. */
export interface ImportToolsOptions {
  readonly csv?: string;
  readonly apply?: boolean;
  readonly dryRun?: boolean;
}

/** The columns of the CSV file; a person adds what is empty. */
const COLUMNS = [
  'instrument_pid',
  'display_name',
  'filestore_path',
  'timezone',
  'harvester',
  'api_url',
];

/** A NEMO of the configuration that can be asked. @throws AppError INPUT_INVALID */
function askableSource({ sources }: Config, name: string): NemoSourceSettings & { token: string } {
  const source = sources.find((one) => one.name === name);
  if (source === undefined) {
    const names = sources.filter(({ kind }) => kind === 'nemo').map((one) => one.name);
    const nearest = nearestName(name, names);
    throw new AppError('INPUT_INVALID', `There is no source ${name.slice(0, 100)}.`, {
      remedy:
        names.length === 0
          ? 'Add your NEMO to `sources` in the configuration.'
          : `Name one of ${names.join(', ')}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
    });
  }
  if (source.kind !== 'nemo' || source.token === null) {
    const why = source.kind === 'nemo' ? 'has no token' : 'is no NEMO';
    throw new AppError('INPUT_INVALID', `The source ${name} ${why}, so it has no tools to list.`, {
      remedy: 'Name a NEMO with a token (sources: token).',
    });
  }
  return { ...source, token: source.token };
}

function toolsOf(
  { url, token, timezone, timeout_s: timeoutS }: NemoSourceSettings & { token: string },
  log: Log,
): Promise<readonly ListedTool[]> {
  const options = { baseUrl: url, token, timezone: timezone ?? 'UTC', log };
  return new NemoProbe(options, timeoutS * 1000).tools();
}

/** What the tools mean; with `sets` those that are certain are set in the same transaction. */
async function propose(
  opened: CommandDatabase,
  source: NemoSourceSettings,
  tools: readonly ListedTool[],
  sets: boolean,
) {
  const read = async () => {
    const instruments = await listInstruments();
    const named = (await listTools()).filter((tool) => tool.source === source.name);
    const ids = named.map(({ toolId }) => toolIdOf(toolId)).filter((id) => id !== null);
    const mapping = await toolMapping(source.name, source.url);
    const proposals = proposeTools(tools, { instruments, mapping, set: new Set(ids) });
    return { instruments, proposals };
  };
  if (!sets) return opened.database.createScope(read);
  return changeInstruments(opened, 'an instrument of a tool', async () => {
    const found = await read();
    for (const { certainty, toolId, instrumentPid } of found.proposals) {
      if (certainty !== 'certain' || instrumentPid === null) continue;
      await setTool({ source: source.name, toolId: String(toolId), instrumentPid });
    }
    return found;
  });
}

/** An alternate of a new instrument is a further tool of it. */
function missingInstruments(proposals: readonly ToolProposal[]): readonly ToolProposal[] {
  return proposals.filter(({ certainty, parent }) => certainty === 'new' && parent === null);
}

/** The instruments to be made, in the form that `instruments import FILE.csv` reads. */
function csvText(source: NemoSourceSettings, proposals: readonly ToolProposal[]): string {
  const base = source.url.replace(/\/*$/, '/');
  const rows = missingInstruments(proposals).map(({ toolId, name, proposedPid }) => [
    proposedPid,
    name,
    '',
    source.timezone ?? '',
    source.name,
    `${base}tools/?id=${toolId}`,
  ]);
  return stringify([COLUMNS, ...rows], { record_delimiter: '\r\n', escape_formulas: true });
}

/** @throws AppError FILE_NOT_WRITABLE, also when the file is there. */
async function writeNewFile(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const isThere = systemErrorCode(error) === 'EEXIST';
    throw new AppError(
      'FILE_NOT_WRITABLE',
      isThere ? `${file} is there already and is kept.` : `${file} cannot be written.`,
      {
        cause: toError(error),
        remedy: isThere ? 'Name another file.' : 'Make its folder writable, or name another file.',
        details: { file },
      },
    );
  }
}

function toolDocument(proposal: ToolProposal) {
  return {
    tool_id: proposal.toolId,
    name: proposal.name,
    category: proposal.category,
    parent: proposal.parent,
    certainty: proposal.certainty,
    instrument_pid: proposal.instrumentPid,
    proposed_pid: proposal.proposedPid,
    why: proposal.why,
  };
}

function printTable(
  context: CommandContext,
  proposals: readonly ToolProposal[],
  instruments: readonly Instrument[],
): void {
  const folderOf = new Map(instruments.map(({ pid, folders }) => [pid, folders[0]?.path ?? null]));
  context.table(
    proposals.map((tool) => ({
      tool: tool.toolId,
      name: tool.parent === null ? tool.name : `${tool.name} (alternate of ${tool.parent})`,
      category: tool.category,
      instrument: tool.instrumentPid ?? `new: ${tool.proposedPid ?? ''}`,
      folder: tool.instrumentPid === null ? 'to be filled in' : folderOf.get(tool.instrumentPid),
      sure: tool.certainty,
      why: tool.why,
    })),
    context.width,
  );
}

/**
 * `recordsmith instruments import --from-nemo`: which instruments the tools of a NEMO mean. Nothing is written but what was asked
 * for: a new CSV file, and mappings that are certain.
 * @throws AppError INPUT_INVALID for a source that cannot be asked; FILE_NOT_WRITABLE; what NEMO refuses.
 */
export async function importTools(
  context: CommandContext,
  sourceName: string,
  { csv, apply: applies = false, dryRun = false }: ImportToolsOptions,
): Promise<void> {
  const isWriting = applies && !dryRun;
  await withDatabase(
    context,
    async (opened) => {
      const source = askableSource(opened.config, sourceName);
      const tools = await toolsOf(source, opened.log);
      const { instruments, proposals } = await propose(opened, source, tools, isWriting);
      const certain = applies ? proposals.filter(({ certainty }) => certainty === 'certain') : [];
      const isMissingAny = missingInstruments(proposals).length > 0;
      const file = csv === undefined || !isMissingAny ? null : resolve(context.workingFolder, csv);
      if (file !== null && !dryRun) await writeNewFile(file, csvText(source, proposals));
      if (context.json) {
        context.printJson({
          source: source.name,
          dry_run: dryRun,
          tools: proposals.map(toolDocument),
          applied: certain.map(({ toolId }) => toolId),
          csv: file,
        });
        return;
      }
      printTable(context, proposals, instruments);
      noteWhatNext(context, source.name, proposals, { applied: certain, applies, file, dryRun });
    },
    { readOnly: isWriting ? false : 'if-needed' },
  );
}

function noteWhatNext(
  context: CommandContext,
  source: string,
  proposals: readonly ToolProposal[],
  done: {
    readonly applied: readonly ToolProposal[];
    readonly applies: boolean;
    readonly file: string | null;
    readonly dryRun: boolean;
  },
): void {
  const would = done.dryRun ? 'would be ' : '';
  const count = (certainty: ToolProposal['certainty']): number =>
    proposals.filter((tool) => tool.certainty === certainty).length;
  if (done.applies) context.note(`\n${done.applied.length} tools ${would}set.`);
  else if (count('certain') > 0) context.note('\nSet those that are certain: add --apply.');
  if (done.file !== null) {
    context.note(
      `New instruments ${would}written to ${done.file}: fill in filestore_path and timezone, then\n  recordsmith instruments import ${done.file}`,
    );
  } else if (missingInstruments(proposals).length === 0) {
    context.note('No instrument is missing.');
  } else {
    context.note('Write new instruments to a file to be completed: add --csv FILE.');
  }
  if (count('likely') > 0) {
    context.note(
      `Those that are likely, one by one: recordsmith instruments tool add INSTRUMENT ${source} TOOL`,
    );
  }
}

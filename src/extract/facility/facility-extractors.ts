import { Buffer } from 'node:buffer';
import picomatch from 'picomatch';
import { displayName } from '../../domain/location.js';
import type { Extractor } from '../extractor.js';
import { commandExtractor, type CommandLimits } from './command-extractor.js';
import type { CommandReader } from '../../domain/facility-readers.js';
import { loadReaderModule } from './load-reader-modules.js';
import { ModuleReader } from './module-reader.js';

/** The facility's readers as a job of the reader pool carries them. */
export interface FacilityOfJob {
  /** Absolute paths of ES modules. */
  readonly modules: readonly string[];
  readonly commands: readonly CommandReader[];
  readonly limits: CommandLimits;
}

const SLASH = 0x2f;
/** A module is loaded once a process. */
const loaded = new Map<string, Promise<readonly Extractor[]>>();

function readersOf(module: string): Promise<readonly Extractor[]> {
  const known = loaded.get(module);
  if (known !== undefined) return known;
  const loading = loadReaderModule(module).then((readers) =>
    readers.map((reader) => new ModuleReader(reader)),
  );
  loaded.set(module, loading);
  return loading;
}

/** The readers of all modules and programs, whether they claim the file or not. */
export async function facilityExtractors(
  facility: FacilityOfJob,
  path: Buffer,
  signal: AbortSignal,
): Promise<readonly Extractor[]> {
  const modules = await Promise.all(facility.modules.map(readersOf));
  const { limits } = facility;
  return [
    ...modules.flat(),
    ...facility.commands.map((command) => commandExtractor({ command, path, limits, signal })),
  ];
}

/**
 * The readers of the facility that claim a file by its name, in the order of the configuration. Others are not asked, so
 * that one more reader changes nothing for files that are not its own.
 * @throws AppError CONFIG_INVALID when a module cannot be loaded any more.
 */
export async function claimingExtractors(
  facility: FacilityOfJob,
  path: Buffer,
  signal: AbortSignal,
): Promise<readonly Extractor[]> {
  const name = displayName(path.subarray(path.lastIndexOf(SLASH) + 1));
  const dot = name.lastIndexOf('.');
  const extension = dot <= 0 ? '' : name.slice(dot).toLowerCase();
  const claimed = new Set(
    facility.commands
      .filter(({ files }) => picomatch.isMatch(name, [...files], { nocase: true, dot: true }))
      .map((command) => command.name),
  );
  const all = await facilityExtractors(facility, path, signal);
  return all.filter((reader) =>
    reader instanceof ModuleReader
      ? reader.extensions.length === 0 || reader.extensions.includes(extension)
      : claimed.has(reader.id),
  );
}

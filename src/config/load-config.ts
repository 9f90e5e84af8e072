import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError, systemErrorCode, toError } from '../errors.js';
import { configInvalid, faultsOfIssues } from './config-faults.js';
import { configKeys, namesAt } from './config-keys.js';
import { keyOf, originOf, type ConfigOrigin, type ConfigOrigins } from './config-origin.js';
import { deepFreeze, getAt, isTree, mergeTrees, setAt, type ConfigTree } from './config-tree.js';
import { withAbsoluteWords } from './extract-schema.js';
import { configSearchPath, findConfigFile } from './find-config-file.js';
import { readNexusLimsSources } from './nexuslims-sources.js';
import { readEnvironment, type ConfigSetting, type Environment } from './read-environment.js';
import { readYaml, type YamlReading } from './read-yaml.js';
import { configSchema, type Config } from './schema.js';
import { secretPlaces } from './secret-places.js';
import { addNexusLimsSources, applySourceVariables } from './source-variables.js';

/** An option of the command line that stands for a key. */
export interface ConfigFlag {
  /** With dots: `log.level`. */
  readonly key: string;
  readonly flag: string;
  readonly value: unknown;
}

export interface LoadConfigOptions {
  /** The file that --config names; without, the search path is tried. */
  readonly file?: string;
  readonly environment: Environment;
  readonly workingFolder: string;
  readonly flags?: readonly ConfigFlag[];
}

/** The configuration in force, and where each value comes from. */
export interface LoadedConfig {
  readonly config: Config;
  /** Absolute; null: the environment alone. */
  readonly file: string | null;
  readonly origins: ConfigOrigins;
  /** Sentences for the log. */
  readonly warnings: readonly string[];
}

/** The key whose words may be paths. */
const COMMANDS = ['extract', 'commands'] as const;
const MAX_FILE_BYTES = 1_048_576;
/** Whoever else may read the file. */
const READABLE_BY_OTHERS = 0o004;

interface ConfigFile {
  readonly path: string;
  readonly reading: YamlReading;
  readonly readableByOthers: boolean;
}

function readConfigFile(path: string): ConfigFile {
  try {
    const { size, mode } = statSync(path);
    if (size > MAX_FILE_BYTES) {
      throw configInvalid([
        { key: null, where: path, problem: `larger than ${MAX_FILE_BYTES} bytes` },
      ]);
    }
    const reading = readYaml(readFileSync(path, 'utf8'), path);
    return { path, reading, readableByOthers: (mode & READABLE_BY_OTHERS) !== 0 };
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'CONFIG_INVALID') throw error;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new AppError(
      missing ? 'CONFIG_NOT_FOUND' : 'FILE_UNREADABLE',
      missing
        ? `The configuration file ${path} does not exist.`
        : `The configuration file ${path} cannot be read.`,
      {
        cause: toError(error),
        remedy: missing
          ? `Write one with 'recordsmith init --config ${path}'.`
          : 'Let this user read it.',
        details: { file: path },
      },
    );
  }
}

function chooseConfigFile({ file, environment, workingFolder }: LoadConfigOptions): string | null {
  return file === undefined
    ? findConfigFile(environment, workingFolder)
    : resolve(workingFolder, file);
}

function nothingFound({ environment, workingFolder }: LoadConfigOptions): AppError {
  const searched = configSearchPath(environment, workingFolder);
  return new AppError(
    'CONFIG_NOT_FOUND',
    `There is no configuration file (looked for ${searched.join(', ')}).`,
    {
      remedy: "Write one with 'recordsmith init', or name yours with --config.",
      details: { searched },
    },
  );
}

function apply(
  tree: ConfigTree,
  origins: Map<string, ConfigOrigin>,
  settings: readonly ConfigSetting[],
): void {
  for (const { path, value, origin } of settings) {
    setAt(tree, path, value);
    const key = keyOf(path);
    // Lines of a list that the setting replaces as a whole say nothing any more.
    for (const known of origins.keys()) {
      if (known.startsWith(`${key}.`) || known.startsWith(`${key}[`)) origins.delete(known);
    }
    origins.set(key, origin);
  }
}

/** A group whose keys are all commented out is null in YAML, and says nothing. */
function withoutEmptyGroups(tree: ConfigTree, path: readonly PropertyKey[] = []): ConfigTree {
  const kept = Object.entries(tree).flatMap(([name, value]): [string, unknown][] => {
    const place = [...path, name];
    if (value === null && namesAt(place).length > 0) return [];
    return [[name, withoutEmptyGroupsIn(value, place)]];
  });
  return Object.fromEntries(kept);
}

function withoutEmptyGroupsIn(value: unknown, place: readonly PropertyKey[]): unknown {
  if (isTree(value)) return withoutEmptyGroups(value, place);
  if (!Array.isArray(value)) return value;
  return value.map((entry: unknown, index) => withoutEmptyGroupsIn(entry, [...place, index]));
}

/** Makes relative paths absolute: from the file's folder, those of variables and options from the working folder. */
function resolvePaths(tree: ConfigTree, origins: ConfigOrigins, base: string, here: string): void {
  for (const { path } of configKeys().filter(({ isPath }) => isPath)) {
    const value = getAt(tree, path);
    const from = folderOf(originOf(origins, path), base, here);
    if (typeof value === 'string') setAt(tree, path, resolve(from, value));
    if (Array.isArray(value)) {
      const absolute = value.map((entry: unknown) =>
        typeof entry === 'string' ? resolve(from, entry) : entry,
      );
      setAt(tree, path, absolute);
    }
  }
}

function folderOf({ kind }: ConfigOrigin, base: string, here: string): string {
  return kind === 'file' || kind === 'default' ? base : here;
}

function secretWarnings({ path, reading, readableByOthers }: ConfigFile): string[] {
  if (!readableByOthers) return [];
  return secretPlaces(reading.tree).map(
    (key) => `${path} holds a secret (${key}) and every user can read it: chmod o-r ${path}`,
  );
}

/**
 * Loads the configuration: defaults, then the file, then the environment, then options; checks all of it at once.
 * @throws AppError CONFIG_NOT_FOUND when there is neither a file nor a variable that says anything;
 * CONFIG_INVALID naming every fault with key, line or variable, and what was expected; FILE_UNREADABLE when the file may not be read.
 */
export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const { environment, workingFolder, flags = [] } = options;
  const path = chooseConfigFile(options);
  const fromEnvironment = readEnvironment(environment);
  const fromNexusLims = readNexusLimsSources(environment);
  const said =
    fromEnvironment.over.length + fromEnvironment.under.length + fromNexusLims.sources.length;
  if (path === null && said + fromEnvironment.faults.length === 0) throw nothingFound(options);

  const file = path === null ? null : readConfigFile(path);
  const origins = new Map<string, ConfigOrigin>();
  const under: ConfigTree = {};
  apply(under, origins, fromEnvironment.under);
  for (const [key, origin] of file?.reading.origins ?? []) origins.set(key, origin);
  const tree = mergeTrees(under, withoutEmptyGroups(file?.reading.tree ?? {}));
  apply(tree, origins, fromEnvironment.over);
  addNexusLimsSources(tree, origins, fromNexusLims.sources);
  const sourceFaults = applySourceVariables(tree, origins, environment);
  apply(
    tree,
    origins,
    flags.map(({ key, flag, value }) => ({
      path: key.split('.'),
      value,
      origin: { kind: 'option', flag },
    })),
  );

  const faults = [
    ...(file?.reading.faults ?? []),
    ...fromEnvironment.faults,
    ...fromNexusLims.faults,
    // Of a file that is no YAML nobody knows which sources it names.
    ...((file?.reading.faults.length ?? 0) > 0 ? [] : sourceFaults),
  ];
  // A file that is no YAML has no keys to check.
  const checked = (file?.reading.faults.length ?? 0) > 0 ? null : configSchema.safeParse(tree);
  if (checked?.success === false) {
    faults.push(...faultsOfIssues(checked.error.issues, tree, origins));
  }
  if (checked?.success !== true || faults.length > 0) throw configInvalid(faults);

  const base = file === null ? workingFolder : dirname(file.path);
  resolvePaths(checked.data, origins, base, workingFolder);
  const { extract } = checked.data;
  const commandsFolder = folderOf(originOf(origins, COMMANDS), base, workingFolder);
  extract.commands = withAbsoluteWords(extract.commands, (word) => resolve(commandsFolder, word));
  return {
    config: deepFreeze(checked.data),
    file: path,
    origins,
    warnings: [
      ...(file === null ? [] : secretWarnings(file)),
      ...fromEnvironment.warnings,
      ...fromNexusLims.warnings,
    ],
  };
}

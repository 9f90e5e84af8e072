import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { systemErrorCode, toError } from '../errors.js';
import type { ConfigFault } from './config-faults.js';
import { entryKeys, type ConfigKey } from './config-keys.js';
import { keyOf, type ConfigOrigin } from './config-origin.js';
import { isTree, mergeTrees, setAt, type ConfigTree } from './config-tree.js';
import { nearestName } from './nearest-name.js';
import type { NexusLimsSource } from './nexuslims-sources.js';
import { configValueOf, SOURCE_PREFIX, type Environment } from './read-environment.js';

/** Joins what NexusLIMS's variables say to `sources`: an entry of the same name and kind stands over it, key by key. */
export function addNexusLimsSources(
  tree: ConfigTree,
  origins: Map<string, ConfigOrigin>,
  found: readonly NexusLimsSource[],
): void {
  if (found.length === 0) return;
  const listed: unknown = tree['sources'] ?? [];
  if (!Array.isArray(listed)) return;
  const sources = listed.map((entry: unknown) => entry);
  for (const { entry, variables, addressVariable } of found) {
    const same = sources.findIndex((one) => isTree(one) && one['name'] === entry['name']);
    const present: unknown = sources[same];
    const own = isTree(present) ? present : null;
    if (own !== null && (own['kind'] ?? 'nemo') !== 'nemo') continue;
    const index = own === null ? sources.length : same;
    sources[index] = mergeTrees(entry, own ?? {});
    const note = (path: readonly PropertyKey[], variable: string): void => {
      const key = keyOf(['sources', index, ...path]);
      if (!origins.has(key)) origins.set(key, { kind: 'environment', variable });
    };
    note([], addressVariable);
    for (const key of Object.keys(entry)) {
      note([key], variables.get(key) ?? addressVariable);
    }
  }
  tree['sources'] = sources;
}

/** A source that variables can name. */
interface NamedSource {
  readonly index: number;
  readonly name: string;
  readonly entry: ConfigTree;
  /** `nemo-2` is NEMO_2. */
  readonly variableName: string;
}

function namedSources(tree: ConfigTree): NamedSource[] {
  const listed = tree['sources'];
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry: unknown, index) => {
    const name = isTree(entry) ? entry['name'] : undefined;
    if (!isTree(entry) || typeof name !== 'string') return [];
    return [{ index, name, entry, variableName: name.toUpperCase().replaceAll('-', '_') }];
  });
}

class SourceVariables {
  readonly faults: ConfigFault[] = [];
  readonly #tree: ConfigTree;
  readonly #origins: Map<string, ConfigOrigin>;
  readonly #environment: Environment;
  readonly #sources: readonly NamedSource[];

  constructor(tree: ConfigTree, origins: Map<string, ConfigOrigin>, environment: Environment) {
    this.#tree = tree;
    this.#origins = origins;
    this.#environment = environment;
    this.#sources = namedSources(tree);
  }

  /** Files such as `sources.nemo.token` in $CREDENTIALS_DIRECTORY. */
  readCredentials(): void {
    const folder = this.#environment['CREDENTIALS_DIRECTORY'];
    if (folder === undefined || folder === '') return;
    for (const source of this.#sources) {
      for (const key of this.#keysOf(source).filter(({ secret }) => secret)) {
        const file = join(folder, `sources.${source.name}.${key.key}`);
        this.#readSecretFile(source, key, 'CREDENTIALS_DIRECTORY', file, true);
      }
    }
  }

  readOwn(): void {
    const own = Object.entries(this.#environment).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [variable, text] of own) {
      if (!variable.startsWith(SOURCE_PREFIX) || text === undefined || text === '') continue;
      this.#readVariable(variable, text);
    }
  }

  #readVariable(variable: string, text: string): void {
    const written = variable.slice(SOURCE_PREFIX.length);
    const [source] = this.#sources
      .filter(({ variableName }) => written.startsWith(`${variableName}__`))
      .sort((a, b) => b.variableName.length - a.variableName.length);
    if (source === undefined) {
      this.#fault(variable, null, this.#unknownSource(written));
      return;
    }
    const keys = this.#keysOf(source);
    const rest = written.slice(source.variableName.length + 2);
    const key = keys.find((one) => variableNameOf(one) === rest);
    if (key !== undefined) {
      this.#set(source, key, valueOf(key, text), { kind: 'environment', variable });
      return;
    }
    const secret = keys.find((one) => one.secret && `${variableNameOf(one)}_FILE` === rest);
    if (secret === undefined) {
      const names = keys.map(variableNameOf);
      const nearest = nearestName(rest, names);
      const start = `${SOURCE_PREFIX}${source.variableName}__`;
      const hint =
        nearest === null
          ? `${start} goes on with one of ${names.join(', ')}`
          : `did you mean ${start}${nearest}?`;
      this.#fault(variable, null, `unknown variable, ${hint}`);
      return;
    }
    const direct = variable.replace(/_FILE$/, '');
    if (this.#environment[direct]) {
      const place = keyOf(['sources', source.index, ...secret.path]);
      this.#fault(variable, place, `${direct} is set too; set one of them`);
      return;
    }
    this.#readSecretFile(source, secret, variable, text, false);
  }

  #unknownSource(written: string): string {
    const [name = ''] = written.split('__');
    const names = this.#sources.map(({ variableName }) => variableName);
    const nearest = nearestName(name, names);
    if (nearest !== null) {
      const rest = written.slice(name.length);
      return `there is no such source, did you mean ${SOURCE_PREFIX}${nearest}${rest}?`;
    }
    return names.length === 0
      ? 'there is no such source: sources is empty'
      : `there is no such source; those there are begin with ${names.map((one) => `${SOURCE_PREFIX}${one}__`).join(', ')}`;
  }

  #readSecretFile(
    source: NamedSource,
    key: ConfigKey,
    variable: string,
    file: string,
    optional: boolean,
  ): void {
    try {
      const lines = readFileSync(file, 'utf8').split(/\r?\n/);
      const filled = lines.filter((line) => line.trim() !== '');
      const value = key.textOnly ? lines.join('\n').replace(/\n$/, '') : filled;
      this.#set(source, key, value, { kind: 'secret file', variable, file });
    } catch (error) {
      if (optional && systemErrorCode(error) === 'ENOENT') return;
      const place = keyOf(['sources', source.index, ...key.path]);
      this.#fault(variable, place, `the file ${file} cannot be read: ${toError(error).message}`);
    }
  }

  #set({ index, entry }: NamedSource, key: ConfigKey, value: unknown, origin: ConfigOrigin): void {
    setAt(entry, key.path, value);
    const place = keyOf(['sources', index, ...key.path]);
    for (const known of this.#origins.keys()) {
      if (known.startsWith(`${place}[`)) this.#origins.delete(known);
    }
    this.#origins.set(place, origin);
  }

  /** Names and kinds are what the variables go by. */
  #keysOf({ index }: NamedSource): readonly ConfigKey[] {
    return entryKeys(['sources', index], this.#tree).filter(
      ({ key }) => key !== 'name' && key !== 'kind',
    );
  }

  #fault(where: string, key: string | null, problem: string): void {
    this.faults.push({ key, where, problem });
  }
}

function variableNameOf({ path }: ConfigKey): string {
  return path.map((step) => step.toUpperCase()).join('__');
}

/** A list of secrets may be one text; any other value is read as everywhere. */
function valueOf(key: ConfigKey, text: string): unknown {
  if (!key.secret || key.textOnly) return configValueOf(key, text);
  try {
    const list: unknown = parse(text, { maxAliasCount: 0 });
    return Array.isArray(list) ? list : [text];
  } catch {
    return [text];
  }
}

/**
 * Lays what the environment says of single sources over `sources`: RECORDSMITH_SOURCES__{NAME}__{KEY}, `_FILE` of secrets (of a
 * list one a line), and systemd's credentials `sources.{name}.{key}`, the weakest.
 */
export function applySourceVariables(
  tree: ConfigTree,
  origins: Map<string, ConfigOrigin>,
  environment: Environment,
): readonly ConfigFault[] {
  const variables = new SourceVariables(tree, origins, environment);
  variables.readCredentials();
  variables.readOwn();
  return variables.faults;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { systemErrorCode, toError } from '../errors.js';
import type { ConfigFault } from './config-faults.js';
import { configKeys, namesAt, type ConfigKey } from './config-keys.js';
import type { ConfigOrigin } from './config-origin.js';
import { nearestName } from './nearest-name.js';
import { NEXUSLIMS_ALIASES, NEXUSLIMS_NOT_READ } from './nexuslims-variables.js';

/** The environment as the loader sees it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A value from outside the configuration file. */
export interface ConfigSetting {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly origin: ConfigOrigin;
}

/** What the environment says. */
export interface EnvironmentReading {
  /** Weaker than the configuration file. */
  readonly under: readonly ConfigSetting[];
  /** Over the configuration file; later entries win. */
  readonly over: readonly ConfigSetting[];
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly string[];
}

const PREFIX = 'RECORDSMITH_';
/** Variables of single sources, which source-variables.ts reads once it is known which sources there are. */
export const SOURCE_PREFIX = `${PREFIX}SOURCES__`;

/** The variable of a key: `build.file_delay_days` is RECORDSMITH_BUILD__FILE_DELAY_DAYS. */
export function variableOf(key: ConfigKey): string {
  return variableFrom(key.path);
}

/** Text as it is for keys of text, else read as YAML (numbers, true, false, lists, JSON). */
export function configValueOf(key: Pick<ConfigKey, 'textOnly'>, text: string): unknown {
  if (key.textOnly) return text;
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch {
    // Left as text, the schema's check says what was expected.
    return text;
  }
}

/** The variable of these segments. */
function variableFrom(segments: readonly string[]): string {
  return PREFIX + segments.map((segment) => segment.toUpperCase()).join('__');
}

/** The groups and the key that the segments of a variable most probably mean, as far as they mean any. */
function nearestPath(segments: readonly string[]): string[] {
  const path: string[] = [];
  for (const segment of segments) {
    const names = namesAt(path);
    const name = names.includes(segment) ? segment : nearestName(segment, names);
    if (name === null) break;
    path.push(name);
  }
  return path;
}

/**
 * What is probably meant by a variable that is none. Its segments are compared each with the names at its place: by
 * the letters of the whole, a short key somewhere else would be as near.
 */
function hintFor(variable: string, known: readonly string[]): string {
  const written = variable.slice(PREFIX.length);
  const segments = written.toLowerCase().split('__');
  if (namesAt(segments).length > 0) {
    return `'${segments.join('.')}' is a group; its keys are set one by one (${variable}__...)`;
  }
  const path = nearestPath(segments);
  if (path[0] === 'sources' && segments.length > 1) {
    return `did you mean ${[SOURCE_PREFIX.slice(0, -2), ...written.split('__').slice(1)].join('__')}?`;
  }
  const bySegments = variableFrom(path);
  if (path.length === segments.length && known.includes(bySegments)) {
    return `did you mean ${bySegments}?`;
  }
  const whole = nearestName(
    written,
    known.map((name) => name.slice(PREFIX.length)),
  );
  if (whole !== null) return `did you mean ${PREFIX}${whole}?`;
  const names = path.length === 0 ? [] : namesAt(path);
  if (names.length === 0 || segments.length === 1) {
    return 'nested keys are joined by two underscores';
  }
  const meant = path.every((name, index) => name === segments[index])
    ? ''
    : `did you mean ${bySegments}__...? `;
  return `${meant}'${path.join('.')}' has the keys ${names.join(', ')}`;
}

class EnvironmentReader {
  readonly #environment: Environment;
  readonly over: ConfigSetting[] = [];
  readonly under: ConfigSetting[] = [];
  readonly faults: ConfigFault[] = [];
  readonly warnings: string[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  readNexusLims(): void {
    for (const alias of NEXUSLIMS_ALIASES) {
      const text = this.#environment[alias.variable];
      const key = configKeys().find(({ key: name }) => name === alias.path.join('.'));
      if (text === undefined || text === '' || key === undefined) continue;
      const setting: ConfigSetting = {
        path: alias.path,
        value: configValueOf(key, alias.value(text)),
        origin: { kind: 'environment', variable: alias.variable },
      };
      (alias.derived === true ? this.under : this.over).push(setting);
    }
    for (const [variable, text] of Object.entries(this.#environment)) {
      if (text !== undefined && text !== '' && NEXUSLIMS_NOT_READ.test(variable)) {
        this.warnings.push(`${variable} is set, but recordsmith does not read it.`);
      }
    }
  }

  /** systemd's LoadCredential=: a file named like the key (`database.url`) in $CREDENTIALS_DIRECTORY. */
  readCredentials(): void {
    const folder = this.#environment['CREDENTIALS_DIRECTORY'];
    if (folder === undefined || folder === '') return;
    for (const key of configKeys().filter(({ secret }) => secret)) {
      this.#readSecretFile(key, 'CREDENTIALS_DIRECTORY', join(folder, key.key), true);
    }
  }

  readOwn(): void {
    const keys = new Map(configKeys().map((key) => [variableOf(key), key]));
    const own = Object.entries(this.#environment).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [variable, text] of own) {
      if (!variable.startsWith(PREFIX) || text === undefined || text === '') continue;
      if (variable.startsWith(SOURCE_PREFIX)) continue;
      const key = keys.get(variable);
      const secretKey = keys.get(variable.replace(/_FILE$/, ''));
      if (key !== undefined) {
        this.over.push({
          path: key.path,
          value: configValueOf(key, text),
          origin: { kind: 'environment', variable },
        });
      } else if (secretKey?.secret === true) {
        if (this.#environment[variableOf(secretKey)]) {
          this.#fault(
            variable,
            secretKey.key,
            `${variableOf(secretKey)} is set too; set one of them`,
          );
        } else {
          this.#readSecretFile(secretKey, variable, text, false);
        }
      } else {
        this.#unknown(variable, [...keys.keys()]);
      }
    }
  }

  #unknown(variable: string, known: readonly string[]): void {
    this.#fault(variable, null, `unknown variable, ${hintFor(variable, known)}`);
  }

  #readSecretFile(key: ConfigKey, variable: string, file: string, optional: boolean): void {
    try {
      const value = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      this.over.push({ path: key.path, value, origin: { kind: 'secret file', variable, file } });
    } catch (error) {
      if (optional && systemErrorCode(error) === 'ENOENT') return;
      this.#fault(variable, key.key, `the file ${file} cannot be read: ${toError(error).message}`);
    }
  }

  #fault(where: string, key: string | null, problem: string): void {
    this.faults.push({ key, where, problem });
  }
}

/**
 * Reads what the environment says of the configuration: RECORDSMITH_* (nested keys joined by `__`), `*_FILE` of
 * secrets, systemd's credentials and NexusLIMS's NX_* as aliases, the weakest first. An empty variable counts as not
 * set.
 */
export function readEnvironment(environment: Environment): EnvironmentReading {
  const reader = new EnvironmentReader(environment);
  reader.readNexusLims();
  reader.readCredentials();
  reader.readOwn();
  return reader;
}

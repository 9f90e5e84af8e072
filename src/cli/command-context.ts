import type { Command } from 'commander';
import type { Config } from '../config/schema.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { ClosableLog, Log, LogSettings } from '../log.js';
import type { LogLevel } from '../log-lines.js';
import type { Output } from './output.js';
import { textTable, type TableRow } from './text-table.js';

/** The options that every command has, and `--json` of those that print results. */
export interface GlobalOptions {
  readonly config?: string;
  readonly logLevel?: LogLevel;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** The configuration with the log that it asks for. */
export interface OpenedCommand {
  readonly loaded: LoadedConfig;
  readonly config: Config;
  readonly log: ClosableLog;
}

/** What a command works with: its surroundings, the configuration and log on demand, and standard output. */
export class CommandContext {
  readonly options: GlobalOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Version of recordsmith. */
  readonly version: string;
  readonly #output: Output;
  readonly #reportError: (error: unknown) => void;
  #opened: Promise<OpenedCommand> | null = null;
  #log: Promise<ClosableLog> | null = null;

  constructor(
    command: Command,
    surroundings: {
      readonly environment: Readonly<Record<string, string | undefined>>;
      readonly workingFolder: string;
      readonly version: string;
      readonly output: Output;
      /** Tells an error on standard error. */
      readonly reportError: (error: unknown) => void;
    },
  ) {
    this.options = globalOptionsOf(command);
    this.environment = surroundings.environment;
    this.workingFolder = surroundings.workingFolder;
    this.version = surroundings.version;
    this.#output = surroundings.output;
    this.#reportError = surroundings.reportError;
  }

  /** Whether results are printed as one JSON document. */
  get json(): boolean {
    return this.options.json === true;
  }

  /** Whether nobody reads standard output any more; long listings can stop. */
  get outputClosed(): boolean {
    return this.#output.closed;
  }

  /** Columns of the terminal; 120 where standard output is none. */
  get width(): number {
    return this.#output.width;
  }

  /** Whether standard output may carry colours. */
  get colour(): boolean {
    return this.#output.colour;
  }

  /**
   * Loads the configuration (each time anew: SIGHUP).
   * @param file the configuration file; default what --config says, else the search path.
   * @throws AppError CONFIG_NOT_FOUND, CONFIG_INVALID naming every fault, FILE_UNREADABLE.
   */
  async loadConfig(file = this.options.config): Promise<LoadedConfig> {
    const { loadConfig } = await import('../config/load-config.js');
    return loadConfig({
      ...(file === undefined ? {} : { file }),
      environment: this.environment,
      workingFolder: this.workingFolder,
      flags: this.#logLevel === undefined ? [] : [this.#logLevel],
    });
  }

  /**
   * The configuration and the log that it asks for, once a command. Warnings about the configuration are logged.
   * @param writesNothing log to standard error only, not to log.file
   * @throws AppError as loadConfig; FILE_NOT_WRITABLE when the log file cannot be opened.
   */
  open({ writesNothing = false } = {}): Promise<OpenedCommand> {
    this.#opened ??= (async () => {
      const loaded = await this.loadConfig();
      const { createLog } = await import('../log.js');
      await this.#closeLog();
      const settings = logSettingsOf(loaded.config.log);
      const log = createLog(writesNothing ? { ...settings, file: null } : settings, {
        environment: this.environment,
      });
      this.#log = Promise.resolve(log);
      for (const warning of loaded.warnings) log.warn(warning);
      return { loaded, config: loaded.config, log };
    })();
    return this.#opened;
  }

  /** The log of a command that needs no configuration: standard error, by the options alone. */
  log(): Promise<Log> {
    this.#log ??= (async () => {
      const { createLog } = await import('../log.js');
      const level = this.options.logLevel ?? (this.options.quiet === true ? 'error' : 'info');
      return createLog({ level, format: 'auto', file: null }, { environment: this.environment });
    })();
    return this.#log;
  }

  /** Tells of an error that does not end the command: message, causes and remedy, on standard error. */
  reportError(error: unknown): void {
    this.#reportError(error);
  }

  /** Prints a result as it is, with a line end if it has none. */
  print(text: string): void {
    this.#output.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Prints a remark for people that is no result; nothing with --quiet or --json. */
  note(text: string): void {
    if (this.options.quiet !== true && !this.json) this.print(text);
  }

  /** Prints one JSON document; bigints are written as text. */
  printJson(value: unknown): void {
    this.print(
      JSON.stringify(
        value,
        (_name, entry: unknown) => (typeof entry === 'bigint' ? entry.toString() : entry),
        2,
      ),
    );
  }

  /**
   * Prints rows as an aligned table.
   * @param width columns that the last column is wrapped to fit. Default: it is not wrapped.
   */
  table(rows: readonly TableRow[], width?: number): void {
    if (rows.length === 0) return;
    this.print(
      textTable(rows, (text) => (this.colour ? `\u001b[1m${text}\u001b[0m` : text), width),
    );
  }

  /** Writes out what is left of the log. */
  async close(): Promise<void> {
    await this.#closeLog();
  }

  get #logLevel(): { key: string; flag: string; value: LogLevel } | undefined {
    if (this.options.logLevel !== undefined) {
      return { key: 'log.level', flag: '--log-level', value: this.options.logLevel };
    }
    return this.options.quiet === true
      ? { key: 'log.level', flag: '--quiet', value: 'error' }
      : undefined;
  }

  async #closeLog(): Promise<void> {
    const log = this.#log;
    this.#log = null;
    if (log !== null) await (await log).close();
  }
}

/** What the keys of `log` ask for. */
export function logSettingsOf({ level, format, file }: Config['log']): LogSettings {
  return {
    level,
    format,
    file:
      file.path === null
        ? null
        : { path: file.path, maxSizeBytes: file.max_size, maxFiles: file.max_files },
  };
}

/** The options of a command and of the commands above it; the nearest wins. */
function globalOptionsOf(command: Command): GlobalOptions {
  const above = command.parent === null ? {} : globalOptionsOf(command.parent);
  return { ...above, ...command.opts<GlobalOptions>() };
}

import { resolve } from 'node:path';
import winston from 'winston';
import { AppError, toError } from './errors.js';
import {
  journalLine,
  jsonLine,
  LOG_LEVELS,
  prettyLine,
  wantsColour,
  type LogFormat,
  type LogLevel,
  type LogLine,
} from './log-lines.js';
import { RotatingFile } from './log-file.js';
import { maskSecrets, toLogFields, type LogFields } from './log-values.js';

/**
 * The log. Messages are constant sentences; what varies goes into fields (`session`, `instrument`, `error`...): an
 * error is given as an object in the field `error`. ERROR: a person must act; WARN: heals itself; INFO: a session's
 * story in about five lines; DEBUG: the rest.
 */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A log whose every line also carries these fields: `log.child({ session: key })`. */
  child(fields: LogFields): Log;
}

/** A log with what it has open; `close` is called once, by whoever made it. */
export interface ClosableLog extends Log {
  /**
   * Takes other settings, for this log and all its relatives. The log file is opened anew, also under the same name.
   * @throws AppError FILE_NOT_WRITABLE when it cannot be opened; then all stays as it was.
   */
  reconfigure(settings: LogSettings): void;
  /** Resolves when everything is written to the log file, if there is one; later lines go to standard error only. */
  close(): Promise<void>;
}

/** A file that the lines also go to, always as JSON. */
export interface LogFileSettings {
  /** Absolute, or relative to the working folder. Its folder is made if needed. */
  readonly path: string;
  /** Bytes after which the file is renamed (`name1.log`, ...) and a new one begun. */
  readonly maxSizeBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
}

export interface LogSettings {
  readonly level: LogLevel;
  /** `auto`: pretty on a terminal, else journald where JOURNAL_STREAM is set, else JSON. */
  readonly format: LogFormat;
  readonly file: LogFileSettings | null;
}

/** Where the lines go; standard error and the environment of the process unless a test says otherwise. */
export interface LogSurroundings {
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

function lineOf(info: winston.Logform.TransformableInfo): LogLine {
  const { timeMs, fields } = info;
  return {
    level: LOG_LEVELS.find((level) => level === info.level) ?? 'info',
    timeMs: typeof timeMs === 'number' ? timeMs : 0,
    message: typeof info.message === 'string' ? info.message : String(info.message),
    fields: typeof fields === 'object' && fields !== null ? { ...fields } : {},
  };
}

function chooseRenderer(
  format: LogFormat,
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): (line: LogLine) => string {
  const automatic = environment['JOURNAL_STREAM'] ? 'journald' : 'json';
  const chosen = format === 'auto' ? (stream.isTTY === true ? 'pretty' : automatic) : format;
  if (chosen === 'json') return jsonLine;
  if (chosen === 'journald') return journalLine;
  const colour = wantsColour(stream, environment);
  return (line) => prettyLine(line, colour);
}

/** What all relatives of a log share. */
interface LogCore {
  readonly logger: winston.Logger;
  /** Null: none, given up, or closed. */
  file: RotatingFile | null;
  /** Makes the text of a line for standard error. */
  render: (line: LogLine) => string;
  readonly stream: NodeJS.WritableStream;
  ended: boolean;
}

class WinstonLog implements Log {
  readonly #core: LogCore;
  readonly #bound: LogFields;

  constructor(core: LogCore, bound: LogFields) {
    this.#core = core;
    this.#bound = bound;
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  child(fields: LogFields): Log {
    return new WinstonLog(this.#core, { ...this.#bound, ...fields });
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const { logger, ended, render, stream } = this.#core;
    if (!logger.isLevelEnabled(level)) return;
    const line: LogLine = {
      level,
      message: maskSecrets(message),
      timeMs: Date.now(),
      fields: toLogFields({ ...this.#bound, ...fields }),
    };
    if (ended) stream.write(`${render(line)}\n`);
    else logger.log({ ...line });
    this.#writeToFile(line);
  }

  #writeToFile(line: LogLine): void {
    const { file } = this.#core;
    if (file === null) return;
    try {
      file.write(jsonLine(line));
    } catch (error) {
      this.#core.file = null;
      this.error('The log file cannot be written any more; lines go to standard error only.', {
        error,
      });
    }
  }
}

function openLogFile(settings: LogFileSettings | null): RotatingFile | null {
  if (settings === null) return null;
  const path = resolve(settings.path);
  try {
    return new RotatingFile(path, settings.maxSizeBytes, settings.maxFiles);
  } catch (error) {
    throw new AppError('FILE_NOT_WRITABLE', `The log file ${path} cannot be opened.`, {
      cause: toError(error),
      remedy: 'Make its folder writable for this user, or change log.file.path.',
      details: { path },
    });
  }
}

/**
 * Opens the log: standard error always, and a rotating file where the settings name one. A log file that fails later
 * (full disk) is reported once on standard error and given up; the lines there go on.
 * @throws AppError FILE_NOT_WRITABLE when the log file cannot be opened.
 */
export function createLog(settings: LogSettings, surroundings: LogSurroundings = {}): ClosableLog {
  const { stream = process.stderr, environment = process.env } = surroundings;
  const logger = winston.createLogger({
    level: settings.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
  });
  const core: LogCore = {
    logger,
    file: openLogFile(settings.file),
    ended: false,
    render: chooseRenderer(settings.format, stream, environment),
    stream,
  };
  logger.pipe(
    new winston.transports.Stream({
      stream,
      eol: '\n',
      format: winston.format.printf((info) => core.render(lineOf(info))),
    }),
  );
  const reconfigure = (changed: LogSettings): void => {
    const file = openLogFile(changed.file);
    core.file?.close();
    core.file = file;
    core.render = chooseRenderer(changed.format, stream, environment);
    logger.level = changed.level;
  };
  const close = (): Promise<void> => {
    if (!core.ended) {
      core.ended = true;
      logger.end();
      core.file?.close();
      core.file = null;
    }
    return Promise.resolve();
  };
  return Object.assign(new WinstonLog(core, {}), { reconfigure, close });
}

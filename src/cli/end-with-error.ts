import { CommanderError } from 'commander';
import { isAppError, toError } from '../errors.js';
import { maskSecrets, toLogValue } from '../log-values.js';
import { describeError } from './describe-error.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import type { Output } from './output.js';

/** Where the end of a command is told. */
export interface EndSurroundings {
  readonly output: Output;
  readonly stderr: NodeJS.WriteStream;
  /** Whether the answer on standard output is to be one JSON document. */
  readonly json: boolean;
  /** Where defects are reported. */
  readonly reportTo: string;
}

/** The error as `--json` prints it, secrets masked. */
export interface ErrorDocument {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly remedy: string | null;
    readonly details: unknown;
  };
}

function documentOf(thrown: unknown, reportTo: string): ErrorDocument {
  const { message } = toError(thrown);
  if (thrown instanceof CommanderError) {
    const remedy = "'recordsmith --help' lists commands and options.";
    const said = message.replace(/^error: /, '');
    return { error: { code: 'USAGE', message: said, remedy, details: {} } };
  }
  const known = isAppError(thrown);
  return {
    error: {
      code: known ? thrown.code : 'INTERNAL',
      message: maskSecrets(message),
      remedy: known ? maskSecretsIn(thrown.remedy) : `Please report this defect: ${reportTo}`,
      details: known ? toLogValue(thrown.details) : {},
    },
  };
}

function maskSecretsIn(text: string | undefined): string | null {
  return text === undefined ? null : maskSecrets(text);
}

/**
 * Tells what ended a command: for people on standard error, and with `--json` as one document on standard output,
 * unless something stands there already.
 */
export function endWithError(thrown: unknown, surroundings: EndSurroundings): ExitCode {
  const { output, stderr, json, reportTo } = surroundings;
  // Help that was asked for ends in this way too.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.done;
  if (json && !output.used) {
    output.write(`${JSON.stringify(documentOf(thrown, reportTo), null, 2)}\n`);
  }
  // commander has already said what is wrong with the command line.
  if (thrown instanceof CommanderError) return EXIT.usage;
  if (isAppError(thrown) && thrown.code === 'USAGE') {
    const { message, remedy } = thrown;
    stderr.write(`error: ${message}\n${remedy === undefined ? '' : `(${remedy})\n`}`);
    return EXIT.usage;
  }
  stderr.write(describeError(thrown, reportTo));
  return exitCodeOf(thrown);
}

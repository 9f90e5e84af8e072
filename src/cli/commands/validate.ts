import { Option, type Command } from 'commander';
import { AppError, isAppError } from '../../errors.js';
import type { XmlValidator } from '../../record/validate-xml.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';

interface ValidateOptions {
  readonly schema?: string;
}

const AFTER_HELP = `
Exit code 0: all are valid; 65: at least one is not, or the schema is none.

Example:
  recordsmith validate records/2026/2026-11-21_FEI-Titan_42.xml`;

/** A schema named on the command line is data, unlike that of the configuration. */
async function loadGivenSchema(schema: string | undefined): Promise<XmlValidator> {
  const { loadXmlValidator } = await import('../../record/validate-xml.js');
  try {
    return await loadXmlValidator(schema);
  } catch (error) {
    if (!isAppError(error) || schema === undefined) throw error;
    const isNoSchema = error.code === 'CONFIG_INVALID';
    throw new AppError(isNoSchema ? 'INPUT_INVALID' : error.code, error.message.trim(), {
      // What libxml2 said of a wrong schema is in the message.
      ...(isNoSchema ? {} : { cause: error.cause }),
      remedy: 'Give a complete XML schema in one file with --schema, or leave the option out.',
      details: error.details,
    });
  }
}

/** `recordsmith validate`: records against the schema of the package or another one. */
export function registerValidate(program: Command, host: CommandHost): void {
  program
    .command('validate')
    .description('check records against their XML schema')
    .argument('<record...>', 'XML files')
    .addOption(new Option('--schema <file>', 'XSD in one file, instead of the one of the package'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const { schema } = command.opts<ValidateOptions>();
        const validator = await loadGivenSchema(schema);
        try {
          const results = [];
          for (const path of command.args) {
            const verdict = await validator.validateFile(path);
            const faults = verdict.valid ? [] : verdict.faults;
            results.push({ path, valid: verdict.valid, faults });
            if (context.json) continue;
            if (verdict.valid) context.note(`${path}: valid`);
            for (const { line, column, message } of faults) {
              context.print(`${path}:${line}:${column}: ${message}`);
            }
          }
          if (context.json) context.printJson(results);
          return results.every((result) => result.valid) ? EXIT.done : EXIT.badData;
        } finally {
          validator.dispose();
        }
      }),
    );
}

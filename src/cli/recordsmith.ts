import './start-ahead.js';
import '../zod-settings.js';
import { describeError } from './describe-error.js';
import { EXIT } from './exit-codes.js';
import { readPackageFacts } from './package-facts.js';
import { runCli } from './program.js';

function endOnDefect(error: unknown): void {
  process.stderr.write(describeError(error, readPackageFacts().reportTo));
  process.exit(EXIT.internal);
}

process.on('uncaughtException', endOnDefect);
process.on('unhandledRejection', endOnDefect);

runCli({
  args: process.argv.slice(2),
  environment: process.env,
  workingFolder: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
}).then((exitCode) => {
  process.exitCode = exitCode;
}, endOnDefect);

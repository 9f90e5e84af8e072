import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCli } from '../../src/cli/program.js';
import type { CliResult } from './run-cli.js';

/** Runs one command line in this process, which is much quicker than starting it; only errors are logged. */
export async function runInProcess(
  folder: string,
  args: readonly string[],
): Promise<CliResult & { readonly code: number }> {
  const streams = [new PassThrough(), new PassThrough()] as const;
  const [stdout, stderr] = streams;
  const printed = Promise.all(streams.map((stream) => text(stream)));
  const code = await runCli({
    args: [...args, '--log-level', 'error'],
    environment: {},
    workingFolder: folder,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
  });
  for (const stream of streams) stream.end();
  const [out = '', err = ''] = await printed;
  return { code, stdout: out, stderr: err };
}

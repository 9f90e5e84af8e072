import { spawn } from 'node:child_process';
import { AppError, toError } from '../../errors.js';
import { descendantsOf, killGroup, residentBytesOf } from '../../processes/process-tree.js';

/** How a program of the facility is run. */
export interface RunCommandOptions {
  /** The program (found by PATH, or an absolute path) and its arguments; no shell sees them. */
  readonly words: readonly [string, ...string[]];
  /** Its working folder. */
  readonly folder: string;
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeLimitMs: number;
  /** Resident memory of it and of what it starts, bytes. */
  readonly memoryLimitBytes: number;
  /** Ends it when the file is no longer wanted. */
  readonly signal: AbortSignal;
}

/** What a program may print, bytes. */
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;
/** How much of what it wrote to standard error is told, characters. */
const TOLD_STDERR = 500;
const KEPT_STDERR = 4096;
const MEMORY_CHECK_MS = 200;

/**
 * Runs a program that reads one file and gives what it printed. Whatever happens, nothing of its process group is left
 * when this has ended.
 * @throws AppError READER_FAILED when it cannot be started, ends with another exit code than 0 or prints too much;
 * LIMIT_EXCEEDED over its time or memory; ABORTED. The message ends with the last part of its standard error.
 */
export function runCommand(options: RunCommandOptions): Promise<Buffer> {
  const { words, folder, environment, timeLimitMs, memoryLimitBytes, signal } = options;
  const [program, ...args] = words;
  return new Promise<Buffer>((resolve, reject) => {
    if (signal.aborted) {
      reject(new AppError('ABORTED', `${program} was not started.`));
      return;
    }
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...environment },
      // A process group of its own, which can be ended as a whole.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    const output: Buffer[] = [];
    let outputBytes = 0;
    let stderr = '';
    let failure: AppError | null = null;

    const killAll = (): void => {
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(pid);
    };
    const fail = (error: AppError): void => {
      failure ??= error;
      killAll();
    };
    const told = (): string => {
      const tail = stderr.replaceAll(/\s+/g, ' ').trim().slice(-TOLD_STDERR);
      return tail === '' ? '' : ` It wrote: ${tail}`;
    };

    const onAbort = (): void => fail(new AppError('ABORTED', `${program} was stopped.`));
    const onExit = (): void => killAll();
    const timer = setTimeout(() => {
      const message = `${program} took longer than ${timeLimitMs / 1000} s.`;
      const details = { limit: 'time', timeLimitMs };
      fail(new AppError('LIMIT_EXCEEDED', message + told(), { details }));
    }, timeLimitMs);
    const memoryWatch = setInterval(() => {
      if (pid === undefined) return;
      const residentBytes = residentBytesOf([pid, ...descendantsOf(pid)]);
      if (residentBytes <= memoryLimitBytes) return;
      const mebibytes = Math.round(memoryLimitBytes / 1024 ** 2);
      const message = `${program} took more than ${mebibytes} MiB of memory.`;
      const details = { limit: 'memory', residentBytes };
      fail(new AppError('LIMIT_EXCEEDED', message + told(), { details }));
    }, MEMORY_CHECK_MS);
    const settle = (): void => {
      clearTimeout(timer);
      clearInterval(memoryWatch);
      signal.removeEventListener('abort', onAbort);
      process.off('exit', onExit);
    };

    signal.addEventListener('abort', onAbort, { once: true });
    process.on('exit', onExit);
    child.stdout.on('data', (chunk: Buffer) => {
      outputBytes += chunk.length;
      if (outputBytes <= MOST_OUTPUT_BYTES) output.push(chunk);
      else fail(new AppError('READER_FAILED', `${program} printed more than 16 MiB.`));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_STDERR);
    });
    child.on('error', (error) => {
      const message = `${program} cannot be started: ${toError(error).message}.`;
      failure ??= new AppError('READER_FAILED', message, { cause: error });
      if (pid !== undefined) return;
      // No exit follows.
      settle();
      reject(failure);
    });
    // What it left running in the background would hold its output open, and is ended with it.
    child.on('exit', () => {
      if (pid !== undefined) killGroup(pid);
    });
    child.on('close', (exitCode, endSignal) => {
      settle();
      if (failure !== null) {
        reject(failure);
      } else if (exitCode === 0) {
        resolve(Buffer.concat(output));
      } else {
        const how = endSignal ?? `exit code ${String(exitCode)}`;
        const details = { exitCode, signal: endSignal };
        reject(
          new AppError('READER_FAILED', `${program} ended with ${how}.${told()}`, { details }),
        );
      }
    });
  });
}

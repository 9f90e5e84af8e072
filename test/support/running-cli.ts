import { spawn, type ChildProcess } from 'node:child_process';
import { CLI, type CliResult } from '../cli/run-cli.js';

/** A command line that runs while a test goes on. */
export class RunningCli {
  /** Settles when the process and its streams have ended; never rejects. */
  readonly ended: Promise<CliResult & { readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #over = false;
  readonly #watchers = new Set<() => void>();

  constructor(
    folder: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#tell();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#tell();
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#over = true;
        this.#tell();
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('The process could not be started.');
    return this.#child.pid;
  }

  /** Standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills the process unless it has ended, and waits for its end. */
  async end(): Promise<void> {
    if (!this.#over) this.#child.kill('SIGKILL');
    await this.ended;
  }

  /**
   * Waits until standard error holds a text, some times over.
   * @throws Error when the process ends before.
   */
  async saw(text: string, times = 1): Promise<void> {
    const isThere = (): boolean => this.#stderr.split(text).length > times;
    while (!isThere()) {
      if (this.#over) throw new Error(`It ended without '${text}':\n${this.#stderr}`);
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

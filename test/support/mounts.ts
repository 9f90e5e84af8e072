import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from '@jest/globals';
import { CLI, type CliResult } from '../cli/run-cli.js';
import type { Lab, RunOnceResult } from './lab.js';
import { parseRunOnce } from './run-once-document.js';
import { waitFor } from './wait-for.js';

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(':')
    .some((folder) => existsSync(`${folder}/${program}`));
}

/** Why no FUSE file system can be mounted here; null: one can. */
export function whyNoFuse(): string | null {
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse';
  if (!isInstalled('bindfs')) return 'bindfs is not installed';
  return null;
}

/** Why no file system in memory can be mounted here; null: one can. */
export function whyNoSmallDisk(): string | null {
  if (process.getuid?.() !== 0) return 'only root may mount a small file system';
  return isInstalled('mount') ? null : 'mount is not installed';
}

/** Why file permissions do not hold here; null: they do. */
export function whyNoPermissions(): string | null {
  if (process.getuid?.() !== 0 || isInstalled('setpriv')) return null;
  return 'root is refused nothing, and setpriv is not installed';
}

/** A test that needs means of this machine: skipped with the reason where they are missing, failing in CI. */
export function testWith(reason: string | null, title: string, body: () => Promise<void>): void {
  if (reason === null) {
    test(title, body);
  } else if (process.env['CI']) {
    test(title, () => {
      throw new Error(reason);
    });
  } else {
    const skipped = test.skip;
    skipped(`${title} (${reason})`, body);
  }
}

/** A command on a lab by somebody for whom permissions hold: root gives up its right to read everything. */
export async function runWithPermissions(lab: Lab, args: readonly string[]): Promise<CliResult> {
  const rights = '-dac_override,-dac_read_search';
  const isRoot = process.getuid?.() === 0;
  const options = {
    cwd: lab.folder,
    env: { PATH: process.env['PATH'], HOME: lab.folder },
  };
  const cli = [process.execPath, CLI, ...args, '--config', lab.configFile];
  const limits = [`--bounding-set=${rights}`, `--inh-caps=${rights}`];
  const child = isRoot
    ? spawn('setpriv', [...limits, ...cli], options)
    : spawn(process.execPath, cli.slice(1), options);
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { code, stdout, stderr };
}

/** `--run-once --json` of a lab by somebody for whom permissions hold. */
export async function runOnceWithPermissions(lab: Lab): Promise<RunOnceResult> {
  const result = await runWithPermissions(lab, ['--run-once', '--json']);
  const { code, stdout, stderr } = result;
  if (stdout === '') throw new Error(`--run-once ended with ${String(code)}:\n${stderr}`);
  return { ...result, ...parseRunOnce(stdout) };
}

/** A real file system (FUSE) that shows another folder and stops answering on demand, as a lost file server does. */
export class HangingStore {
  readonly #mountPoint: string;
  readonly #server: ChildProcess;

  private constructor(mountPoint: string, server: ChildProcess) {
    this.#mountPoint = mountPoint;
    this.#server = server;
  }

  /** Shows `source` at `mountPoint` (both made). `options`: of bindfs. */
  static async mount(
    source: string,
    mountPoint: string,
    options: readonly string[] = [],
  ): Promise<HangingStore> {
    mkdirSync(source, { recursive: true });
    mkdirSync(mountPoint, { recursive: true });
    // Nothing is remembered by the kernel: each access asks the server.
    const caching = ['-o', 'attr_timeout=0', '-o', 'entry_timeout=0'];
    const server = spawn(
      'bindfs',
      ['-f', '--no-allow-other', ...caching, ...options, source, mountPoint],
      { stdio: 'ignore' },
    );
    await waitFor(`${mountPoint} is mounted`, () => {
      if (server.exitCode !== null)
        throw new Error(`bindfs ended with ${String(server.exitCode)}.`);
      return isMounted(mountPoint);
    });
    return new HangingStore(mountPoint, server);
  }

  /** From now on nothing is answered. */
  hang(): void {
    this.#server.kill('SIGSTOP');
  }

  /** What waited is answered. */
  goOn(): void {
    this.#server.kill('SIGCONT');
  }

  /** Ends the server; whatever still waits gets an error. */
  async unmount(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.once('close', resolve));
    const isOver = this.#server.exitCode !== null || this.#server.signalCode !== null;
    this.#server.kill('SIGKILL');
    if (!isOver) await ended;
    if (!isMounted(this.#mountPoint)) return;
    if (process.getuid?.() === 0) execFileSync('umount', ['-l', this.#mountPoint]);
    else execFileSync('fusermount', ['-uz', this.#mountPoint]);
  }
}

/** A small file system of its own, which is soon full. */
export class SmallDisk {
  readonly path: string;

  /** Mounts a file system of so many bytes at `path`, which is made. */
  constructor(path: string, bytes: number) {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=755`, 'tmpfs', path]);
    this.path = path;
  }

  /** Changes its size; what is on it stays. */
  resize(bytes: number): void {
    execFileSync('mount', ['-o', `remount,size=${bytes}`, this.path]);
  }

  /** Nothing can be written to it any more, or again. */
  readOnly(isReadOnly: boolean): void {
    execFileSync('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.path]);
  }

  unmount(): void {
    if (isMounted(this.path)) execFileSync('umount', ['-l', this.path]);
  }
}

function isMounted(path: string): boolean {
  const escaped = path.replaceAll(' ', '\\040');
  return readFileSync('/proc/self/mounts', 'utf8').includes(` ${escaped} `);
}

import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, jest } from '@jest/globals';
import { stringify } from 'yaml';
import { parseDatabaseUrl } from '../../src/db/database-settings.js';
import { runCli, type CliResult } from './run-cli.js';

/** A folder with a configuration, for commands that need nothing but a database. */
export class CommandFolder {
  readonly folder: string;

  constructor(databaseUrl: string) {
    const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    this.folder = realpathSync(mkdtempSync(join(parent, 'recordsmith-command-')));
    mkdirSync(join(this.folder, 'data'));
    const address = parseDatabaseUrl(databaseUrl);
    const database =
      address.client === 'sqlite'
        ? { client: 'sqlite', file: address.file }
        : { client: 'postgres', url: address.url };
    this.write('recordsmith.yaml', stringify({ database, log: { format: 'json' } }));
  }

  write(name: string, content: string | Buffer): string {
    writeFileSync(join(this.folder, name), content);
    return name;
  }

  run(...args: string[]): Promise<CliResult> {
    return runCli(this.folder, [...args, '--config', 'recordsmith.yaml']);
  }

  /** Runs a command that must end well and gives the document it prints. */
  async json(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}: ${stderr}`);
    return JSON.parse(stdout);
  }
}

/** A folder anew for each test on the database of the address. */
export function commandFolder(databaseUrl: () => string): { readonly current: CommandFolder } {
  // Each command is a process of its own, which takes long on a busy machine.
  jest.setTimeout(180_000);
  let current: CommandFolder | undefined;
  beforeEach(() => {
    current = new CommandFolder(databaseUrl());
  });
  afterEach(() => {
    if (current !== undefined) rmSync(current.folder, { recursive: true });
  });
  return {
    get current() {
      if (current === undefined) throw new Error('The folder is used outside a test.');
      return current;
    },
  };
}

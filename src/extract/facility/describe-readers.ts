import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { AppError } from '../../errors.js';
import { commandEnvironment } from './command-extractor.js';
import type { CommandReader } from '../../domain/facility-readers.js';
import { claimsOfPatterns, type ReaderClaim } from './reader-claim.js';
import { loadReaderModule, moduleFilesOf } from './load-reader-modules.js';

/**
 * Loads a module, or all modules of a folder, and says what their readers claim. Call it in a reader process.
 * @throws AppError CONFIG_INVALID saying what is wrong.
 */
export async function describeModules(path: string): Promise<readonly ReaderClaim[]> {
  const claims: ReaderClaim[] = [];
  for (const file of moduleFilesOf(path)) {
    for (const reader of await loadReaderModule(file)) {
      claims.push({
        id: reader.id,
        version: reader.version,
        kind: 'module',
        path: file,
        extensions: [...reader.extensions],
        files: [],
        companions: [...(reader.companions ?? [])],
      });
    }
  }
  return claims;
}

/**
 * Finds the program of a command as it will be found when it is run, and says what the command claims.
 * @throws AppError CONFIG_INVALID when there is no such program, or it may not be run.
 */
export function describeCommand({
  name,
  version,
  command,
  files,
  companions,
}: CommandReader): ReaderClaim {
  const [program = ''] = command;
  return {
    id: name,
    version,
    kind: 'command',
    path: findProgram(program),
    ...claimsOfPatterns(files),
    companions: [...companions],
  };
}

function findProgram(program: string): string {
  const folders = (commandEnvironment()['PATH'] ?? '').split(delimiter);
  const candidates = program.includes('/')
    ? [program]
    : folders.map((folder) => join(folder, program));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new AppError('CONFIG_INVALID', `The program ${program} is not there or may not be run.`, {
    remedy: program.includes('/')
      ? `Correct the path, or make it executable: chmod +x ${program}`
      : `Install it, or give its path: it was looked for in ${folders.join(', ')}.`,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

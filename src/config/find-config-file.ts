import { accessSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './read-environment.js';

/** Where a configuration file is looked for when none is named, in this order. */
export function configSearchPath(environment: Environment, workingFolder: string): string[] {
  const configured = environment['XDG_CONFIG_HOME'];
  const userFolder =
    configured !== undefined && isAbsolute(configured)
      ? configured
      : join(environment['HOME'] ?? homedir(), '.config');
  return [
    resolve(workingFolder, 'config/recordsmith.yaml'),
    join(userFolder, 'recordsmith/recordsmith.yaml'),
    '/etc/recordsmith/recordsmith.yaml',
  ];
}

/** The first file of the search path that is there (readable or not), or null. */
export function findConfigFile(environment: Environment, workingFolder: string): string | null {
  const present = (file: string): boolean => {
    try {
      accessSync(file);
      return true;
    } catch {
      // Also a folder this user may not enter: the next place is meant for them.
      return false;
    }
  };
  return configSearchPath(environment, workingFolder).find(present) ?? null;
}

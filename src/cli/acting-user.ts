import { userInfo } from 'node:os';
import { systemErrorCode } from '../errors.js';

/** Who runs the command, for what is kept of a person's decision: the login name, else the number of the account. */
export function actingUser(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // Containers run under numbers that have no name.
    if (systemErrorCode(error) === undefined) throw error;
    return `uid ${String(process.getuid?.() ?? '?')}`;
  }
}

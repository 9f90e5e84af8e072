import { isMainThread } from 'node:worker_threads';
import type { StorePath } from './store-path.js';

/**
 * Takes this process into the folder in work, where the system finds a name without going through all folders of its path
 * again: that is a sixth of the time of a look. The working folder belongs to the whole process: whoever entered one leaves
 * it before other work gets its turn.
 */
export class WorkingFolder {
  #home: string | null = null;

  /** Goes there. @returns false when this process cannot: then only whole paths serve. */
  enter(folder: StorePath): boolean {
    if (typeof folder !== 'string' || !isMainThread) return false;
    try {
      this.#home ??= process.cwd();
      process.chdir(folder);
      return true;
    } catch {
      // The search itself, by whole paths, says what is wrong.
      return false;
    }
  }

  /** Goes back to where this process was, so that no store stays in use by it. */
  leave(): void {
    if (this.#home === null) return;
    try {
      process.chdir(this.#home);
    } catch {
      // That folder is gone. Nothing here relies on it.
      process.chdir('/');
    }
    this.#home = null;
  }
}

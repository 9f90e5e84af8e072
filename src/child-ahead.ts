import { CHILD_ENTRY, CHILD_MEMORY_BYTES } from './child-entry.js';
import { PoolChild, type ChildOwner } from './processes/pool-child.js';
import { isOfOneKind, type Lender } from './processes/pool-family.js';

let ahead: PoolChild | null = null;

/** Whose child has no pool yet. */
const NOBODY: ChildOwner = {
  onReady: ignore,
  onAnswer: ignore,
  onMemoryExceeded: ignore,
  onEnd: () => {
    ahead = null;
  },
};

/**
 * Starts a child process before the program that needs it has loaded itself, which takes as long. It is one of the default
 * configuration, which is not read yet. Nothing waits for it; it ends with this process when nobody takes it.
 */
export function startChildAhead(): void {
  const kind = { entry: CHILD_ENTRY, memoryLimitBytes: CHILD_MEMORY_BYTES };
  ahead = new PoolChild(kind, () => NOBODY);
}

/** Gives the child that was started ahead to the first pool that it fits; another configuration has no use for it. */
export const childAhead: Lender = {
  lend: (kind) => {
    const child = ahead;
    ahead = null;
    if (child === null || isOfOneKind(child.start, kind)) return child;
    child.dismiss();
    return null;
  },
};

function ignore(): void {
  // Nobody is told.
}

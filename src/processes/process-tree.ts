import { readdirSync, readFileSync } from 'node:fs';

/** A process as the system lists it. */
interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  /** Id of its process group. */
  readonly group: number;
}

/** Rounds of killing: a process that starts others while it is killed is found in the next one. */
const MOST_ROUNDS = 5;

/** Every process of this machine that may be seen; empty where there is no /proc. */
function listProcesses(): ListedProcess[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The name of the program, in brackets, may hold anything.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [state, parent, group] = fields;
      if (state === 'Z' || parent === undefined || group === undefined) return [];
      return [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

/** The processes below one, and those of the process groups that they are in, nearest first; not the process itself. */
export function descendantsOf(pid: number): number[] {
  const all = listProcesses();
  const own = all.find((process) => process.pid === pid)?.group;
  const found = new Set<number>([pid]);
  const groups = new Set<number>();
  for (let before = 0; before < found.size + groups.size;) {
    before = found.size + groups.size;
    for (const process of all) {
      if (!found.has(process.parent) && !groups.has(process.group)) continue;
      found.add(process.pid);
      // A group that begins below: who was in it stays in it when its parent has ended.
      if (process.pid !== pid && process.group !== own) groups.add(process.group);
    }
  }
  found.delete(pid);
  return [...found];
}

/** Resident memory of processes together, bytes; one that has ended, or where the system does not tell, counts nothing. */
export function residentBytesOf(pids: readonly number[]): number {
  let bytes = 0;
  for (const pid of pids) {
    try {
      // VmRSS is in kB whatever the page size; statm counts pages, whose size node does not know.
      const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
      bytes += Number(match?.[1] ?? 0) * 1024;
    } catch {
      // It has ended meanwhile.
    }
  }
  return bytes;
}

/** Ends processes at once, with all that they started; the process `pid` itself stays. */
export function killDescendants(pid: number): void {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const descendants = descendantsOf(pid);
    if (descendants.length === 0) return;
    for (const descendant of descendants) kill(descendant);
  }
}

/**
 * Ends a process group that `leader` began, with all that the processes in it started, at once. The leader itself may have
 * ended just now.
 */
export function killGroup(leader: number): void {
  killDescendants(leader);
  // A negative number means the group.
  kill(-leader);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { systemErrorCode } from '../errors.js';

/** `host:pid:place-start`; what comes after the pid is there on Linux only. */
const OWNER = /:([1-9]\d{0,9}):([0-9a-f]{12})-(\d+)$/;

/** Field of /proc/PID/stat (proc(5)), counted after the name in parentheses: process state, start in clock ticks. */
const STATE_FIELD = 0;
const START_FIELD = 19;

/**
 * The name under which this process holds leases: host and process id for people, and marks by which another process can
 * tell that this one is dead. A process id alone cannot: it is used again, and containers have their own on one host name.
 */
export async function leaseOwnerName(host: string): Promise<string> {
  const place = await placeOfProcesses();
  const self = await statOf('self');
  const name = `${host}:${process.pid}`;
  return place === null || self === null ? name : `${name}:${place}-${self.start}`;
}

/**
 * Whether the owner of a lease is a process that is dead for certain: it ran under the same start of the same kernel and
 * among the same process ids as this process, and is there no more. What cannot be known is false: its lease expires.
 */
export async function isDeadOwner(owner: string): Promise<boolean> {
  const [, pid, place, start] = OWNER.exec(owner) ?? [];
  if (pid === undefined || place !== (await placeOfProcesses())) return false;
  try {
    // Tells about processes of other users too, which /proc may hide.
    process.kill(Number(pid), 0);
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return true;
  }
  const found = await statOf(pid);
  return found !== null && (found.start !== start || found.state === 'Z');
}

/** The running kernel and the namespace of process ids, in short; null: this system does not tell. */
async function placeOfProcesses(): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const namespace = await readlink('/proc/self/ns/pid');
    return createHash('sha256').update(`${boot.trim()} ${namespace}`).digest('hex').slice(0, 12);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return null;
  }
}

/** State and start of a process; null: not to be seen. */
async function statOf(pid: string): Promise<{ state: string; start: string } | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields[STATE_FIELD], fields[START_FIELD]];
    return state === undefined || start === undefined ? null : { state, start };
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return null;
  }
}

import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/schema.js';
import { mountOf } from '../../db/network-file-system.js';
import { systemErrorCode } from '../../errors.js';
import type { ProbeResult } from '../../files/look-result.js';
import type { StorePool } from '../../files/store-pool.js';

/** What the checks of a configuration work with. */
export interface DoctorEnvironment {
  readonly config: Config;
  /** Where folders are first looked at: one that hangs takes only its own process with it. */
  readonly stores: StorePool;
  /** Text of /proc/self/mountinfo; empty where there is none. */
  readonly mountinfo: string;
}

/** The type of the file system that a path lies on, as ` (nfs4)`; empty: unknown. Touches no store. */
export function mountText(environment: DoctorEnvironment, path: string): string {
  const mount = mountOf(path, environment.mountinfo);
  return mount === null ? '' : ` (${mount.type})`;
}

/** Looks at a folder in the process of its mount: what is mounted together hangs together. Throws as StorePool.probe. */
export function probeFolder(environment: DoctorEnvironment, path: string): Promise<ProbeResult> {
  const store = mountOf(path, environment.mountinfo)?.point ?? '/';
  return environment.stores.probe(store, path);
}

/** The mounts of this machine; empty where the system has no such list. */
export async function readMountinfo(): Promise<string> {
  try {
    return await readFile('/proc/self/mountinfo', 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return '';
  }
}

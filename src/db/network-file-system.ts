import { readFile, realpath, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors.js';

/** Magic numbers of statfs(2) (linux/magic.h and the file systems' own sources) of file systems over a network. */
const NETWORK_MAGIC: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x564c, 'NCP'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x01021997, '9P'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x61636673, 'ACFS'],
  [0x7461636f, 'OCFS2'],
]);
const FUSE_MAGIC = 0x65735546;

/** FUSE is also used for local disks, so the subtype of the mount decides. */
const NETWORK_FUSE =
  /^fuse\.(sshfs|rclone|glusterfs|s3fs|davfs2?|curlftpfs|smbnetfs|gvfsd-fuse|goofys|gcsfuse|mount-s3|ceph-fuse|cephfs|moosefs|mfs|juicefs|afpfs|hdfs)/i;

/** The name of the network file system with this statfs magic and mount type, or null for a local one. */
export function networkFileSystemName(magic: number, mountType: string | null): string | null {
  const unsigned = magic >>> 0;
  if (unsigned !== FUSE_MAGIC) return NETWORK_MAGIC.get(unsigned) ?? null;
  return mountType !== null && NETWORK_FUSE.test(mountType) ? mountType : null;
}

/** Where a file system is mounted, and its type (`nfs4`, `ext4`). */
export interface Mount {
  readonly point: string;
  readonly type: string;
}

/** The file system type of the mount that holds `path`, from the text of /proc/self/mountinfo. */
export function mountTypeOf(path: string, mountinfo: string): string | null {
  return mountOf(path, mountinfo)?.type ?? null;
}

/** The mount that holds `path`, from the text of /proc/self/mountinfo (proc(5)) alone; null: it is not in there. */
export function mountOf(path: string, mountinfo: string): Mount | null {
  let found: Mount | null = null;
  for (const line of mountinfo.split('\n')) {
    const [mount, source] = line.split(' - ');
    const point = mount
      ?.split(' ')[4]
      ?.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
    if (point === undefined || source === undefined || point.length < (found?.point.length ?? 0))
      continue;
    if (path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`)) {
      found = { point, type: source.split(' ')[0] ?? '' };
    }
  }
  return found;
}

/**
 * The name of the network file system that `path` (or, before it exists, its nearest existing folder) lies on; null for
 * a local one.
 */
export async function networkFileSystemOf(path: string): Promise<string | null> {
  for (let place = path; ; place = dirname(place)) {
    try {
      const { type } = await statfs(place);
      if (type >>> 0 !== FUSE_MAGIC) return networkFileSystemName(type, null);
      const [real, mountinfo] = await Promise.all([
        realpath(place),
        readFile('/proc/self/mountinfo', 'utf8'),
      ]);
      return networkFileSystemName(type, mountTypeOf(real, mountinfo));
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || dirname(place) === place) throw error;
    }
  }
}

import { resolve } from 'node:path';
import { compareByTime, type FileVerdict, type FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import { otherOwner, ownerOfRequest, verdictOn } from './judge-file.js';
import type { LookRequest } from './look-request.js';
import { resolveInData } from './look-roots.js';
import { msToNs, placeInWindow, sessionWindow } from './session-window.js';
import { isInsideFolder, pathOfLocation, textInside } from './store-path.js';

/** The files that count by their own time, and a verdict for each that lies near the session. */
export interface AcquiredDecision {
  /** Sorted by time, then location; timeNs is the acquisition time. */
  readonly files: readonly FoundFile[];
  readonly verdicts: readonly FileVerdict[];
  /** Files of the record that lie outside the session by their own time and belong to another one. */
  readonly takenOver: readonly Location[];
  /** How many lie too far from the session for a verdict. */
  readonly otherFileCount: number;
}

/**
 * Decides the files that a look gave as `needsAcquiredTime`, now that they were read. A file that does not say when it
 * was acquired counts by the time it was written.
 * @param acquiredMs epoch milliseconds of each location; null or absent: the file does not say.
 */
export function decideByAcquiredTime(
  request: LookRequest,
  candidates: readonly FoundFile[],
  acquiredMs: ReadonlyMap<Location, number | null>,
): AcquiredDecision {
  const window = sessionWindow(request);
  const nearNs = msToNs(request.nearMs);
  const owner = ownerOfRequest(request);
  const dataPath = resolve(request.dataPath);
  const folders = request.folders
    .map((folder) => ({ path: folder.path, root: resolveInData(dataPath, folder.path) }))
    .sort((a, b) => b.root.length - a.root.length);
  const files: FoundFile[] = [];
  const verdicts: FileVerdict[] = [];
  const takenOver: Location[] = [];
  const recorded = new Set(request.recorded);
  for (const candidate of candidates) {
    const ownMs = acquiredMs.get(candidate.location) ?? null;
    const timeNs = ownMs === null ? candidate.timeNs : msToNs(ownMs);
    const isRecorded = recorded.has(candidate.location);
    const isNear = timeNs > window.startNs - nearNs && timeNs <= window.graceEndNs + nearNs;
    if (!isNear && !isRecorded) continue;
    const place = placeInWindow(timeNs, window, ownMs === null ? 'written' : 'acquired');
    const rule =
      ownMs === null ? `${place.rule} (it does not say when it was acquired)` : place.rule;
    const file = { ...candidate, timeNs };
    if (place.verdict !== 'in' && !isRecorded) {
      verdicts.push(verdictOn(file, place.verdict, rule));
      continue;
    }
    const path = pathOfLocation(file.location, dataPath);
    const folder = folders.find(({ root }) => isInsideFolder(path, root));
    const other = otherOwner(owner, request, {
      path: textInside(path, dataPath),
      pathInFolder: textInside(path, folder?.root ?? dataPath),
      // A directory elsewhere is read as the first folder is.
      folderPath: folder?.path ?? request.folders[0]?.path ?? '',
      mtimeNs: file.mtimeNs,
      acquiredNs: ownMs === null ? null : timeNs,
    });
    if (other === null) {
      verdicts.push(verdictOn(file, place.verdict, rule));
      if (place.verdict === 'in') files.push(file);
    } else {
      const isTakenOver = place.verdict !== 'in';
      verdicts.push(verdictOn(file, 'other session', isTakenOver ? `${rule}; ${other}` : other));
      if (isTakenOver) takenOver.push(file.location);
    }
  }
  files.sort(compareByTime);
  return { files, verdicts, takenOver, otherFileCount: candidates.length - verdicts.length };
}

import { z } from 'zod';
import { VERDICTS } from '../domain/found-file.js';

const foundFileSchema = z.object({
  location: z.string(),
  name: z.string(),
  sizeBytes: z.number(),
  blocks: z.number(),
  mtimeNs: z.bigint(),
  timeNs: z.bigint(),
});

const verdictSchema = z.object({
  location: z.string(),
  verdict: z.enum(VERDICTS),
  rule: z.string(),
  sizeBytes: z.number(),
  mtimeNs: z.bigint(),
});

/** What a look at the store found, or that the store did not answer. */
export const lookResultSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('looked'),
    /** The session's files, sorted by time, then location. */
    files: z.array(foundFileSchema),
    /**
     * Files of folders whose time basis is `acquired`, decided but for the time: read them, then ask
     * decideByAcquiredTime. Sorted like `files`; timeNs holds the mtime less the clock offset.
     */
    needsAcquiredTime: z.array(foundFileSchema),
    /** One for every file near the session (and every included or excluded one), sorted by location. */
    verdicts: z.array(verdictSchema),
    /** Locations of `recorded` that lie outside the session and belong to another one; their verdict says so too. */
    takenOver: z.array(z.string()),
    /** Files and folders that the store failed on (an I/O error, a stale handle) while it answers otherwise. */
    storeFaults: z.array(z.string()),
    /** How many other files there are. */
    otherFileCount: z.number(),
    /** Human sentences for the record: what could not be read. */
    warnings: z.array(z.string()),
    /** The `path` of each folder of the request that held anything: remember them. */
    nonemptyFolders: z.array(z.string()),
    durationMs: z.number(),
  }),
  z.object({ kind: z.literal('store-unavailable'), reason: z.string() }),
]);

/** What a store process answers to a look. */
export const lookAnswerSchema = z.object({
  result: lookResultSchema,
  /** Why the index of folders could not be kept after the look before; null: it was, or need not be. */
  indexFault: z.string().nullable(),
});

/** See lookResultSchema. */
export type LookResult = z.infer<typeof lookResultSchema>;

/** Whether a store is there. */
export const probeResultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('available'), isEmpty: z.boolean(), durationMs: z.number() }),
  z.object({
    kind: z.literal('store-unavailable'),
    reason: z.string(),
    /** `ENOENT`, `EACCES`...; absent: it did not answer. */
    systemCode: z.string().exactOptional(),
  }),
]);

/** See probeResultSchema. */
export type ProbeResult = z.infer<typeof probeResultSchema>;

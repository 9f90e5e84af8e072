import { z } from 'zod';
import type { RunOnceResult } from './lab.js';

const session = z.object({
  session_identifier: z.string(),
  session_key: z.string(),
  instrument: z.string(),
  start: z.string(),
  end: z.string(),
  user: z.string().nullable(),
  outcome: z.string(),
  reason: z.string().nullable(),
  files: z.number(),
  activities: z.number(),
  record: z.string().nullable(),
  version: z.number().nullable(),
  duration_ms: z.number(),
});

const document = z.strictObject({
  sessions: z.array(session.strict()),
  counts: z.record(z.string(), z.number()),
});

/** What `--run-once --json` printed. @throws when it is anything else. */
export function parseRunOnce(stdout: string): Pick<RunOnceResult, 'sessions' | 'counts'> {
  return document.parse(JSON.parse(stdout));
}

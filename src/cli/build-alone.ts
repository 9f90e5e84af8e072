import { spawn } from 'node:child_process';
import { z } from 'zod';
import type { BuildReport, BuildResult } from '../daemon/build-ending.js';
import type { BuildEnvironment } from '../daemon/build-environment.js';
import { buildSession } from '../daemon/build-session.js';
import { BUILD_OUTCOMES } from '../domain/record-status.js';
import { AppError } from '../errors.js';
import { ENTRY_FILE } from '../main.js';
import type { CommandContext } from './command-context.js';

type BuildAlone = (identifier: string, signal: AbortSignal) => Promise<BuildResult>;

const instantMs = z.iso.datetime().transform((text) => Date.parse(text));

/** What a run of one session prints. */
const answerSchema = z.object({
  sessions: z.array(
    z
      .object({
        session_identifier: z.string(),
        session_key: z.string(),
        instrument: z.string(),
        start: instantMs,
        end: instantMs,
        user: z.string().nullable(),
        outcome: z.enum([...BUILD_OUTCOMES, 'DEFERRED']),
        reason: z.string().nullable(),
        files: z.number(),
        activities: z.number(),
        record: z.string().nullable(),
        version: z.number().nullable(),
        duration_ms: z.number(),
      })
      .transform((session): BuildReport => ({
        sessionIdentifier: session.session_identifier,
        sessionKey: session.session_key,
        instrumentPid: session.instrument,
        startMs: session.start,
        endMs: session.end,
        user: session.user,
        outcome: session.outcome,
        reason: session.reason,
        files: session.files,
        activities: session.activities,
        recordPath: session.record,
        version: session.version,
        durationMs: session.duration_ms,
        storeAway: false,
      })),
  ),
});

/**
 * How sessions whose builds died are built: in a process of their own, so that one that dies takes nothing with it. In
 * that process itself (`--alone`) they are built directly.
 */
export function buildAloneWith(
  environment: BuildEnvironment,
  context: CommandContext,
  options: { readonly alone?: boolean },
): BuildAlone {
  return options.alone === true
    ? (identifier, signal) => buildSession(environment, identifier, signal)
    : (identifier, signal) => runAlone(environment, context, identifier, signal);
}

async function runAlone(
  environment: BuildEnvironment,
  context: CommandContext,
  identifier: string,
  signal: AbortSignal,
): Promise<BuildResult> {
  environment.log.warn('Earlier builds of the session died; it is built alone in a process.', {
    sessionIdentifier: identifier,
  });
  const config = context.options.config;
  const child = spawn(
    process.execPath,
    [
      ENTRY_FILE,
      ...['run', '--run-once', '--alone', '--json', '--session', identifier],
      ...(config === undefined ? [] : ['--config', config]),
    ],
    { cwd: context.workingFolder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const ending = await new Promise<string | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, killer) => {
        // 1: the session ended in ERROR, which is an answer too.
        resolve(code === 0 || code === 1 ? null : (killer ?? `exit code ${String(code)}`));
      });
    });
    if (ending !== null) return { kind: 'passed-over', reason: `its process ended by ${ending}` };
    const [report] = answerSchema.parse(JSON.parse(printed)).sessions;
    return report === undefined
      ? { kind: 'passed-over', reason: 'it was not due any more' }
      : { kind: 'built', report };
  } catch (error) {
    throw new AppError('READER_FAILED', 'The process for a single session gave no answer.', {
      cause: error,
      details: { sessionIdentifier: identifier },
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

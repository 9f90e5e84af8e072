import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { BuildReport, BuildResult } from '../daemon/build-ending.js';
import type { BuildEnvironment } from '../daemon/build-environment.js';
import { buildSession, type BuildSessionOptions } from '../daemon/build-session.js';
import { BUILD_OUTCOMES } from '../domain/record-status.js';
import { toError } from '../errors.js';
import { ENTRY_FILE } from './entry-file.js';
import type { CommandContext } from './command-context.js';

type BuildAlone = (identifier: string, options: BuildSessionOptions) => Promise<BuildResult>;

const INTERRUPTED: BuildResult = { kind: 'passed-over', reason: 'interrupted' };

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
        away: null,
      })),
  ),
});

/**
 * How sessions whose builds died are built: in a process of their own, so that one that dies takes nothing with it. In
 * that process itself (`--alone`) they are built directly.
 */
export function buildAloneWith(
  environment: BuildEnvironment,
  context: Pick<CommandContext, 'options' | 'workingFolder'>,
  options: { readonly alone?: boolean },
): BuildAlone {
  return options.alone === true
    ? (identifier, how) => buildSession(environment, identifier, how)
    : (identifier, how) => runAlone(environment, context, identifier, how);
}

async function runAlone(
  environment: BuildEnvironment,
  context: Pick<CommandContext, 'options' | 'workingFolder'>,
  identifier: string,
  { ignoreBackoff, stop }: BuildSessionOptions,
): Promise<BuildResult> {
  const { config } = context.options;
  try {
    stop.throwIfAborted();
    environment.log.warn('Earlier builds of the session died; it is built alone in a process.', {
      sessionIdentifier: identifier,
    });
    const child = spawn(
      process.execPath,
      [
        ENTRY_FILE,
        ...['run', '--run-once', '--alone', '--json', '--session', identifier],
        ...(ignoreBackoff ? [] : ['--when-due']),
        ...(config === undefined ? [] : ['--config', config]),
      ],
      { cwd: context.workingFolder, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const printed = await printedBy(child, stop);
    const [report] = answerSchema.parse(JSON.parse(printed)).sessions;
    return report === undefined
      ? { kind: 'passed-over', reason: 'it was not due any more' }
      : { kind: 'built', report };
  } catch (error) {
    if (stop.aborted) return INTERRUPTED;
    const { message } = toError(error);
    environment.log.error('The process for a single session gave no answer.', {
      sessionIdentifier: identifier,
      error,
    });
    return { kind: 'passed-over', reason: `its process gave no answer: ${message}` };
  }
}

/**
 * What a process prints until its end.
 * @param stop tells it to end.
 * @throws Error when it cannot be started or is killed.
 */
async function printedBy(
  child: ChildProcessByStdio<null, Readable, null>,
  stop: AbortSignal,
): Promise<string> {
  const kill = (): void => {
    child.kill('SIGTERM');
  };
  stop.addEventListener('abort', kill, { once: true });
  try {
    const ended = new Promise<string | null>((resolve) => {
      child.once('error', (error) => {
        resolve(error.message);
      });
      child.once('close', (code, killer) => {
        // 1: the session ended in ERROR, which is an answer too.
        resolve(code === 0 || code === 1 ? null : (killer ?? `exit code ${String(code)}`));
      });
    });
    const printed = await text(child.stdout);
    const fault = await ended;
    if (fault !== null) throw new Error(fault);
    return printed;
  } finally {
    stop.removeEventListener('abort', kill);
  }
}

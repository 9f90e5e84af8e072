import { effectiveAutoClose, instrumentPcSourcesOf } from './config/effective-auto-close.js';
import type { Config } from './config/schema.js';
import type { IdleSource } from './daemon/close-idle-sessions.js';
import type { RoutePlugin } from './http/route-plugin.js';

/** The routes by which instrument PCs report; none without a source of this kind. */
export async function instrumentPcRoutes(
  config: Pick<Config, 'sources'>,
): Promise<readonly RoutePlugin[]> {
  const sources = instrumentPcSourcesOf(config);
  if (sources.length === 0) return [];
  const { sessionLogRoutes } = await import('./http/session-log-routes.js');
  return sources.map((source) =>
    sessionLogRoutes({
      name: source.name,
      closesAtNextStart: ({ settings }) =>
        effectiveAutoClose(source, settings).auto_close === 'next-start',
    }),
  );
}

/** The sources whose sessions end when the instrument is idle, for closeIdleSessions. */
export function idleSources(config: Pick<Config, 'sources'>): readonly IdleSource[] {
  return instrumentPcSourcesOf(config).map((source) => ({
    name: source.name,
    idleAfterMs: ({ settings }) => {
      const { auto_close, idle_minutes } = effectiveAutoClose(source, settings);
      return auto_close === 'idle' ? idle_minutes * 60_000 : null;
    },
  }));
}

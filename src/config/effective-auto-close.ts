import { faultsOfIssues, type ConfigFault } from './config-faults.js';
import type { Config } from './schema.js';
import { instrumentAutoCloseSchema, type InstrumentPcSourceSettings } from './sources-schema.js';

/** Keys of an instrument-pc source that the settings of an instrument may have too. */
export const AUTO_CLOSE_KEYS = ['auto_close', 'idle_minutes'] as const;

/** What ends a session that its instrument PC does not end. */
export type AutoCloseSettings = Pick<InstrumentPcSourceSettings, (typeof AUTO_CLOSE_KEYS)[number]>;

/** The sources that are instrument PCs: one or none. */
export function instrumentPcSourcesOf({
  sources,
}: Pick<Config, 'sources'>): readonly InstrumentPcSourceSettings[] {
  return sources.filter((source) => source.kind === 'instrument-pc');
}

function givenKeys(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const key of AUTO_CLOSE_KEYS) {
    if (Object.hasOwn(settings, key)) given[key] = settings[key];
  }
  return given;
}

/** What is wrong with these keys in the settings of an instrument. */
export function autoCloseFaults(settings: Readonly<Record<string, unknown>>): ConfigFault[] {
  const given = givenKeys(settings);
  const checked = instrumentAutoCloseSchema.safeParse(given);
  if (checked.success) return [];
  return faultsOfIssues(checked.error.issues, given, new Map()).map((fault) => ({
    ...fault,
    where: 'instrument settings',
  }));
}

/**
 * What ends the sessions of one instrument: its own settings over those of the source. Settings that are wrong were
 * written by SQL; those of the source hold then, and `doctor` tells.
 */
export function effectiveAutoClose(
  source: InstrumentPcSourceSettings,
  settings: Readonly<Record<string, unknown>>,
): AutoCloseSettings {
  const own = instrumentAutoCloseSchema.safeParse(givenKeys(settings));
  const { auto_close = source.auto_close, idle_minutes = source.idle_minutes } = own.success
    ? own.data
    : {};
  return { auto_close, idle_minutes };
}

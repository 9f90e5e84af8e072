import { z } from 'zod';
import { AUTO_CLOSE_KEYS, autoCloseFaults } from './effective-auto-close.js';
import { configInvalid, faultsOfIssues, type ConfigFault } from './config-faults.js';
import { keyOf, type ConfigOrigin, type ConfigOrigins } from './config-origin.js';
import { deepFreeze, isTree, mergeTrees, type ConfigTree } from './config-tree.js';
import { nearestName } from './nearest-name.js';
import { buildSchema, type BuildSettings, type Config } from './schema.js';

/** Keys of `build` that belong to the process, not to a session. */
const PROCESS_KEYS = [
  'build.schedule',
  'build.concurrency',
  'build.limits.readers',
  'build.limits.file_seconds',
  'build.limits.file_memory_bytes',
  'build.limits.look_seconds',
  'build.lease_seconds',
  'build.shutdown_grace_s',
  'build.problem_age_hours',
] as const;

/** The settings that hold for sessions of one instrument, and where each comes from. */
export interface EffectiveBuildSettings {
  readonly settings: BuildSettings;
  /** By key with dots (`build.strategy`); what is not there has its default. */
  readonly origins: ConfigOrigins;
}

const instrumentSettings = z.record(z.string(), z.unknown());

function overriddenKeys(tree: ConfigTree, path: readonly string[]): string[] {
  return Object.entries(tree).flatMap(([name, value]) =>
    isTree(value) ? overriddenKeys(value, [...path, name]) : [keyOf([...path, name])],
  );
}

/** Every key that the settings of an instrument may have. */
const SETTINGS_KEYS: readonly string[] = ['build', ...AUTO_CLOSE_KEYS];

/**
 * The keys of `build` with an instrument's own values (`settings.build` of the instrument) over those of the
 * configuration. Also checks settings before they are stored.
 * @throws AppError CONFIG_INVALID naming every key that is unknown, wrong, or belongs to the whole process.
 */
export function effectiveBuildSettings(
  config: Pick<Config, 'build'>,
  settings: unknown,
  configOrigins: ConfigOrigins = new Map(),
): EffectiveBuildSettings {
  const given = instrumentSettings.safeParse(settings);
  if (!given.success) {
    throw configInvalid([
      {
        key: null,
        where: 'instrument settings',
        problem: 'expected a JSON object such as {"build": {...}}',
      },
    ]);
  }
  const faults: ConfigFault[] = [];
  for (const name of Object.keys(given.data)) {
    if (SETTINGS_KEYS.includes(name)) continue;
    const nearest = nearestName(name, SETTINGS_KEYS);
    const hint = nearest === null ? '' : `, did you mean '${nearest}'?`;
    faults.push({ key: name, where: 'instrument settings', problem: `unknown key${hint}` });
  }
  faults.push(...autoCloseFaults(given.data));
  const override = given.data['build'] ?? {};
  const origins = new Map<string, ConfigOrigin>(configOrigins);
  const checked = buildSchema.safeParse(
    isTree(override) ? mergeTrees(config.build, override) : override,
  );
  if (isTree(override)) {
    for (const key of overriddenKeys(override, ['build'])) {
      origins.set(key, { kind: 'instrument' });
      if (PROCESS_KEYS.some((processKey) => processKey === key)) {
        const problem = 'holds for the whole process and cannot be set for one instrument';
        faults.push({ key, where: 'instrument settings', problem });
      }
    }
  }
  if (!checked.success) {
    const issues = checked.error.issues.map((issue) => ({
      ...issue,
      path: ['build', ...issue.path],
    }));
    faults.push(...faultsOfIssues(issues, { build: override }, origins));
  } else if (checked.data.settle_max_s < checked.data.settle_time_s) {
    const problem = 'expected at least as long as build.settle_time_s';
    faults.push({ key: 'build.settle_max_s', where: 'instrument settings', problem });
  }
  if (faults.length > 0 || !checked.success) throw configInvalid(faults);
  return { settings: deepFreeze(checked.data), origins };
}

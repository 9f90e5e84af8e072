import { getInstrument } from '../../db/instrument-store.js';
import { listVerdicts } from '../../db/look-store.js';
import { currentRecord, recordDatasets } from '../../db/record-store.js';
import {
  excludeFile,
  includeFile,
  listFileRules,
  removeFileRule,
} from '../../db/session-files-store.js';
import { getSession } from '../../db/session-store.js';
import { filesOfDataset } from '../../domain/dataset.js';
import type { Location } from '../../domain/location.js';
import type { WorkingSession } from '../../domain/working-session.js';
import { resolveInData } from '../../files/look-roots.js';
import { actingUser } from '../acting-user.js';
import type { CommandContext } from '../command-context.js';
import { withDatabase, type CommandDatabase } from '../with-database.js';
import { resolveLocation } from './resolve-location.js';

/** What `sessions include` and `sessions exclude` were given. */
export interface FileRulesOptions {
  readonly reason?: string;
  readonly as?: string;
  /** Take the rule back. */
  readonly clear?: boolean;
}

/** What a person says of files. */
export type FileRuleVerb = 'include' | 'exclude';

interface Known {
  readonly session: WorkingSession;
  /** Absolute. */
  readonly folders: readonly string[];
  readonly locations: ReadonlySet<Location>;
}

async function readKnown(id: string, dataPath: string): Promise<Known> {
  const session = await getSession(id);
  const { identifier } = session;
  const instrument = await getInstrument(session.instrumentPid);
  const record = await currentRecord(identifier);
  const datasets = record === null ? [] : await recordDatasets(record.recordId);
  const named = [
    ...(await listVerdicts(identifier)),
    ...(await listFileRules(identifier)),
    ...datasets.flatMap(filesOfDataset),
  ];
  return {
    session,
    folders: instrument.folders.map(({ path }) => resolveInData(dataPath, path)),
    locations: new Set(named.map(({ location }) => location)),
  };
}

/** Sets or takes back the rule of each location. @returns those for which anything changed. */
async function applyRule(
  identifier: string,
  verb: FileRuleVerb,
  locations: readonly Location[],
  { reason, as, clear }: FileRulesOptions,
): Promise<Location[]> {
  const author = as ?? actingUser();
  const rules = new Map(
    (await listFileRules(identifier)).map((rule) => [rule.location, rule.rule]),
  );
  const changed: Location[] = [];
  for (const location of locations) {
    if (clear === true) {
      // `include --clear` does not take an exclusion back.
      if (rules.get(location) !== verb) continue;
      await removeFileRule(identifier, location);
    } else {
      const setRule = verb === 'include' ? includeFile : excludeFile;
      await setRule(identifier, location, { author, reason: reason ?? null });
    }
    changed.push(location);
  }
  return changed;
}

async function change(
  { config, database }: CommandDatabase,
  verb: FileRuleVerb,
  id: string,
  paths: readonly string[],
  options: FileRulesOptions,
  workingFolder: string,
) {
  const dataPath = config.paths.data;
  const known = await database.createScope(() => readKnown(id, dataPath));
  const { identifier } = known.session;
  const locations = new Set<Location>();
  for (const path of paths) {
    locations.add(
      await resolveLocation(path, {
        dataPath,
        workingFolder,
        folders: known.folders,
        known: known.locations,
        mustExist: verb === 'include' && options.clear !== true,
      }),
    );
  }
  return database.createScope(async () => {
    const changed = await applyRule(identifier, verb, [...locations], options);
    return {
      changed,
      locations: [...locations],
      session: await getSession(identifier),
      rules: await listFileRules(identifier),
    };
  });
}

/**
 * Puts files into a session or takes them out, whatever the rules say, or leaves them to the rules again; all of them or
 * none. Prints what became of each.
 * @throws AppError SESSION_NOT_FOUND, INPUT_INVALID for a path that is not in paths.data, FILE_UNREADABLE.
 */
export async function changeFileRules(
  context: CommandContext,
  verb: FileRuleVerb,
  id: string,
  paths: readonly string[],
  options: FileRulesOptions,
): Promise<void> {
  const { session, changed, locations, rules } = await withDatabase(context, (opened) =>
    change(opened, verb, id, paths, options, context.workingFolder),
  );
  if (context.json) {
    context.printJson({
      session_identifier: session.identifier,
      session_key: session.key,
      status: session.status,
      changed,
      files: rules.map(({ location, rule, author, reason }) => ({
        location,
        rule,
        author,
        reason,
      })),
    });
    return;
  }
  const done = options.clear === true ? 'left to the rules again' : `${verb}d`;
  for (const location of locations) {
    const what = changed.includes(location) ? done : `was not ${verb}d`;
    context.print(`${location}: ${what}`);
  }
  context.note(`${session.key} is ${session.status}`);
}

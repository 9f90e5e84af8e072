import type { z } from 'zod';
import { AppError } from '../errors.js';
import { maskSecrets } from '../log-values.js';
import { choicesAt, configKeys, expectedAt, isSecretAt, namesAt } from './config-keys.js';
import { describeOrigin, keyOf, placeOf, type ConfigOrigins } from './config-origin.js';
import { getAt } from './config-tree.js';
import { nearestName } from './nearest-name.js';

/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** With dots; null: the file as a whole. */
  readonly key: string | null;
  /** Where it stands: `file:line`, a variable, an option; null: nowhere (a missing key). */
  readonly where: string | null;
  readonly problem: string;
}

const MAX_SHOWN = 60;

function shownValue(value: unknown): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string': {
      const text = maskSecrets(value);
      return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text);
    }
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return Array.isArray(value) ? 'a list' : 'a group of keys';
  }
}

function unknownKeyProblem(path: readonly PropertyKey[], name: string, tree: unknown): string {
  const siblings = namesAt(path, tree);
  const sibling = nearestName(name, siblings);
  if (sibling !== null) return `unknown key, did you mean '${keyOf([...path, sibling])}'?`;
  const elsewhere = configKeys().find(({ path: known }) => known.at(-1) === name);
  if (elsewhere !== undefined) return `unknown key here, did you mean '${elsewhere.key}'?`;
  return siblings.length === 0
    ? 'unknown key'
    : `unknown key; expected one of ${siblings.join(', ')}`;
}

/** The faults that the schema's check found, in the words of the configuration. */
export function faultsOfIssues(
  issues: readonly z.core.$ZodIssue[],
  tree: unknown,
  origins: ConfigOrigins,
): ConfigFault[] {
  const faults = issues.flatMap((issue): ConfigFault[] => {
    const where = (path: readonly PropertyKey[]): string | null => {
      const origin = placeOf(origins, path);
      return origin.kind === 'default' ? null : describeOrigin(origin);
    };
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => ({
        key: keyOf([...issue.path, name]),
        where: where([...issue.path, name]),
        problem: unknownKeyProblem(issue.path, name, tree),
      }));
    }
    const key = keyOf(issue.path);
    const found = getAt(tree, issue.path);
    const expected =
      issue.code === 'custom' || issue.code === 'invalid_format'
        ? issue.message
        : (expectedAt(issue.path, tree) ?? issue.message);
    const shown = isSecretAt(issue.path) ? 'a value that is not shown' : shownValue(found);
    const nearest =
      typeof found === 'string' ? nearestName(found, choicesAt(issue.path, tree)) : null;
    return [
      {
        key,
        where: where(issue.path),
        problem:
          `expected ${expected}` +
          (found === undefined ? ', but it is missing' : `, found ${shown}`) +
          (nearest === null ? '' : `; did you mean '${nearest}'?`),
      },
    ];
  });
  // A value of the wrong kind may break several checks of its key; in words they are one and the same.
  const ofText = new Map(faults.map((fault) => [`${fault.key ?? ''} ${fault.problem}`, fault]));
  return [...ofText.values()];
}

/** The one error that names every fault. */
export function configInvalid(faults: readonly ConfigFault[]): AppError {
  const lines = faults.map(
    ({ key, where, problem }) =>
      `${where === null ? '' : `${where}: `}${key === null ? '' : `${key}: `}${problem}`,
  );
  return new AppError(
    'CONFIG_INVALID',
    `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`,
    {
      remedy:
        "Mend these and check with 'recordsmith config check'; every key is described in config/recordsmith.example.yaml.",
      details: { faults },
    },
  );
}

import picomatch from 'picomatch';
import type { LookRequest } from './look-request.js';

/** What the name of a file says, before any time is looked at. */
export type NameVerdict =
  | {
      readonly verdict: 'companion' | 'ignored' | 'no format';
      readonly rule: string;
      /** What a companion must hold to be one; null: its name says enough. */
      readonly holds: RegExp | null;
    }
  /** Nothing speaks against it. */
  | null;

/** Whose companion a file is by its name. */
export interface Companion {
  /** Name of the main file. */
  readonly main: string;
  /** See CompanionRule. */
  readonly holds: RegExp | null;
}

interface Pattern {
  readonly text: string;
  readonly matches: (path: string) => boolean;
}

/**
 * The rules on names: companions, ignore patterns, formats. Names are compared ignoring case. Patterns without a slash
 * match the name in any folder, patterns with one the path from the folder's root.
 */
export class NameRules {
  readonly #request: Pick<LookRequest, 'strategy' | 'extensions'>;
  readonly #extensions: ReadonlySet<string>;
  readonly #claimedPatterns: readonly Pattern[];
  readonly #ignorePatterns: readonly Pattern[];
  readonly #ignoredFolders: ReadonlySet<string>;
  readonly #companionRules: readonly {
    main: RegExp;
    companions: readonly string[];
    holds: RegExp | null;
  }[];

  constructor(
    request: Pick<
      LookRequest,
      | 'strategy'
      | 'extensions'
      | 'claimedPatterns'
      | 'ignorePatterns'
      | 'ignoredFolders'
      | 'companions'
    >,
  ) {
    this.#request = request;
    this.#extensions = new Set(request.extensions.map((extension) => extension.toLowerCase()));
    this.#claimedPatterns = (request.claimedPatterns ?? []).map(compile);
    this.#ignorePatterns = request.ignorePatterns.map(compile);
    this.#ignoredFolders = new Set(request.ignoredFolders.map((name) => name.toLowerCase()));
    this.#companionRules = request.companions.map((rule) => ({
      main: new RegExp(`^(?:${rule.main})$`, 'isu'),
      companions: rule.companions,
      holds: rule.holds === undefined ? null : new RegExp(rule.holds, 'u'),
    }));
  }

  /** Whether a folder of this name is never entered. */
  ignoresFolder(name: string): boolean {
    return this.#ignoredFolders.has(name.toLowerCase());
  }

  /** Whether some format claims files of this name as its main files. */
  isClaimed(name: string): boolean {
    const dot = name.lastIndexOf('.');
    if (dot >= 0 && this.#extensions.has(name.slice(dot).toLowerCase())) return true;
    return this.#claimedPatterns.some((pattern) => pattern.matches(name));
  }

  /** Lower-case name of each companion in a folder to its main file. */
  companionsIn(names: readonly string[]): ReadonlyMap<string, Companion> {
    const companions = new Map<string, Companion>();
    if (this.#companionRules.length === 0) return companions;
    for (const name of names) {
      for (const rule of this.#companionRules) {
        const match = rule.main.exec(name);
        if (match === null) continue;
        for (const template of rule.companions) {
          const companion = fill(template, match).toLowerCase();
          if (companion !== name.toLowerCase() && !companions.has(companion)) {
            companions.set(companion, { main: name, holds: rule.holds });
          }
        }
      }
    }
    return companions;
  }

  /** What a file's name says; `path` is from the folder's root, `companions` what companionsIn gave for its folder. */
  judge(name: string, path: string, companions: ReadonlyMap<string, Companion>): NameVerdict {
    const companion = companions.get(name.toLowerCase());
    if (companion !== undefined) {
      const { main, holds } = companion;
      return { verdict: 'companion', rule: `companion of ${main}`, holds };
    }
    if (this.isClaimed(name)) return null;
    const pattern = this.#ignorePatterns.find((one) => one.matches(path));
    if (pattern !== undefined) {
      return { verdict: 'ignored', rule: `ignored by pattern "${pattern.text}"`, holds: null };
    }
    if (this.#request.strategy === 'exclusive') {
      const rule = 'no format claims files of this name (strategy exclusive)';
      return { verdict: 'no format', rule, holds: null };
    }
    return null;
  }
}

/** Whether a path from the folder's root is one that the folder's patterns count; none: all are. */
export function folderFilter(patterns: readonly string[]): (path: string) => boolean {
  const compiled = patterns.map(compile);
  return (path) => compiled.length === 0 || compiled.some((pattern) => pattern.matches(path));
}

function compile(text: string): Pattern {
  const matches = picomatch(text, { nocase: true, dot: true });
  if (text.includes('/')) return { text, matches: (path) => matches(path) };
  return { text, matches: (path) => matches(path.slice(path.lastIndexOf('/') + 1)) };
}

function fill(template: string, match: RegExpExecArray): string {
  return template.replaceAll(/\$(\d)/g, (_whole, digit: string) => match[Number(digit)] ?? '');
}

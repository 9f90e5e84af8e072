import { readFileSync } from 'node:fs';

/** What package.json says of the installed program. */
export interface PackageFacts {
  readonly version: string;
  /** Where defects are reported. */
  readonly reportTo: string;
  /** The oldest node that it runs on: `20.19`. */
  readonly leastNode: string;
}

function textAt(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entry: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return typeof entry === 'string' ? entry : undefined;
}

/** Reads package.json, which lies two folders above this file in the source, the built and the installed tree. */
export function readPackageFacts(): PackageFacts {
  const parsed: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const bugs: unknown =
    typeof parsed === 'object' && parsed !== null && 'bugs' in parsed ? parsed.bugs : undefined;
  const engines: unknown =
    typeof parsed === 'object' && parsed !== null && 'engines' in parsed
      ? parsed.engines
      : undefined;
  return {
    version: textAt(parsed, 'version') ?? 'unknown',
    reportTo:
      (typeof bugs === 'string' ? bugs : textAt(bugs, 'url')) ??
      'to the maintainers named in README.md of the package',
    leastNode: (textAt(engines, 'node') ?? '').replace(/^>=\s*/, ''),
  };
}

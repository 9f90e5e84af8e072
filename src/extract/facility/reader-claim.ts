import { z } from 'zod';
import type { CompanionRule } from '../../domain/companion-rule.js';

/** What a reader of the facility claims: known when its module was loaded. */
export interface ReaderClaim {
  readonly id: string;
  readonly version: number;
  /** `module` or `command`, with the path of the module or the program. */
  readonly kind: 'module' | 'command';
  readonly path: string;
  /** Lower-case extensions with dot of its main files. */
  readonly extensions: readonly string[];
  /** Further patterns of the names of its main files. */
  readonly files: readonly string[];
  readonly companions: readonly CompanionRule[];
}

const text = z.string().min(1).max(1000);

/** Whether a text is a regular expression with these flags. */
function isPattern(source: string, flags: string): boolean {
  try {
    new RegExp(source, flags);
    return true;
  } catch {
    return false;
  }
}

/** Understands the companions that a module or the configuration names. */
export const companionRuleSchema = z.object({
  main: text.refine((source) => isPattern(source, 'isu'), 'a regular expression'),
  companions: z.array(text).min(1),
  holds: text.refine((source) => isPattern(source, 'u'), 'a regular expression').exactOptional(),
}) satisfies z.ZodType<CompanionRule>;

/** Understands the claims that a reader process tells. */
export const readerClaimsSchema = z.array(
  z.object({
    id: z.string(),
    version: z.number(),
    kind: z.enum(['module', 'command']),
    path: z.string(),
    extensions: z.array(z.string()),
    files: z.array(z.string()),
    companions: z.array(companionRuleSchema),
  }),
) satisfies z.ZodType<ReaderClaim[]>;

/** Extensions that patterns such as `*.kes` mean, and the patterns that mean more than an extension. */
export function claimsOfPatterns(
  patterns: readonly string[],
): Pick<ReaderClaim, 'extensions' | 'files'> {
  const extensions: string[] = [];
  const files: string[] = [];
  for (const pattern of patterns) {
    const extension = /^\*(\.[^*?[\]{}()!/.]+)$/.exec(pattern)?.[1];
    if (extension === undefined) files.push(pattern);
    else extensions.push(extension.toLowerCase());
  }
  return { extensions, files };
}

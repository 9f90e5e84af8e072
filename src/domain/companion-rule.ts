/** Which names are companions of a main file. */
export interface CompanionRule {
  /** Regular expression, matched on the whole name of the main file ignoring case: `(.+)_\d+\.ser`. */
  readonly main: string;
  /** Names of its companions, `$1`... standing for the groups: `$1.emi`. Case is ignored. */
  readonly companions: readonly string[];
  /**
   * Regular expression that the first 4 KiB of a companion (as Latin-1, without NUL) must match, for names that people
   * also give to files of their own (`x.txt` beside `x.tif`). Absent: the name says enough.
   */
  readonly holds?: string;
}

/** The names of the companions that a rule gives a main file, as the rule writes them; empty: it is not about this file. */
export function companionNames(rule: CompanionRule, mainName: string): readonly string[] {
  const match = new RegExp(`^(?:${rule.main})$`, 'isu').exec(mainName);
  if (match === null) return [];
  return rule.companions.map((template) =>
    template.replaceAll(/\$(\d)/g, (_whole, digit: string) => match[Number(digit)] ?? ''),
  );
}

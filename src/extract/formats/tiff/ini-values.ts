import type { IniSections } from './ini-text.js';
import { parseNumber } from './measured-text.js';

/** A key of a section. */
export type IniPlace = readonly [section: string, key: string];

/** Reads values of an INI text; what should be a number and is none is left out and said once. */
export class IniValues {
  readonly warnings: string[] = [];
  readonly #label: string;
  readonly #sections: IniSections;

  /** @param label Whose text it is, for warnings. */
  constructor(label: string, sections: IniSections) {
    this.#label = label;
    this.#sections = sections;
  }

  /** The first of the places that holds text; null: none does. */
  text(...places: readonly IniPlace[]): string | null {
    for (const [section, key] of places) {
      const value = this.#sections.get(section)?.get(key);
      if (value !== undefined && value !== '') return value;
    }
    return null;
  }

  /** The first of the places that holds a number. */
  number(...places: readonly IniPlace[]): number | null {
    for (const [section, key] of places) {
      const value = this.#sections.get(section)?.get(key);
      if (value === undefined || value === '') continue;
      const number = parseNumber(value);
      if (number !== null) return number;
      const warning = `${this.#label} [${section}] ${key} is not a number: ${value.slice(0, 80)}`;
      if (!this.warnings.includes(warning)) this.warnings.push(warning);
    }
    return null;
  }

  /** All sections as JSON. */
  asJson(): Readonly<Record<string, Readonly<Record<string, string>>>> {
    return Object.fromEntries(
      [...this.#sections].map(([name, keys]) => [name, Object.fromEntries(keys)]),
    );
  }
}

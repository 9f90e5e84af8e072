import type { Metadata, MetadataValue } from '../domain/file-metadata.js';
import {
  HARMONISED_NAMES,
  type HarmonisedName,
  type MetadataName,
} from '../domain/harmonised-names.js';
import { convertUnit } from '../domain/units.js';

/** Collects the harmonised metadata of one signal. */
export class MetadataBuilder {
  readonly #values = new Map<string, MetadataValue>();

  /**
   * Sets a number; one that is missing, NaN or infinite is left out. `unit` is the unit the file uses
   * (`ampere` for A of current, since A alone is the angstrom of older files).
   */
  number(
    name: MetadataName,
    value: number | null | undefined,
    unit?: string,
    warning = false,
  ): this {
    if (value === null || value === undefined || !Number.isFinite(value)) return this;
    const target: HarmonisedName = HARMONISED_NAMES[name];
    const converted =
      unit === undefined || target.unit === undefined
        ? value
        : convertUnit(value, unit, target.unit);
    this.#values.set(name, {
      value: converted,
      ...(target.unit === undefined ? {} : { unit: target.unit }),
      ...(warning ? { warning: true } : {}),
    });
    return this;
  }

  /** Sets a text; blank text is left out, blanks at its ends are removed. */
  text(name: MetadataName, value: string | null | undefined, warning = false): this {
    const trimmed = value?.trim();
    if (trimmed === undefined || trimmed === '') return this;
    this.#values.set(name, { value: trimmed, ...(warning ? { warning: true } : {}) });
    return this;
  }

  /** Sets the camera that recorded the data: it is the device, and the detector where the file names no other. */
  camera(name: string | null | undefined): this {
    this.text('Acquisition Device', name);
    return this.has('Detector Name') ? this : this.text('Detector Name', name);
  }

  /** Whether a value is set for the name. */
  has(name: MetadataName): boolean {
    return this.#values.has(name);
  }

  /** The values, sorted by name. */
  build(): Metadata {
    return Object.fromEntries([...this.#values].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
}

import { setImmediate } from 'node:timers/promises';
import type { PreviewSource } from './extractor.js';
import { fileTimeOf } from './file-time.js';
import { glyphSheet } from './previews/glyph-sheet.js';
import { renderPreview } from './previews/render-preview.js';
import { stableJson } from './stable-json.js';

/** After so many rounds the code is compiled as well as it gets. */
const ROUNDS = 10;
const SIDE = 1024;
const CHANNELS = 2048;

/** Grey levels and a spectrum that look enough like real ones. */
function madeUpSources(): PreviewSource[] {
  const pixels = Uint16Array.from({ length: SIDE * SIDE }, (_, at) => (at * 40_503) & 0xffff);
  const values = Float32Array.from({ length: CHANNELS }, (_, at) => (at * 7919) % 1000);
  return [
    {
      kind: 'image',
      width: SIDE,
      height: SIDE,
      pixels,
      channels: 1,
      stretch: 'percentile',
      pixelSize: { size: 1.5, unit: 'nm' },
    },
    {
      kind: 'spectrum',
      values,
      origin: 0,
      scale: 0.01,
      xLabel: 'Energy',
      xUnit: 'keV',
      yLabel: 'Counts',
      yUnit: '',
    },
  ];
}

/**
 * Does what every file needs with made-up data, so that the font is rendered and the code compiled when the first file
 * comes: a process is started while its parent still loads its own code.
 * @param isIdle false: a file has come, and the rest is left out.
 */
export async function warmUp(isIdle: () => boolean): Promise<void> {
  await glyphSheet(7);
  const sources = madeUpSources();
  const metadata = Object.fromEntries(sources.map(({ kind }, at) => [kind, { value: at }]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const source of sources) {
      await setImmediate();
      if (!isIdle()) return;
      await renderPreview(source);
    }
    stableJson({ metadata, round });
    fileTimeOf({ year: 2000, month: 1, day: 1, hour: 0, minute: 0, second: round }, 'UTC');
  }
}

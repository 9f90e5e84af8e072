import type { PreviewSource } from '../../src/extract/extractor.js';

/** What a preview shows: of a stack its first frame. */
export function firstFrame(
  source: PreviewSource | null | undefined,
): Exclude<PreviewSource, { kind: 'stack' }> | null {
  return source?.kind === 'stack' ? source.frameAt(0) : (source ?? null);
}

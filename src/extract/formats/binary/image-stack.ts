import type { FrameSource, PreviewSource } from '../../extractor.js';

/**
 * The preview of frames that lie one after another; a single one is a picture.
 * @param frameBytes see PreviewSource
 * @param frameAt reads a frame; the first is 0
 */
export function imageStack(
  count: number,
  frameBytes: number,
  frameAt: (index: number) => FrameSource,
): PreviewSource {
  return count > 1 ? { kind: 'stack', count, frameBytes, frameAt } : frameAt(0);
}

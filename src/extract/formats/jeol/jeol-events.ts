import type { FileSource } from '../../extractor.js';
import { NUMERIC_TYPES, readNumbers } from '../binary/numeric-type.js';
import { spectrumSums, type SpectrumSums } from '../binary/spectrum-sums.js';

/** Channels of the analogue-digital converter, and steps of the scan in x and y. */
export const JEOL_CHANNELS = 4096;
const SCAN_STEPS = 4096;
/** Events are 16-bit words: the upper four bits tell what the other twelve are. */
const KIND = 0xf000;
const VALUE = 0x0fff;
const X = 0x8000;
const Y = 0x9000;
const BRIGHTNESS = 0xa000;
const X_RAY = 0xb000;
/** Of longer streams the first frames are summed. */
const MAX_BYTES = 128 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/** Where the events lie and how many positions the scan has. */
export interface JeolEvents {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  /** Frames that were recorded; one more may have been begun. */
  readonly sweeps: number;
}

/**
 * Sums the X-ray events of whole frames over positions and channels. A frame that was stopped does not count.
 * Stream as worked out by the HyperSpy project, checked on real files.
 */
export function sumJeolEvents(file: FileSource, events: JeolEvents): SpectrumSums {
  const { offset, width, height, sweeps } = events;
  const sums = spectrumSums(width * height, JEOL_CHANNELS);
  const frame = new FrameEvents(width, height);
  const bytes = Math.min(MAX_BYTES, file.sizeBytes - offset);
  let frames = 0;
  for (let at = 0; at + 2 <= bytes && frames <= sweeps; at += CHUNK_BYTES) {
    const count = Math.floor(Math.min(CHUNK_BYTES, bytes - at) / 2);
    const words = readNumbers(file, { type: NUMERIC_TYPES.uint16, offset: offset + at, count });
    for (let index = 0; index < count && frames <= sweeps; index += 1) {
      const word = Number(words[index]);
      if (!frame.take(word)) continue;
      // The scan went back to its first line: the frame before is over.
      frame.addTo(sums);
      frames += 1;
      frame.begin();
      frame.take(word);
    }
  }
  if (frames <= sweeps) frame.addTo(sums);
  return sums;
}

/** The X-rays of one frame, kept until it is known that the frame is whole. */
class FrameEvents {
  readonly #xStep: number;
  readonly #yStep: number;
  readonly #width: number;
  readonly #height: number;
  /** Position and channel of each X-ray. */
  #events = new Uint32Array(1 << 16);
  #count = 0;
  #x = 0;
  #y = 0;
  #lastX = -1;
  #lastY = -1;
  #hasBrightness = false;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#xStep = Math.max(1, Math.floor(SCAN_STEPS / width));
    this.#yStep = Math.max(1, Math.floor(SCAN_STEPS / height));
  }

  begin(): void {
    this.#count = 0;
    this.#x = 0;
    this.#y = 0;
    this.#lastX = -1;
    this.#lastY = -1;
    this.#hasBrightness = false;
  }

  /** Takes an event; true: it belongs to the next frame. */
  take(word: number): boolean {
    const value = word & VALUE;
    switch (word & KIND) {
      case X:
        this.#x = Math.floor(value / this.#xStep);
        this.#lastX = value;
        break;
      case Y:
        if (value < this.#lastY) return true;
        this.#y = Math.floor(value / this.#yStep);
        this.#lastY = value;
        break;
      case BRIGHTNESS:
        this.#hasBrightness = true;
        break;
      case X_RAY:
        if (this.#x < this.#width && this.#y < this.#height) this.#add(value);
        break;
    }
    return false;
  }

  #add(channel: number): void {
    if (this.#count + 2 > this.#events.length) {
      const larger = new Uint32Array(this.#events.length * 2);
      larger.set(this.#events);
      this.#events = larger;
    }
    this.#events[this.#count] = this.#y * this.#width + this.#x;
    this.#events[this.#count + 1] = channel;
    this.#count += 2;
  }

  /** Adds the frame where it is whole: x-rays may be missing at the last positions, brightness is not. */
  addTo({ map, spectrum }: SpectrumSums): void {
    const isWhole =
      this.#lastY >= SCAN_STEPS - this.#yStep &&
      (!this.#hasBrightness || this.#lastX >= SCAN_STEPS - this.#xStep);
    if (!isWhole) return;
    for (let index = 0; index < this.#count; index += 2) {
      const position = this.#events[index] ?? 0;
      const channel = this.#events[index + 1] ?? 0;
      map[position] = (map[position] ?? 0) + 1;
      spectrum[channel] = (spectrum[channel] ?? 0) + 1;
    }
  }
}

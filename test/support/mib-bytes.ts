import { Buffer } from 'node:buffer';

/** What a test wants in a Merlin file. */
export interface MibContent {
  readonly width: number;
  readonly height: number;
  /** U08, U16, U32 or R64 (raw). */
  readonly kind: string;
  /** Big-endian, one buffer a frame. */
  readonly frames: readonly Buffer[];
  /** Adds the extended header with a time in UTC. */
  readonly stampUtc?: string;
}

/** No real .mib may be packaged: a file written from the layout of the Merlin user manual (Quantum Detectors). */
export function mibBytes({ width, height, kind, frames, stampUtc }: MibContent): Buffer {
  return Buffer.concat(
    frames.flatMap((pixels, index) => {
      const fields = [
        'MQ1',
        String(index + 1).padStart(6, '0'),
        '00384',
        '01',
        String(width).padStart(4, '0'),
        String(height).padStart(4, '0'),
        kind,
        '   1x1',
        '01',
        '2021-03-18 14:01:30.250000',
        '0.005000',
        '0',
        '0',
        '1',
        '4.000000E+1',
        ...Array.from({ length: 7 }, () => '5.110000E+2'),
        '3RX',
        ...(stampUtc === undefined ? [] : ['MQ1A', stampUtc, '5000000ns', '12']),
      ];
      const header = Buffer.alloc(384);
      header.write(`${fields.join(',')},`, 0, 'latin1');
      return [header, pixels];
    }),
  );
}

/** The settings beside it. */
export function mibSettings(lines: Readonly<Record<string, string>>): string {
  const text = Object.entries(lines).map(([key, value]) => `${key}:\t${value}`);
  return ['HDR,\t', ...text, 'End\t'].join('\r\n');
}

import { Buffer } from 'node:buffer';
import type { DateTime } from 'luxon';

/** A spectrum with its metadata. */
export interface MsaContent {
  readonly title: string;
  readonly owner: string;
  readonly acquired: DateTime<true>;
  /** EDS, WDS, ELS (electron energy loss), AES, PES, XRF, CLS, GAM. */
  readonly signalType: string;
  /** Value of channel 0 and width of a channel, in xUnit. */
  readonly offset: number;
  readonly channelWidth: number;
  readonly xUnit: string;
  readonly yUnit: string;
  /** One number a channel. */
  readonly values: readonly number[];
  /** More fields by keyword without `#`, such as BEAMKV, LIVETIME; keywords are padded to 12 characters. */
  readonly fields: Readonly<Record<string, string | number>>;
}

const KEYWORD_LENGTH = 12;
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** A spectrum file in the EMSA/MAS format (ISO 22029), one value a line, CR LF. */
export function writeMsa(content: MsaContent): Buffer {
  const { acquired } = content;
  const lines = [
    line('FORMAT', 'EMSA/MAS Spectral Data File'),
    line('VERSION', '1.0'),
    line('TITLE', content.title),
    line(
      'DATE',
      `${acquired.toFormat('dd')}-${MONTHS[acquired.month - 1] ?? ''}-${acquired.toFormat('yyyy')}`,
    ),
    line('TIME', acquired.toFormat('HH:mm')),
    line('OWNER', content.owner),
    line('NPOINTS', content.values.length),
    line('NCOLUMNS', 1),
    line('XUNITS', content.xUnit),
    line('YUNITS', content.yUnit),
    line('DATATYPE', 'Y'),
    line('XPERCHAN', content.channelWidth),
    line('OFFSET', content.offset),
    line('SIGNALTYPE', content.signalType),
    ...Object.entries(content.fields).map(([keyword, value]) => line(keyword, value)),
    line('SPECTRUM', 'Spectral Data Starts Here'),
    ...content.values.map((value) => `${String(value)},`),
    line('ENDOFDATA', ''),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1');
}

function line(keyword: string, value: string | number): string {
  return `#${keyword.padEnd(KEYWORD_LENGTH)}: ${String(value)}`;
}

import { convertUnit, isConvertible } from '../../domain/units.js';
import type { MetadataName } from '../../domain/harmonised-names.js';
import { MetadataBuilder } from '../harmonise.js';
import type { ExtractedFile, Extractor } from '../extractor.js';
import { fileTimeOf, type FileTime } from '../file-time.js';
import { parseMsaNumber, readMsaText, type MsaText } from './msa/msa-text.js';

/** Units as the keywords carry them, by the names of harmonise.ts. */
const KEYWORD_UNITS: Readonly<Record<string, string>> = {
  kv: 'kV',
  v: 'V',
  ua: 'µA',
  na: 'nA',
  pa: 'pA',
  nm: 'nm',
  um: 'µm',
  mm: 'mm',
  cm: 'cm',
  mr: 'mrad',
  dg: '°',
  s: 's',
  ms: 'ms',
  us: 'µs',
  ev: 'eV',
  kev: 'keV',
};

/** Keywords of ISO 22029 that have a harmonised name, with the unit that holds where the keyword names none. */
const NUMBERS: readonly (readonly [keyword: string, name: MetadataName, unit?: string])[] = [
  ['BEAMKV', 'Acceleration Voltage', 'kV'],
  ['EMISSION', 'Emission Current', 'µA'],
  ['PROBECUR', 'Beam Current', 'nA'],
  ['BEAMDIAM', 'Beam Diameter', 'nm'],
  ['MAGCAM', 'Magnification'],
  ['CONVANGLE', 'Convergence Semi-angle', 'mrad'],
  ['COLLANGLE', 'Collection Semi-angle', 'mrad'],
  ['XTILTSTGE', 'Stage Alpha', '°'],
  ['YTILTSTGE', 'Stage Beta', '°'],
  ['LIVETIME', 'Live Time', 's'],
  ['REALTIME', 'Real Time', 's'],
  ['DWELLTIME', 'Dwell Time', 'ms'],
  ['INTEGTIME', 'Exposure Time', 'ms'],
  ['ELEVANGLE', 'Elevation Angle', '°'],
  ['AZIMANGLE', 'Azimuthal Angle', '°'],
];

/** SIGNALTYPE to the technique that the record names. */
const DATA_TYPES: Readonly<Record<string, string>> = {
  EDS: 'EDS_Spectrum',
  WDS: 'WDS_Spectrum',
  ELS: 'EELS_Spectrum',
  EELS: 'EELS_Spectrum',
  AES: 'AES_Spectrum',
  CLS: 'CL_Spectrum',
  XRF: 'XRF_Spectrum',
};

/** EMSA/MAS spectral data files (ISO 22029). */
export const msaExtractor: Extractor = {
  id: 'msa',
  version: 2,
  extensions: ['.msa', '.emsa'],
  promisedFormat: 'an EMSA/MSA spectrum',

  sniff: ({ bytes }) =>
    /^(?:\xef\xbb\xbf)?\s*#\s*FORMAT\s*:/i.test(bytes.toString('latin1', 0, 64)),

  extract(file, context): ExtractedFile {
    const text = readMsaText(file);
    const warnings = [...text.warnings];
    const value = (keyword: string): string => text.keywords.get(keyword)?.value ?? '';
    const time = timeOf(value('DATE'), value('TIME'), context.timezone);
    if (time === null && value('DATE') !== '') {
      warnings.push(`The date cannot be read: ${`${value('DATE')} ${value('TIME')}`.slice(0, 80)}`);
    }
    if (time !== null && time.warning !== null) warnings.push(time.warning);
    const claimed = parseMsaNumber(value('NPOINTS'));
    if (claimed !== null && claimed !== text.values.length) {
      warnings.push(`The file promises ${claimed} channels and holds ${text.values.length}.`);
    }
    const axis = axisOf(text);
    const title = value('TITLE') === '' ? null : value('TITLE');
    const { values } = text;
    return {
      format: 'EMSA/MSA spectrum',
      signals: [
        {
          title,
          type: 'Spectrum',
          role: 'Experimental',
          metadata: metadataOf(text, axis, time, warnings).build(),
          shape: [values.length],
          calibration: axis.isStated
            ? [{ scale: axis.scale, origin: axis.origin, unit: axis.unit }]
            : [],
          dtype: 'float64',
          acquiredMs: time?.epochMs ?? null,
          previewOf:
            values.length < 2
              ? null
              : () => ({
                  kind: 'spectrum',
                  values,
                  origin: axis.origin,
                  scale: axis.scale,
                  xLabel: axisLabel(text, axis),
                  xUnit: axis.unit,
                  yLabel: value('YLABEL') === '' ? 'Intensity' : value('YLABEL'),
                  yUnit: value('YUNITS') === 'Intensity' ? '' : value('YUNITS'),
                }),
        },
      ],
      warnings,
      tags: tagsOf(text),
    };
  },
};

/** What the x axis shows: files of energy losses often say `Energy` alone. */
function axisLabel({ keywords }: MsaText, { isStated }: SpectrumAxis): string {
  const signal = keywords.get('SIGNALTYPE')?.value.toUpperCase();
  if (isStated && (signal === 'ELS' || signal === 'EELS')) return 'Energy loss';
  const label = keywords.get('XLABEL')?.value ?? '';
  return label === '' ? 'Channel' : label;
}

interface SpectrumAxis {
  readonly scale: number;
  readonly origin: number;
  readonly unit: string;
  /** Whether the file says it: by keywords or by x values. */
  readonly isStated: boolean;
}

/** x = OFFSET + index * XPERCHAN; without the keywords as the x values of pairs say. */
function axisOf({ keywords, values, xRange }: MsaText): SpectrumAxis {
  const number = (keyword: string): number | null =>
    parseMsaNumber(keywords.get(keyword)?.value ?? '');
  const written = keywords.get('XUNITS')?.value ?? '';
  const unit = KEYWORD_UNITS[written.toLowerCase()] ?? written;
  const scale = number('XPERCHAN');
  if (scale !== null && scale !== 0) {
    return { scale, origin: number('OFFSET') ?? xRange?.first ?? 0, unit, isStated: true };
  }
  if (xRange !== null && values.length > 1 && xRange.last !== xRange.first) {
    const step = (xRange.last - xRange.first) / (values.length - 1);
    return { scale: step, origin: xRange.first, unit, isStated: true };
  }
  return { scale: 1, origin: 0, unit: '', isStated: false };
}

function metadataOf(
  text: MsaText,
  axis: SpectrumAxis,
  time: FileTime | null,
  warnings: string[],
): MetadataBuilder {
  const metadata = new MetadataBuilder();
  const value = (keyword: string): string => text.keywords.get(keyword)?.value ?? '';
  for (const [keyword, name, defaultUnit] of NUMBERS) {
    const entry = text.keywords.get(keyword);
    if (entry === undefined || entry.value === '') continue;
    const number = parseMsaNumber(entry.value);
    const unit = KEYWORD_UNITS[entry.unit.toLowerCase()] ?? defaultUnit;
    if (number === null) {
      warnings.push(`#${keyword} is not a number: ${entry.value.slice(0, 80)}`);
    } else if (
      unit === undefined ||
      defaultUnit === undefined ||
      isConvertible(unit, defaultUnit)
    ) {
      metadata.number(name, number, defaultUnit === undefined ? undefined : unit);
    } else {
      warnings.push(`#${keyword} is in the unit ${entry.unit}, which does not fit.`);
    }
  }
  const live = parseMsaNumber(value('LIVETIME'));
  const real = parseMsaNumber(value('REALTIME'));
  if (live !== null && real !== null && live > 0 && live <= real) {
    metadata.number('Dead Time', Number((100 * (1 - live / real)).toPrecision(6)));
  }
  if (axis.isStated && isConvertible(axis.unit, 'eV')) {
    metadata
      .number('Energy Dispersion', convertUnit(axis.scale, axis.unit, 'eV'))
      .number('Energy Offset', convertUnit(axis.origin, axis.unit, 'eV'));
  }
  const resolution = [...text.userKeywords].find(([key]) => /^RESO\b/i.test(key))?.[1];
  const signal = value('SIGNALTYPE').toUpperCase();
  return metadata
    .number('Detector Resolution', parseMsaNumber(resolution ?? ''), 'eV')
    .text('Title', value('TITLE'))
    .text('Operator', value('OWNER'))
    .text('Signal', value('SIGNALTYPE'))
    .text('Data Type', DATA_TYPES[signal])
    .text('Operation Mode', value('OPERMODE'))
    .text('Detector Name', value('EDSDET') === '' ? value('ELSDET') : value('EDSDET'))
    .text('Acquisition Time', time?.iso);
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** DATE (dd-MMM-yyyy) and TIME (hh:mm, some write seconds) in the instrument's zone; null when they are none. */
function timeOf(date: string, time: string, timezone: string): FileTime | null {
  const day = /^(\d{1,2})[-/. ]([A-Za-z]{3})[a-z]*[-/. ](\d{4})$/.exec(date);
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: *([AP])M)?$/i.exec(time);
  if (day === null || clock === null) return null;
  const half = clock[4]?.toUpperCase();
  const hour = Number(clock[1]);
  return fileTimeOf(
    {
      year: Number(day[3]),
      month: MONTHS.indexOf((day[2] ?? '').toUpperCase()) + 1,
      day: Number(day[1]),
      hour: half === undefined ? hour : (hour % 12) + (half === 'P' ? 12 : 0),
      minute: Number(clock[2]),
      second: Number(clock[3] ?? 0),
    },
    timezone,
  );
}

function tagsOf({ keywords, userKeywords }: MsaText): ExtractedFile['tags'] {
  return {
    ...Object.fromEntries(
      [...keywords].map(([keyword, { value, unit }]) => [
        unit === '' ? keyword : `${keyword} -${unit}`,
        value,
      ]),
    ),
    ...(userKeywords.size === 0
      ? {}
      : { User: Object.fromEntries([...userKeywords].map(([key, value]) => [key, value])) }),
  };
}

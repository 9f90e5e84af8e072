import { CHEMICAL_ELEMENTS } from '../../../domain/chemical-elements.js';
import type { Metadata } from '../../../domain/file-metadata.js';
import { AppError } from '../../../errors.js';
import type { FileHead, FileSource } from '../../extractor.js';
import { fileTimeOf, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import { BinaryHeader, tidyFloat32, type HeaderField } from '../binary/binary-header.js';

/** Fields of a spectrum file (EDAX, "Spectrum file format V.70"): the parts that matter to people. */
const FIELDS: readonly HeaderField[] = [
  ['fVersion', 'f4', 0],
  ['aVersion', 'f4', 4],
  ['fileName', 'text', 8, 8],
  ['collectDateYear', 'i2', 16],
  ['collectDateDay', 'u1', 18],
  ['collectDateMon', 'u1', 19],
  ['collectTimeMin', 'u1', 20],
  ['collectTimeHour', 'u1', 21],
  ['collectTimeHund', 'u1', 22],
  ['collectTimeSec', 'u1', 23],
  ['fileSize', 'i4', 24],
  ['dataStart', 'i4', 28],
  ['numPts', 'i2', 32],
  ['intersectingDist', 'i2', 34],
  ['workingDist', 'i2', 36],
  ['scaleSetting', 'i2', 38],
  ['materialType', 'text', 64, 40],
  ['sampleLabel', 'text', 104, 216],
  ['imageFilename', 'text', 320, 8],
  ['spotX', 'i2', 328],
  ['spotY', 'i2', 330],
  ['evPerChan', 'i4', 384],
  ['ADCTimeConstant', 'i2', 388],
  ['analysisType', 'i2', 390],
  ['preset', 'f4', 392],
  ['maxp', 'i4', 396],
  ['maxPeakCh', 'i4', 400],
  ['sampleType', 'i2', 414],
  ['edaxSoftwareType', 'u2', 434],
  ['analyzerType', 'u4', 444],
  ['startEnergy', 'f4', 448],
  ['endEnergy', 'f4', 452],
  ['liveTime', 'f4', 456],
  ['tilt', 'f4', 460],
  ['takeoff', 'f4', 464],
  ['beamCurFact', 'f4', 468],
  ['detReso', 'f4', 472],
  ['detectType', 'u4', 476],
  ['parThick', 'f4', 480],
  ['alThick', 'f4', 484],
  ['beWinThick', 'f4', 488],
  ['auThick', 'f4', 492],
  ['siDead', 'f4', 496],
  ['siLive', 'f4', 500],
  ['xrayInc', 'f4', 504],
  ['azimuth', 'f4', 508],
  ['elevation', 'f4', 512],
  ['kV', 'f4', 532],
  ['xTilt', 'f4', 540],
  ['yTilt', 'f4', 544],
  ['rawDataType', 'u2', 576],
  ['totalBkgdCount', 'f4', 578],
  ['totalSpectralCount', 'u4', 582],
  ['avginputCount', 'f4', 586],
  ['stdDevInputCount', 'f4', 590],
  ['numElem', 'i2', 638],
  ['at', 'u2', 640, 48],
  ['line', 'u2', 736, 48],
  ['userID', 'text', 1825, 80],
  ['longFileName', 'text', 20_224, 256],
  ['longImageFileName', 'text', 20_480, 256],
  ['ADCTimeConstantNew', 'f4', 20_736],
];

/** Where the spectrum begins in every version that is known. */
const DATA_START = 3840;
const MOST_CHANNELS = 4096;
const HEADER_BYTES = 20_740;
/** Version 0.70 and newer write the time constant a second time, with a fraction. */
const FIRST_VERSION_WITH_NEW_CONSTANT = 0.695;

/** detectType to the detector's name (EDAX, "Spectrum file format V.70"). */
const DETECTORS: ReadonlyMap<number, string> = new Map([
  [1, 'Std-BE'],
  [2, 'UTW'],
  [3, 'Super UTW'],
  [4, 'ECON 3/4 Open'],
  [5, 'ECON 3/4 Closed'],
  [6, 'ECON 5/6 Open'],
  [7, 'ECON 5/6 Closed'],
  [8, 'TEMECON'],
  [11, 'Sapphire Std-BE'],
  [12, 'Sapphire UTW'],
  [13, 'Sapphire Super UTW'],
  [14, 'Sapphire ECON 3/4 Open'],
  [15, 'Sapphire ECON 3/4 Closed'],
  [16, 'Sapphire ECON 5/6 Open'],
  [17, 'Sapphire ECON 5/6 Closed'],
  [18, 'Sapphire TEMECON'],
  [30, 'Apollo 10 SDD'],
  [31, 'Apollo XV'],
  [32, 'Apollo 10+'],
  [40, 'Apollo 40 SDD'],
  [50, 'Apollo X'],
  [51, 'Apollo XP'],
  [52, 'Apollo XL'],
  [53, 'Apollo XL-XRF'],
  [60, 'Apollo XLT-LS'],
  [61, 'Apollo XLT-NW'],
  [62, 'Apollo XLT-SUTW'],
]);

/** What a spectrum file says, without its counts. */
export interface EdaxSpectrum {
  readonly header: BinaryHeader;
  readonly channels: number;
  /** Byte of the first count (uint32). */
  readonly offset: number;
  /** keV of the first channel, and of one channel. */
  readonly origin: number;
  readonly scale: number;
  readonly time: FileTime | null;
}

/** The extension .spc is used by others as well (Galactic, Bruker EPR): version, start and size must fit. */
export function isEdaxSpectrum({
  bytes,
  sizeBytes,
}: Pick<FileHead, 'bytes' | 'sizeBytes'>): boolean {
  if (bytes.length < 640) return false;
  const version = bytes.readFloatLE(0);
  const channels = bytes.readInt16LE(32);
  return (
    version >= 0.5 &&
    version <= 1 &&
    bytes.readInt32LE(28) === DATA_START &&
    channels >= 1 &&
    channels <= MOST_CHANNELS &&
    sizeBytes >= DATA_START + 4 * channels
  );
}

/**
 * Reads the header of an EDAX spectrum.
 * @throws AppError FORMAT_INVALID when it is none, FILE_UNREADABLE as FileSource.read.
 */
export function readEdaxSpectrum(file: FileSource, timezone: string): EdaxSpectrum {
  const bytes = file.readUpTo(0, HEADER_BYTES);
  if (!isEdaxSpectrum({ bytes, sizeBytes: file.sizeBytes })) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} is no EDAX spectrum.`, {
      details: { sizeBytes: file.sizeBytes },
    });
  }
  const header = new BinaryHeader(bytes, FIELDS);
  return {
    header,
    channels: header.number('numPts'),
    offset: DATA_START,
    origin: header.number('startEnergy'),
    scale: header.number('evPerChan') / 1000,
    time: fileTimeOf(
      {
        year: header.number('collectDateYear'),
        month: header.number('collectDateMon'),
        day: header.number('collectDateDay'),
        hour: header.number('collectTimeHour'),
        minute: header.number('collectTimeMin'),
        second: header.number('collectTimeSec'),
      },
      timezone,
    ),
  };
}

/** The harmonised metadata of a spectrum, or of the map that it belongs to. */
export function edaxMetadata(
  { header, time, scale, origin }: EdaxSpectrum,
  dataType: 'EDS_Spectrum' | 'EDS_Spectrum_Imaging',
): Metadata {
  const amount = (name: string): number => tidyFloat32(header.number(name));
  // What was never set is 0.
  const set = (name: string): number | null => (amount(name) > 0 ? amount(name) : null);
  const hasNewConstant = header.number('fVersion') >= FIRST_VERSION_WITH_NEW_CONSTANT;
  const workingDistance = set('workingDist');
  return new MetadataBuilder()
    .text('Data Type', dataType)
    .text('Signal', 'EDS')
    .text('Acquisition Time', time?.iso)
    .text('Specimen', header.text('sampleLabel'))
    .text('Operator', header.text('userID'))
    .text('Detector Name', DETECTORS.get(header.number('detectType')))
    .text('Elements', edaxElements(header).join(', '))
    .number('Acceleration Voltage', set('kV'), 'kV')
    .number('Live Time', set('liveTime'), 's')
    .number('Stage Alpha', amount('tilt'), '°')
    .number('Azimuthal Angle', amount('azimuth'), '°')
    .number('Elevation Angle', amount('elevation'), '°')
    .number('Detector Resolution', set('detReso'), 'eV')
    .number('Energy Dispersion', scale, 'keV')
    .number('Energy Offset', tidyFloat32(origin), 'keV')
    .number('Working Distance', workingDistance === null ? null : workingDistance / 100, 'mm')
    .number(
      'Amplifier Time Constant',
      (hasNewConstant ? set('ADCTimeConstantNew') : null) ?? set('ADCTimeConstant'),
      'µs',
    )
    .build();
}

/** The identified elements by atomic number, each once. */
function edaxElements(header: BinaryHeader): string[] {
  const count = Math.min(Math.max(0, header.number('numElem')), 48);
  const numbers = Array.from({ length: count }, (_, index) => header.number('at', index));
  return [...new Set(numbers)]
    .sort((a, b) => a - b)
    .flatMap((number) => CHEMICAL_ELEMENTS[number - 1] ?? []);
}

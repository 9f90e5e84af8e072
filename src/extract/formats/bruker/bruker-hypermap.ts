import { Buffer } from 'node:buffer';
import type { AxisCalibration, Metadata } from '../../../domain/file-metadata.js';
import { AppError } from '../../../errors.js';
import type {
  ExtractContext,
  ExtractedFile,
  ExtractedSignal,
  FileSource,
  PreviewSource,
  PixelSize,
} from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import { tidyFloat32 } from '../binary/binary-header.js';
import { numbersOf } from '../binary/numeric-type.js';
import { energySpectrum, summedPreview } from '../binary/spectrum-sums.js';
import { elementAt, xmlAsJson, type XmlElement } from '../xml/xml-tree.js';
import { countBrukerMap } from './bruker-map.js';
import {
  addSpectrumMetadata,
  brukerElements,
  brukerImages,
  brukerNumber,
  brukerSpectrum,
  brukerTime,
  instancesOf,
  parseBrukerXml,
  positive,
  type BrukerImage,
  type BrukerSpectrum,
} from './bruker-xml.js';
import { readSfs, type SfsEntry } from './sfs-container.js';

const HEADER_PATH = 'EDSDatabase/HeaderData';
const MAX_HEADER_BYTES = 96 * 1024 * 1024;
/** Above this beam energy in keV it is a transmission microscope: the file does not say. */
const MAX_SEM_KV = 30;

/** What holds for the whole file. */
interface Hypermap {
  readonly file: FileSource;
  readonly xml: XmlElement;
  readonly mode: 'SEM' | 'STEM';
  readonly metadata: Metadata;
  /** Rows, then columns. */
  readonly axes: readonly [AxisCalibration, AxisCalibration];
  readonly acquiredMs: number | null;
  readonly previews: boolean;
}

/**
 * Reads a .bcf: electron images, overview images, then one spectrum image for each map.
 * @throws AppError FORMAT_INVALID when the container or its header are broken.
 */
export function readHypermap(file: FileSource, context: ExtractContext): ExtractedFile {
  const entries = readSfs(file);
  const header = entries.find(({ path }) => path === HEADER_PATH);
  if (header === undefined) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} is a container without ${HEADER_PATH}.`);
  }
  const root = parseBrukerXml(wholeEntry(header), `The header of ${file.fileName}`);
  const xml = instancesOf(root, 'TRTSpectrumDatabase')[0] ?? root;
  const time = brukerTime(elementAt(xml, 'Header'), context.timezone);
  const map: Hypermap = {
    ...{ file, xml, previews: context.previews, acquiredMs: time?.epochMs ?? null },
    mode: (semNumber(xml, 'HV') ?? 0) > MAX_SEM_KV ? 'STEM' : 'SEM',
    metadata: generalMetadata(xml, time?.iso).build(),
    axes: mapAxes(xml),
  };
  const images = imagesOf(xml);
  const first = images[0];
  return {
    format: 'Bruker hypermap',
    signals: [
      ...images.map((image) => imageSignal(map, image)),
      ...entries.flatMap((entry) => spectrumImage(map, entry, first)),
    ],
    warnings: typeof time?.warning === 'string' ? [time.warning] : [],
    tags: { HeaderData: xmlAsJson(root) },
  };
}

function wholeEntry(entry: SfsEntry): Buffer {
  const pieces: Buffer[] = [];
  let total = 0;
  for (const piece of entry.pieces()) {
    total += piece.length;
    if (total > MAX_HEADER_BYTES) {
      throw new AppError('LIMIT_EXCEEDED', `${entry.path} has over ${MAX_HEADER_BYTES} bytes.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function semNumber(xml: XmlElement, name: string): number | null {
  return brukerNumber(instancesOf(xml, 'TRTSEMData')[0], name);
}

/** Voltages are in kV, the working distance in mm, stage positions in µm. */
function generalMetadata(xml: XmlElement, iso: string | undefined): MetadataBuilder {
  const sem = (name: string): number | null => positive(semNumber(xml, name));
  const stage = instancesOf(xml, 'TRTSEMStageData')[0];
  const scan = instancesOf(xml, 'TRTDSPConfiguration')[0];
  const pixelTime = positive(brukerNumber(scan, 'PixelTime'));
  const averages = positive(brukerNumber(scan, 'PixelAverage'));
  return new MetadataBuilder()
    .text('Acquisition Time', iso)
    .text('Title', xml.attributes['Name'])
    .number('Acceleration Voltage', sem('HV'), 'kV')
    .number('Working Distance', sem('WD'), 'mm')
    .number('Magnification', sem('Mag'))
    .number('Pixel Width', sem('DX'), 'µm')
    .number('Pixel Height', sem('DY'), 'µm')
    .number('Stage X', brukerNumber(stage, 'X'), 'µm')
    .number('Stage Y', brukerNumber(stage, 'Y'), 'µm')
    .number('Stage Z', brukerNumber(stage, 'Z'), 'µm')
    .number('Stage Rotation', brukerNumber(stage, 'Rotation'), '°')
    .number('Stage Alpha', brukerNumber(stage, 'Tilt'), '°')
    .number(
      'Dwell Time',
      pixelTime === null || averages === null ? null : pixelTime * averages,
      'µs',
    );
}

function mapAxes(xml: XmlElement): [AxisCalibration, AxisCalibration] {
  const axis = (name: string): AxisCalibration => {
    const scale = positive(semNumber(xml, name));
    return scale === null ? { scale: 1, origin: 0, unit: '' } : { scale, origin: 0, unit: 'µm' };
  };
  return [axis('DY'), axis('DX')];
}

/** The images recorded with the map (they have no name of their own), then those of the overview. */
function imagesOf(xml: XmlElement): BrukerImage[] {
  const recorded = instancesOf(xml, 'TRTImageData').filter(
    ({ attributes }) => (attributes['Name'] ?? '') === '',
  );
  const overview = instancesOf(xml, 'TRTContainerClass')
    .flatMap((container) =>
      instancesOf(elementAt(container, 'ChildClassInstances'), 'TRTContainerClass'),
    )
    .filter(({ attributes }) => attributes['Name'] === 'OverviewImages')
    .flatMap((container) =>
      instancesOf(elementAt(container, 'ChildClassInstances'), 'TRTImageData'),
    );
  return [...recorded.slice(-1), ...overview.slice(0, 1)].flatMap(brukerImages);
}

/** The image's own calibration; else that of the map it was recorded with. Rows, then columns. */
function imageAxes(map: Hypermap, { pixelSize }: BrukerImage): Hypermap['axes'] {
  if (pixelSize === null) return map.axes;
  const axis = (scale: number): AxisCalibration => ({ scale, origin: 0, unit: 'µm' });
  return [axis(pixelSize.y), axis(pixelSize.x)];
}

function imageSignal(map: Hypermap, image: BrukerImage): ExtractedSignal {
  const { title, width, height, type, pixelSize } = image;
  return {
    title,
    type: 'Image',
    role: 'Experimental',
    metadata: sorted({
      ...map.metadata,
      ...new MetadataBuilder()
        .text('Data Type', `${map.mode}_Imaging`)
        .text('Data Dimensions', `${height} × ${width}`)
        .text('Detector Name', title)
        .number('Pixel Width', pixelSize?.x, 'µm')
        .number('Pixel Height', pixelSize?.y, 'µm')
        .build(),
    }),
    shape: [height, width],
    calibration: imageAxes(map, image),
    dtype: type.dtype,
    acquiredMs: map.acquiredMs,
    previewOf: map.previews ? () => imagePreview(map, image) : null,
  };
}

function imagePreview(
  map: Hypermap,
  image: BrukerImage,
): Extract<PreviewSource, { kind: 'image' }> {
  const { width, height, type, bytes } = image;
  return {
    kind: 'image',
    ...{ width, height, pixels: numbersOf(bytes, type), channels: 1, stretch: 'percentile' },
    pixelSize: pixelSizeOf(imageAxes(map, image)),
  };
}

function pixelSizeOf([, x]: Hypermap['axes']): PixelSize | null {
  return x.unit === '' ? null : { size: tidyFloat32(x.scale), unit: x.unit };
}

/** The map of an entry SpectrumData0, SpectrumData1...; none for other entries. */
function spectrumImage(
  map: Hypermap,
  entry: SfsEntry,
  image: BrukerImage | undefined,
): ExtractedSignal[] {
  const name = /^EDSDatabase\/(SpectrumData\d{1,3})$/.exec(entry.path)?.[1];
  const node = elementAt(map.xml, name ?? '');
  const summed = instancesOf(node, 'TRTSpectrum')[0] ?? elementAt(node, 'ClassInstance');
  if (name === undefined || summed === undefined) return [];
  const spectrum = brukerSpectrum(summed);
  const [height, width] = mapSize(map.xml, image);
  const channels = spectrum.counts.length;
  const metadata = new MetadataBuilder()
    .text('Data Type', `${map.mode}_EDS_Spectrum_Imaging`)
    .text('Data Dimensions', `${height} × ${width} × ${channels}`)
    .text('Signal', 'EDS')
    .text('Elements', brukerElements(map.xml).join(', '));
  addSpectrumMetadata(metadata, summed);
  return [
    {
      title: null,
      type: 'SpectrumImage',
      role: 'Experimental',
      metadata: sorted({ ...map.metadata, ...metadata.build() }),
      shape: [height, width, channels],
      calibration: [...map.axes, spectrum.axis],
      dtype: countType(spectrum, width * height),
      acquiredMs: map.acquiredMs,
      previewOf: map.previews ? () => mapPreview(map, entry, spectrum, image) : null,
    },
  ];
}

function mapSize(xml: XmlElement, image: BrukerImage | undefined): [number, number] {
  const data = instancesOf(xml, 'TRTImageData').find(
    ({ attributes }) => (attributes['Name'] ?? '') === '',
  );
  return [
    brukerNumber(data, 'Height') ?? image?.height ?? 0,
    brukerNumber(data, 'Width') ?? image?.width ?? 0,
  ];
}

/** The smallest type that holds twice the mean of the highest channel: packed counts have no type of their own. */
function countType({ counts }: BrukerSpectrum, positions: number): string {
  let highest = 0;
  for (const count of counts) highest = Math.max(highest, count);
  const most = 2 * Math.floor(highest / Math.max(1, positions));
  return most > 0xffff ? 'uint32' : most > 0xff ? 'uint16' : 'uint8';
}

/** Counts over the positions beside the sum spectrum; of maps too large to be unpacked the electron image stands for them. */
function mapPreview(
  map: Hypermap,
  entry: SfsEntry,
  { counts, axis }: BrukerSpectrum,
  image: BrukerImage | undefined,
): PreviewSource {
  const unpacked = countBrukerMap(entry.pieces(), `${entry.path} in ${map.file.fileName}`);
  if (unpacked !== null) {
    const { width, height } = unpacked;
    return summedPreview(
      { map: unpacked.counts, spectrum: counts },
      { width, height, pixelSize: pixelSizeOf(map.axes) },
      axis,
    );
  }
  const spectrum = energySpectrum(counts, axis);
  return image === undefined
    ? spectrum
    : { kind: 'spectrum-image', navigation: imagePreview(map, image), spectrum };
}

function sorted(metadata: Metadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
}

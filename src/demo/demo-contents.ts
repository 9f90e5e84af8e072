import { Buffer } from 'node:buffer';
import type { DateTime } from 'luxon';
import { drawDiffraction, drawGrains, drawParticles, drawSpectrum } from './demo-pictures.js';
import { writeDm3, type Dm3Content, type Dm3Tags } from './write-dm3.js';
import { writeFeiTiff } from './write-fei-tiff.js';
import { writeMsa } from './write-msa.js';

/** What a file of the demo shows. */
export const DEMO_CONTENT_KINDS = [
  'particles',
  'diffraction',
  'survey with spectrum',
  'grains',
  'x-ray spectrum',
  'notes',
] as const;
export type DemoContentKind = (typeof DEMO_CONTENT_KINDS)[number];

/** What the content of a file depends on: the same facts give the same bytes. */
export interface DemoContentFacts {
  readonly kind: DemoContentKind;
  /** Tells the pictures of a session apart. */
  readonly seed: number;
  /** When it was acquired, in the instrument's zone. */
  readonly acquired: DateTime<true>;
  readonly user: string;
}

const SIDE = 192;

function microscopeTags(user: string, imaging: string): Dm3Tags {
  return {
    'Microscope Info': {
      'Illumination Mode': 'TEM',
      'Imaging Mode': imaging,
      'Indicated Magnification': imaging === 'DIFFRACTION' ? 300 : 40_000,
      'Operation Mode': imaging === 'DIFFRACTION' ? 'DIFFRACTION' : 'IMAGING',
      Voltage: 200_000,
    },
    'Session Info': { Operator: user, Specimen: 'gold on carbon', Microscope: 'Demo TEM' },
  };
}

function particles({ seed, acquired, user }: DemoContentFacts): Dm3Content {
  const axis = { length: SIDE, scale: 0.42, origin: 0, unit: 'nm' };
  return {
    name: 'gold particles',
    axes: [axis, axis],
    pixels: drawParticles(SIDE, seed),
    intensityUnit: 'e-',
    acquired,
    tags: microscopeTags(user, 'MAG1'),
  };
}

function diffraction({ seed, acquired, user }: DemoContentFacts): Dm3Content {
  const scale = 0.085;
  const axis = { length: SIDE, scale, origin: (-scale * SIDE) / 2, unit: '1/nm' };
  return {
    name: 'diffraction',
    axes: [axis, axis],
    pixels: drawDiffraction(SIDE, seed),
    intensityUnit: 'e-',
    acquired,
    tags: microscopeTags(user, 'DIFFRACTION'),
  };
}

/** Energy loss around the edges of carbon and oxygen. */
function energyLoss({ seed, acquired, user }: DemoContentFacts): Dm3Content {
  const axis = { length: 1024, scale: 0.5, origin: 200, unit: 'eV' };
  const counts = drawSpectrum(axis.length, seed, (channel) => 200 + 0.5 * channel, [
    { at: 292, width: 14, height: 260 },
    { at: 540, width: 18, height: 110 },
  ]);
  return {
    name: 'EELS of the film',
    axes: [axis],
    pixels: Float32Array.from(counts),
    intensityUnit: 'e-',
    acquired,
    tags: {
      ...microscopeTags(user, 'MAG1'),
      'Meta Data': { Format: 'Spectrum', Signal: 'EELS' },
    },
  };
}

function grains({ seed, acquired, user }: DemoContentFacts): Buffer {
  return writeFeiTiff({
    width: SIDE,
    height: SIDE,
    pixels: drawGrains(SIDE, seed),
    acquired,
    sections: {
      User: { User: user, UserText: 'steel, polished' },
      System: { SystemType: 'Demo SEM' },
      Beam: { Beam: 'EBeam', Scan: 'EScan' },
      EBeam: { HV: 15_000, BeamCurrent: 1.6e-9, WD: 0.0041 },
      EScan: { PixelWidth: 5.2e-8, PixelHeight: 5.2e-8, Dwell: 3e-6 },
      Detectors: { Name: 'ETD', Mode: 'SecondaryElectrons' },
    },
  });
}

/** Characteristic lines of gold and copper, in eV. */
function xRaySpectrum({ seed, acquired, user }: DemoContentFacts): Buffer {
  const channelWidth = 10;
  const values = drawSpectrum(1024, seed, (channel) => channel * channelWidth, [
    { at: 277, width: 45, height: 300 },
    { at: 2123, width: 70, height: 900 },
    { at: 8048, width: 95, height: 420 },
    { at: 9713, width: 100, height: 380 },
  ]);
  return writeMsa({
    title: 'EDS of a particle',
    owner: user,
    acquired,
    signalType: 'EDS',
    offset: 0,
    channelWidth,
    xUnit: 'eV',
    yUnit: 'Counts',
    values,
    fields: {
      XLABEL: 'Energy',
      YLABEL: 'X-rays',
      BEAMKV: 200,
      LIVETIME: 58.2,
      REALTIME: 60,
      ELEVANGLE: 22,
    },
  });
}

function notes({ acquired, user }: DemoContentFacts): Buffer {
  const lines = [
    `Notes of ${user}, ${acquired.toFormat('yyyy-MM-dd')}`,
    '',
    'Grid 3, square D4. Particles sit on the film, little contamination.',
    'Diffraction: rings fit face-centred cubic gold.',
  ];
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8');
}

/** Extension of the files of a kind, with dot. */
export function extensionOf(kind: DemoContentKind): string {
  switch (kind) {
    case 'grains':
      return '.tif';
    case 'x-ray spectrum':
      return '.msa';
    case 'notes':
      return '.txt';
    default:
      return '.dm3';
  }
}

/** The bytes of a small, genuine file of the format that instruments write for this kind. */
export function writeDemoContent(facts: DemoContentFacts): Buffer {
  switch (facts.kind) {
    case 'particles':
      return writeDm3(particles(facts));
    case 'diffraction':
      return writeDm3(diffraction(facts));
    case 'survey with spectrum':
      return writeDm3(particles(facts), energyLoss(facts));
    case 'grains':
      return grains(facts);
    case 'x-ray spectrum':
      return xRaySpectrum(facts);
    case 'notes':
      return notes(facts);
  }
}

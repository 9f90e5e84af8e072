/** A name that reads the same across vendors. */
export interface HarmonisedName {
  /** The unit every value of this name is written in; absent: a plain number or text. */
  readonly unit?: string;
  readonly kind: 'number' | 'text' | 'time' | 'boolean';
  /** What it means, for docs and for people adding a format. */
  readonly meaning: string;
  /** The term of the EM Glossary (https://purls.helmholtz-metadaten.de/emg/) that means the same, where one is known. */
  readonly emGlossary?: `EMG_${string}`;
}

/**
 * The one table of harmonised names. Formats write only these; everything else stays with the vendor's tags. The page
 * docs/metadata.md is made of it (npm run docs).
 */
export const HARMONISED_NAMES = {
  'Acceleration Voltage': {
    unit: 'kV',
    kind: 'number',
    meaning: 'Voltage that accelerates the primary beam.',
    emGlossary: 'EMG_00000004',
  },
  'Acquisition Device': { kind: 'text', meaning: 'Camera or scan unit that recorded the data.' },
  'Acquisition Mode': {
    kind: 'text',
    meaning: "How the data were recorded, in the vendor's words.",
  },
  'Acquisition Software': { kind: 'text', meaning: 'Program and version that wrote the file.' },
  'Acquisition Time': {
    kind: 'time',
    meaning: "When the data were acquired, ISO 8601 with the offset of the instrument's zone.",
  },
  'Amplifier Time Constant': {
    unit: 'µs',
    kind: 'number',
    meaning: 'Processing time of one X-ray pulse.',
  },
  'Azimuthal Angle': {
    unit: '°',
    kind: 'number',
    meaning: 'Azimuth of the detector as seen from the specimen.',
  },
  'Beam Current': {
    unit: 'nA',
    kind: 'number',
    meaning: 'Current of the probe on the specimen.',
    emGlossary: 'EMG_00000006',
  },
  'Beam Diameter': {
    unit: 'nm',
    kind: 'number',
    meaning: 'Diameter of the probe on the specimen.',
  },
  'Beam Name': { kind: 'text', meaning: 'Which of several beams was used (electron, ion).' },
  'Beam Spot Size': { kind: 'number', meaning: 'Spot number set at the instrument.' },
  'Binning X': { kind: 'number', meaning: 'Detector pixels summed in x.' },
  'Binning Y': { kind: 'number', meaning: 'Detector pixels summed in y.' },
  'C1 Aperture': { unit: 'µm', kind: 'number', meaning: 'First condenser aperture.' },
  'C2 Aperture': { unit: 'µm', kind: 'number', meaning: 'Second condenser aperture.' },
  'C3 Aperture': { unit: 'µm', kind: 'number', meaning: 'Third condenser aperture.' },
  'Camera Length': {
    unit: 'mm',
    kind: 'number',
    meaning: 'Effective distance of specimen and detector in diffraction.',
    emGlossary: 'EMG_00000008',
  },
  'Central Wavelength': {
    unit: 'nm',
    kind: 'number',
    meaning: 'Wavelength that the spectrometer was set to.',
  },
  'Chamber Pressure': { unit: 'Pa', kind: 'number', meaning: 'Pressure in the specimen chamber.' },
  'Collection Semi-angle': {
    unit: 'mrad',
    kind: 'number',
    meaning: 'Half-angle of the signal collected.',
  },
  'Convergence Semi-angle': {
    unit: 'mrad',
    kind: 'number',
    meaning: 'Half-angle of the converged probe.',
    emGlossary: 'EMG_00000010',
  },
  'Count Rate': { unit: 'counts/s', kind: 'number', meaning: 'Counts a second at the detector.' },
  'Data Dimensions': { kind: 'text', meaning: 'Length of each axis, slowest first.' },
  'Data Type': { kind: 'text', meaning: 'Technique and signal, such as TEM_Imaging or STEM_EELS.' },
  Defocus: {
    unit: 'µm',
    kind: 'number',
    meaning: 'Distance of the focal plane from the specimen.',
  },
  'Detector Name': { kind: 'text', meaning: 'Detector whose signal this is.' },
  'Detector Resolution': {
    unit: 'eV',
    kind: 'number',
    meaning: 'Energy resolution at the manganese K line.',
  },
  'Detector Voltage': { unit: 'V', kind: 'number', meaning: 'High voltage of a photomultiplier.' },
  'Drift Tube Voltage': {
    unit: 'V',
    kind: 'number',
    meaning: 'Voltage that shifts the energy-loss spectrum.',
  },
  'Dwell Time': {
    unit: 'µs',
    kind: 'number',
    meaning: 'Time the beam stays on one pixel.',
    emGlossary: 'EMG_00000015',
  },
  Elements: { kind: 'text', meaning: 'Chemical elements identified or selected in the spectrum.' },
  'Elevation Angle': {
    unit: '°',
    kind: 'number',
    meaning: 'Elevation of the detector (take-off angle).',
  },
  'Emission Current': { unit: 'µA', kind: 'number', meaning: 'Current emitted by the gun.' },
  'Energy Dispersion': { unit: 'eV', kind: 'number', meaning: 'Energy width of one channel.' },
  'Energy Loss': {
    unit: 'eV',
    kind: 'number',
    meaning: 'Energy loss that the spectrometer was set to.',
  },
  'Energy Offset': { unit: 'eV', kind: 'number', meaning: 'Energy of the first channel.' },
  'Exposure Time': {
    unit: 's',
    kind: 'number',
    meaning: 'Time the detector was exposed for one frame.',
  },
  'Extraction Voltage': { unit: 'V', kind: 'number', meaning: 'Extraction voltage of the gun.' },
  'Frame Count': { kind: 'number', meaning: 'Frames recorded or summed.' },
  'Frame Time': { unit: 's', kind: 'number', meaning: 'Time to scan one frame.' },
  'GMS Version': { kind: 'text', meaning: 'Version of Gatan Microscopy Suite.' },
  'Grating Density': { kind: 'number', meaning: 'Lines a millimetre of the grating.' },
  'Horizontal Field Width': { unit: 'µm', kind: 'number', meaning: 'Width of the field of view.' },
  'Vertical Field Width': { unit: 'µm', kind: 'number', meaning: 'Height of the field of view.' },
  'Illumination Mode': {
    kind: 'text',
    meaning: 'State of the illumination system (TEM, STEM nanoprobe...).',
  },
  'Imaging Mode': {
    kind: 'text',
    meaning: 'State of the imaging system (imaging, diffraction...).',
  },
  'Ion Mode': { kind: 'text', meaning: 'Charge of the ions that were detected.' },
  'Live Time': { unit: 's', kind: 'number', meaning: 'Time the detector was able to count.' },
  'Real Time': { unit: 's', kind: 'number', meaning: 'Time the acquisition took.' },
  'Dead Time': {
    unit: '%',
    kind: 'number',
    meaning: 'Share of the time the detector could not count.',
  },
  Magnification: { kind: 'number', meaning: 'Magnification shown at the instrument.' },
  'Magnification Actual': {
    kind: 'number',
    meaning: 'Magnification on the detector as calibrated.',
  },
  Microscope: { kind: 'text', meaning: 'Instrument name or model as the file says.' },
  'Objective Aperture': { unit: 'µm', kind: 'number', meaning: 'Objective aperture.' },
  'Operation Mode': {
    kind: 'text',
    meaning: 'Mode of the instrument (TEM, STEM, SEM, diffraction...).',
  },
  Operator: { kind: 'text', meaning: 'Who operated the instrument, as the file says.' },
  'Pixel Height': {
    unit: 'nm',
    kind: 'number',
    meaning: 'Size of one pixel in y on the specimen.',
  },
  'Pixel Width': { unit: 'nm', kind: 'number', meaning: 'Size of one pixel in x on the specimen.' },
  'Scan Rotation': { unit: '°', kind: 'number', meaning: 'Rotation of the scan.' },
  'Screen Current': { unit: 'nA', kind: 'number', meaning: 'Current on the viewing screen.' },
  'Selected Area Aperture': { unit: 'µm', kind: 'number', meaning: 'Selected area aperture.' },
  Signal: { kind: 'text', meaning: 'What was measured (EELS, X-ray, SE...).' },
  'Slit Width': { unit: 'eV', kind: 'number', meaning: 'Width of the energy-selecting slit.' },
  'Solid Angle': { unit: 'sr', kind: 'number', meaning: 'Solid angle that the detector covers.' },
  Specimen: {
    kind: 'text',
    meaning: 'Specimen as the operator named it.',
    emGlossary: 'EMG_00000046',
  },
  'Specimen Temperature': { unit: 'K', kind: 'number', meaning: 'Temperature of the specimen.' },
  Spectrometer: { kind: 'text', meaning: 'Spectrometer that dispersed the signal.' },
  'Spectrometer Aperture': { kind: 'text', meaning: 'Entrance aperture of the spectrometer.' },
  'Spherical Aberration': {
    unit: 'mm',
    kind: 'number',
    meaning: 'Coefficient Cs of the objective lens.',
  },
  'Stage Alpha': { unit: '°', kind: 'number', meaning: 'First tilt of the stage.' },
  'Stage Beta': { unit: '°', kind: 'number', meaning: 'Second tilt of the stage.' },
  'Stage Rotation': { unit: '°', kind: 'number', meaning: 'Rotation of the stage.' },
  'Stage X': { unit: 'µm', kind: 'number', meaning: 'Position of the stage in x.' },
  'Stage Y': { unit: 'µm', kind: 'number', meaning: 'Position of the stage in y.' },
  'Stage Z': { unit: 'µm', kind: 'number', meaning: 'Height of the stage.' },
  'Stigmator X': { kind: 'number', meaning: 'Setting of the stigmator in x.' },
  'Stigmator Y': { kind: 'number', meaning: 'Setting of the stigmator in y.' },
  'System Type': { kind: 'text', meaning: 'Type of the instrument system as the file says.' },
  'Threshold Energy': {
    unit: 'keV',
    kind: 'number',
    meaning: 'Energy above which a counting detector counts.',
  },
  Title: { kind: 'text', meaning: 'Title inside the file.' },
  'User Text': { kind: 'text', meaning: 'Free text that the operator typed at the instrument.' },
  'Vacuum Mode': { kind: 'text', meaning: 'Vacuum mode of the chamber.' },
  'Working Distance': {
    unit: 'mm',
    kind: 'number',
    meaning: 'Distance of pole piece and specimen in focus.',
    emGlossary: 'EMG_00000050',
  },
} as const satisfies Readonly<Record<string, HarmonisedName>>;

/** A name of the table. */
export type MetadataName = keyof typeof HARMONISED_NAMES;

/** Every harmonised name, in the order of the table. */
export const METADATA_NAMES: readonly MetadataName[] =
  Object.keys(HARMONISED_NAMES).filter(isMetadataName);

/** Whether a text is a name of the table. */
export function isMetadataName(name: string): name is MetadataName {
  return Object.hasOwn(HARMONISED_NAMES, name);
}

/** What the table says of a name; undefined: the name is not in it. */
export function harmonisedName(name: string): HarmonisedName | undefined {
  return isMetadataName(name) ? HARMONISED_NAMES[name] : undefined;
}

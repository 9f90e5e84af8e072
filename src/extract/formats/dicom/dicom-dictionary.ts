/** One attribute of DICOM PS3.6. */
export interface DicomAttribute {
  readonly keyword: string;
  /** Value representation; where the standard allows several, the one that files use. */
  readonly vr: string;
  /** Whether PS3.15 (table E.1-1, basic profile) removes or replaces it: it may tell who, where or when. */
  readonly identity: boolean;
}

/**
 * The attributes that are written: tag, value representation, keyword; an asterisk marks those that the basic profile
 * does not let through. What is not here, and everything private, is left out as well unless identity is wanted.
 */
const TABLE = `
00020010 UI TransferSyntaxUID
00020013 SH ImplementationVersionName
00080005 CS SpecificCharacterSet
00080008 CS ImageType
00080012 DA InstanceCreationDate *
00080013 TM InstanceCreationTime *
00080016 UI SOPClassUID
00080018 UI SOPInstanceUID *
00080020 DA StudyDate *
00080021 DA SeriesDate *
00080022 DA AcquisitionDate *
00080023 DA ContentDate *
0008002A DT AcquisitionDateTime *
00080030 TM StudyTime *
00080031 TM SeriesTime *
00080032 TM AcquisitionTime *
00080033 TM ContentTime *
00080050 SH AccessionNumber *
00080060 CS Modality
00080064 CS ConversionType
00080068 CS PresentationIntentType
00080070 LO Manufacturer
00080080 LO InstitutionName *
00080081 ST InstitutionAddress *
00080090 PN ReferringPhysicianName *
00080201 SH TimezoneOffsetFromUTC *
00081010 SH StationName *
00081030 LO StudyDescription *
0008103E LO SeriesDescription *
00081040 LO InstitutionalDepartmentName *
00081048 PN PhysiciansOfRecord *
00081050 PN PerformingPhysicianName *
00081060 PN NameOfPhysiciansReadingStudy *
00081070 PN OperatorsName *
00081090 LO ManufacturerModelName
00081140 SQ ReferencedImageSequence *
00082111 ST DerivationDescription *
00082112 SQ SourceImageSequence *
00082144 IS RecommendedDisplayFrameRate
00089007 CS FrameType
00089205 CS PixelPresentation
00089206 CS VolumetricProperties
00089208 CS ComplexImageComponent
00089209 CS AcquisitionContrast
00100010 PN PatientName *
00100020 LO PatientID *
00100030 DA PatientBirthDate *
00100040 CS PatientSex *
00101000 LO OtherPatientIDs *
00101010 AS PatientAge *
00101020 DS PatientSize *
00101030 DS PatientWeight *
001021B0 LT AdditionalPatientHistory *
00104000 LT PatientComments *
00180010 LO ContrastBolusAgent *
00180020 CS ScanningSequence
00180021 CS SequenceVariant
00180022 CS ScanOptions
00180023 CS MRAcquisitionType
00180024 SH SequenceName
00180040 IS CineRate
00180050 DS SliceThickness
00180060 DS KVP
00180080 DS RepetitionTime
00180081 DS EchoTime
00180082 DS InversionTime
00180083 DS NumberOfAverages
00180084 DS ImagingFrequency
00180085 SH ImagedNucleus
00180086 IS EchoNumbers
00180087 DS MagneticFieldStrength
00180088 DS SpacingBetweenSlices
00180089 IS NumberOfPhaseEncodingSteps
00180090 DS DataCollectionDiameter
00180091 IS EchoTrainLength
00180093 DS PercentSampling
00180094 DS PercentPhaseFieldOfView
00180095 DS PixelBandwidth
00181000 LO DeviceSerialNumber *
00181020 LO SoftwareVersions
00181030 LO ProtocolName *
00181050 DS SpatialResolution
00181063 DS FrameTime
00181065 DS FrameTimeVector
00181066 DS FrameDelay
00181100 DS ReconstructionDiameter
00181110 DS DistanceSourceToDetector
00181111 DS DistanceSourceToPatient
00181114 DS EstimatedRadiographicMagnificationFactor
00181120 DS GantryDetectorTilt
00181130 DS TableHeight
00181140 CS RotationDirection
00181149 IS FieldOfViewDimensions
00181150 IS ExposureTime
00181151 IS XRayTubeCurrent
00181152 IS Exposure
00181153 IS ExposureInuAs
00181155 CS RadiationSetting
00181160 SH FilterType
00181164 DS ImagerPixelSpacing
00181170 IS GeneratorPower
00181190 DS FocalSpots
00181191 CS AnodeTargetMaterial
00181210 SH ConvolutionKernel
00181250 SH ReceiveCoilName
00181251 SH TransmitCoilName
00181310 US AcquisitionMatrix
00181312 CS InPlanePhaseEncodingDirection
00181314 DS FlipAngle
00181316 DS SAR
00181400 LO AcquisitionDeviceProcessingDescription *
00182010 DS NominalScannedPixelSpacing
00186011 SQ SequenceOfUltrasoundRegions
00186024 US PhysicalUnitsXDirection
00186026 US PhysicalUnitsYDirection
0018602C FD PhysicalDeltaX
0018602E FD PhysicalDeltaY
00187004 CS DetectorType
00189005 SH PulseSequenceName
00189073 FD AcquisitionDuration
0020000D UI StudyInstanceUID *
0020000E UI SeriesInstanceUID *
00200010 SH StudyID *
00200011 IS SeriesNumber
00200012 IS AcquisitionNumber
00200013 IS InstanceNumber
00200032 DS ImagePositionPatient
00200037 DS ImageOrientationPatient
00200052 UI FrameOfReferenceUID *
00200105 IS NumberOfTemporalPositions
00201002 IS ImagesInAcquisition
00201041 DS SliceLocation
00204000 LT ImageComments *
00280002 US SamplesPerPixel
00280004 CS PhotometricInterpretation
00280006 US PlanarConfiguration
00280008 IS NumberOfFrames
00280009 AT FrameIncrementPointer
00280010 US Rows
00280011 US Columns
00280030 DS PixelSpacing
00280034 IS PixelAspectRatio
00280100 US BitsAllocated
00280101 US BitsStored
00280102 US HighBit
00280103 US PixelRepresentation
00280106 US SmallestImagePixelValue
00280107 US LargestImagePixelValue
00280120 US PixelPaddingValue
00280301 CS BurnedInAnnotation
00281040 CS PixelIntensityRelationship
00281050 DS WindowCenter
00281051 DS WindowWidth
00281052 DS RescaleIntercept
00281053 DS RescaleSlope
00281054 LO RescaleType
00281101 US RedPaletteColorLookupTableDescriptor
00281102 US GreenPaletteColorLookupTableDescriptor
00281103 US BluePaletteColorLookupTableDescriptor
00281201 OW RedPaletteColorLookupTableData
00281202 OW GreenPaletteColorLookupTableData
00281203 OW BluePaletteColorLookupTableData
00282110 CS LossyImageCompression
00282112 DS LossyImageCompressionRatio
00282114 CS LossyImageCompressionMethod
00289110 SQ PixelMeasuresSequence
00289145 SQ PixelValueTransformationSequence
00321060 LO RequestedProcedureDescription *
00400244 DA PerformedProcedureStepStartDate *
00400245 TM PerformedProcedureStepStartTime *
00400253 SH PerformedProcedureStepID *
00400254 LO PerformedProcedureStepDescription *
00400275 SQ RequestAttributesSequence *
00480001 FL ImagedVolumeWidth
00480002 FL ImagedVolumeHeight
00480003 FL ImagedVolumeDepth
00480006 UL TotalPixelMatrixColumns
00480007 UL TotalPixelMatrixRows
00480105 SQ OpticalPathSequence
00480112 DS ObjectiveLensPower
00480113 DS ObjectiveLensNumericalAperture
30020011 DS ImagePlanePixelSpacing
52009229 SQ SharedFunctionalGroupsSequence
52009230 SQ PerFrameFunctionalGroupsSequence
`;

/** By tag as dicom-parser writes it: `x00280010`. */
export const DICOM_ATTRIBUTES: ReadonlyMap<string, DicomAttribute> = new Map(
  TABLE.trim()
    .split('\n')
    .map((line) => {
      const [tag = '', vr = '', keyword = '', mark] = line.split(' ');
      return [`x${tag.toLowerCase()}`, { keyword, vr, identity: mark === '*' }] as const;
    }),
);

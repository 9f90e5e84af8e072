import { MetadataBuilder } from '../../harmonise.js';
import { plainAxes } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5Dialect } from './hdf5-dialect.js';
import { objectsIn } from './hdf5-walk.js';
import { isPixelType } from './hdf5-values.js';

/** Any other HDF5 file: its largest dataset of numbers is shown; what it means nobody says. */
export const plainHdf5Dialect: Hdf5Dialect = {
  recognises: () => true,

  read(file) {
    let largest: Hdf5Dataset | null = null;
    for (const { path, kind } of objectsIn(file)) {
      const dataset = kind === 'dataset' ? file.dataset(path) : null;
      if (dataset === null || !isPixelType(dataset.type) || dataset.count === 0) continue;
      if (largest === null || dataset.count > largest.count) largest = dataset;
    }
    if (largest === null) return { format: 'HDF5', signals: [] };
    return {
      format: 'HDF5',
      signals: [
        {
          title: largest.path,
          type: 'Unknown',
          role: 'Experimental',
          metadata: new MetadataBuilder(),
          array: { datasets: [largest], axes: plainAxes(largest) },
          spectralAxis: null,
          isCalibrated: false,
          acquired: null,
          yLabel: 'Value',
        },
      ],
    };
  },
};

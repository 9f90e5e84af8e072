#!/usr/bin/python3
"""Writes pydicom-reference.json: what Debian's pydicom 2.3.1 (package python3-pydicom) reads from each DICOM sample.

Run once by hand, after fetch-samples.js, wherever that package is installed (or its unpacked folder is on PYTHONPATH):

    /usr/bin/python3 test/samples/make-dicom-reference.py

Per file, by its path among the samples; files that pydicom cannot read are left out:

  syntax    transfer syntax, null without file meta information
  shape     of pixel_array (frames only if several), the three samples of colours left out; null: pydicom cannot
            decode the pixels with numpy alone, or there are none
  dtype     numpy's name of one sample
  colours   whether pixels have three samples
  frameSum  sum of all values of the first frame, as text; colours as they are coded, palettes as indices
  spacing   PixelSpacing as numbers: rows, columns; null: none
  modality  Modality; null: none
"""
import json
import pathlib
import warnings

import numpy as np
import pydicom
from pydicom.pixel_data_handlers import numpy_handler, rle_handler

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / ".cache" / "samples-dicom"


def facts(path):
    data = pydicom.dcmread(path, force=True)
    data.file_meta  # files without it are not DICOM to us
    found = {
        "syntax": str(data.file_meta.TransferSyntaxUID) if "TransferSyntaxUID" in data.file_meta else None,
        "shape": None,
        "modality": str(data.Modality) if "Modality" in data and data.Modality else None,
        "spacing": [float(value) for value in data.PixelSpacing] if data.get("PixelSpacing") else None,
    }
    try:
        pixels = data.pixel_array
    except Exception:
        return found
    frames = int(data.get("NumberOfFrames", 1) or 1)
    colours = int(data.get("SamplesPerPixel", 1)) == 3
    found["shape"] = list(pixels.shape[:-1] if colours else pixels.shape)
    found["dtype"] = pixels.dtype.name
    found["colours"] = colours
    first = pixels[0] if frames > 1 else pixels
    found["frameSum"] = str(int(first.astype(np.int64).sum())) if first.dtype.kind in "iub" else repr(float(first.sum()))
    return found


def main():
    warnings.simplefilter("ignore")
    pydicom.config.pixel_data_handlers = [numpy_handler, rle_handler]
    files = {}
    for path in sorted(SAMPLES.rglob("*")):
        if not path.is_file() or path.suffix != ".dcm":
            continue
        try:
            files[path.relative_to(SAMPLES).as_posix()] = facts(path)
        except Exception:
            continue
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found)}" for name, found in files.items())
    text = '{\n"pydicom": %s,\n"files": {\n%s\n}\n}\n' % (json.dumps(pydicom.__version__), lines)
    (HERE / "pydicom-reference.json").write_text(text, encoding="utf-8")


main()

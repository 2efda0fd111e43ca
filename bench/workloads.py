"""The two measured jobs: hash-file and plate-reader."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.figure import NotMeasured
from sealgrid.sdk.operations.open_result import RunResult

ROOT = Path(__file__).resolve().parents[1]
SEED = 2  #: of the drawn street scene


@dataclass(frozen=True)
class Workload:
    """An app, what goes into it, and how to tell that what comes out is right."""

    name: str
    folder: Path  #: of the app
    file: tuple[str, bytes] = field(repr=False)
    right: Callable[[bytes], bool]  #: of result.json
    model: bytes = field(default=b"", repr=False)  #: the dataset, empty for none

    def expect_right(self, result: RunResult) -> None:
        """Raise NotMeasured for a wrong result: how long that took is no figure."""
        if not self.right(result.files["result.json"]):
            raise NotMeasured(f"{self.name} gave a wrong result.")


def hash_file() -> Workload:
    """Hash one small sealed file, without a dataset."""
    content = os.urandom(1000)
    expected = hashlib.sha256(content).hexdigest().encode()
    return Workload(
        "hash_file",
        ROOT / "src/sealgrid/shipped_apps" / "hash_file",
        ("letter.bin", content),
        lambda output: expected in output,
    )


def with_model(workload: Workload) -> Workload:
    """Return the same with a dataset of a few bytes, which the app leaves alone."""
    return replace(workload, model=b"a model of a few bytes")


def plates() -> Workload:
    """Read one drawn street scene; what the same model reads outside is what must come out."""
    folder, cache = ROOT / "src/sealgrid/shipped_apps" / "plate_reader", ROOT / ".cache"
    model = cache / "models" / "plate_reader.zip"
    if not (folder / "main.py").exists() or not model.exists():
        raise NotMeasured("the plate reader or its model is not here; run `make setup`.")
    from sealgrid.shipped_apps.plate_reader.cached_files import font  # noqa: PLC0415  the reader's libraries take a second to import
    from sealgrid.shipped_apps.plate_reader.scenes import draw_scene  # noqa: PLC0415

    picture, content = draw_scene(SEED, font()).png, model.read_bytes()
    expected = _text_outside(content, picture)
    return Workload("plate_reader", folder, ("picture.png", picture), lambda output: _text(output) == expected, content)


def _text_outside(model: bytes, picture: bytes) -> str:
    from sealgrid.shipped_apps.plate_reader.reader.pipeline import read_plates  # noqa: PLC0415

    return "".join(plate["text"] for plate in read_plates(model, picture)["plates"])


def _text(output: bytes) -> str:
    import json  # noqa: PLC0415

    return "".join(plate["text"] for plate in json.loads(output)["plates"])

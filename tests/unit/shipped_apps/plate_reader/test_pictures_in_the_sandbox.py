"""The decoders of pictures work in an app's sandbox: under its system call filter, and with its limits."""

import shutil
from pathlib import Path

import pi_heif
import pytest

from sealgrid.bundle.manifest import AppLimits
from tests.unit.enclave.app_scene import Scene
from tests.unit.shipped_apps.app_process import APPS
from tests.unit.shipped_apps.plate_reader.reader.test_picture import DATA, QUARTERS, saved

SITE = Path(pi_heif.__file__).parents[1]
LIMITS = AppLimits(memory=1 << 30, cpu_seconds=60, wall_seconds=120, processes=1, output_bytes=1 << 20)
MAIN = """

from pathlib import Path
from reader.picture import open_picture
for path in sorted(Path("/iexec_inputs").iterdir()):
    image = open_picture(path.read_bytes()).image
    print(path.name, *(round(sample / 255) for sample in image.getpixel((8, 8))))
"""


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    for pattern in ("PIL", "pillow*", "pi_heif*", "_pi_heif*", "numpy*"):
        for part in SITE.glob(pattern):
            if part.is_dir():
                shutil.copytree(part, scene.folders.wheels / part.name, ignore=shutil.ignore_patterns("tests"))
            else:
                shutil.copy(part, scene.folders.wheels)
    reader = scene.folders.app / "reader"
    reader.mkdir()
    (reader / "__init__.py").touch()
    for module in ("picture.py", "float_tiff.py"):
        shutil.copy(APPS / "plate_reader" / "reader" / module, reader)
    return scene


def test_every_decoder_runs_in_the_sandbox(scene):
    for form in ("jpeg", "png", "avif", "webp", "tiff", "gif"):
        (scene.folders.inputs / f"a.{form}").write_bytes(saved(QUARTERS, form))
    shutil.copy(DATA / "upright.heic", scene.folders.inputs / "a.heic")
    lines = scene.says(MAIN, limits=LIMITS).splitlines()
    assert sorted(lines) == [f"a.{form} 1 0 0" for form in ("avif", "gif", "heic", "jpeg", "png", "tiff", "webp")]

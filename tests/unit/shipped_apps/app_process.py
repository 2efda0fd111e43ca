"""Runs an app as its sandbox does: its own folder and wheels on the path, and the variables of iExec's conventions."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealgrid.bundle.build import Bundle, build, read_app
from sealgrid.bundle.lock import lock
from sealgrid.bundle.verify import VerifiedBundle, verify_bundle
from sealgrid.enclave.job.iexec_env import COMPUTED
from sealgrid.units import ZERO_ADDRESS

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "src/sealgrid/shipped_apps"
WHEELS = ROOT / ".cache" / "wheels"
BYTECODE = ROOT / ".cache" / "bytecode"  #: compiled once for all runs, and never beside the sources
DEAL = "0x" + "de" * 32
START = """
import runpy, sys
folder, wheels, *arguments = sys.argv[1:]
sys.path[:0] = [folder, wheels]
sys.argv = [folder + "/main.py", *arguments]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class AppRun:
    code: int
    errors: str
    files: Mapping[str, bytes]

    @property
    def result(self) -> dict:
        return json.loads(self.files["result.json"])

    @property
    def output_file(self) -> str:
        """Return the name of the file whose digest is the result's."""
        return Path(json.loads(self.files[COMPUTED])["deterministic-output-path"]).name


def run_app(
    name: str,
    folder: Path,
    *,
    dataset: bytes | None = None,
    inputs: Mapping[str, bytes] | None = None,
    arguments: Sequence[str] = (),
    wheels: Path | None = None,
) -> AppRun:
    datasets, inputs_folder, out = (folder / name for name in ("iexec_in", "iexec_inputs", "iexec_out"))
    for each in (datasets, inputs_folder, out):
        each.mkdir(parents=True)
    environment = {"IEXEC_IN": datasets, "IEXEC_OUT": out, "IEXEC_INPUT_FILES_FOLDER": inputs_folder}
    environment |= {"IEXEC_DEAL_ID": DEAL, "IEXEC_TASK_INDEX": 0}
    environment["IEXEC_INPUT_FILES_NUMBER"] = len(inputs or {})
    for number, (file, content) in enumerate((inputs or {}).items(), start=1):
        (inputs_folder / file).write_bytes(content)
        environment[f"IEXEC_INPUT_FILE_NAME_{number}"] = file
    address = ZERO_ADDRESS if dataset is None else "0x" + "d5" * 20
    environment |= {"IEXEC_DATASET_ADDRESS": address, "IEXEC_DATASET_FILENAME": address}
    if dataset is not None:
        (datasets / address).write_bytes(dataset)
    bytecode = f"pycache_prefix={BYTECODE}"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-X", bytecode, "-c", START, str(APPS / name), str(wheels or folder), *arguments],
        env={key: str(value) for key, value in environment.items()},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert ended.stdout == ""
    return AppRun(ended.returncode, ended.stderr, {path.name: path.read_bytes() for path in sorted(out.iterdir())})


def bundled(name: str) -> tuple[Bundle, VerifiedBundle]:
    """Build an app as its developer would, and verify it as an enclave would."""
    folder = APPS / name
    bundle = build(folder, lock(read_app(folder).wheels, WHEELS))
    return bundle, verify_bundle(bundle.archive, bundle.app_digest)

"""Tries a model before it is sealed: the shipped onnx-runner opens it in its sandbox and runs one inference.

The code, the wheels and the limits are the app's. The libraries of the system and the interpreter are this machine's,
not those of the runtime image.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from sealgrid.bundle.build import read_app
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.lock import lock
from sealgrid.bundle.model_signature import ClassLabel, ModelSignature, Size, TensorSpec
from sealgrid.errors import BundleRefused, InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.operations.environments import environment_of, unpacked

WALL_SECONDS: Final = 120  #: of one trial
_MODEL, _EXAMPLE, _ENTRY, _REPORT = "model", "input", "trial.py", "report.json"


@dataclass(frozen=True, slots=True)
class ModelTrial:
    """What the app found."""

    signature: ModelSignature
    failure: str  #: why no generated input ran; empty if an inference ran
    left_out: tuple[str, ...]  #: outputs that the app does not write


class _TrialReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of ``trial.py``."""

    inputs: tuple[dict[str, object], ...]
    outputs: tuple[dict[str, object], ...]
    reason: str
    left_out: dict[str, str]


class _SandboxEnd(msgspec.Struct, frozen=True, kw_only=True):
    """``LocalRunEnd`` of ``sealgrid.enclave.sandbox.local_run``."""

    end: Literal["exited", "stopped", "unattributed"]
    code: int
    reason: str
    log: str


def try_model(model: Path, name: str, example: Path | None = None) -> ModelTrial:
    """Return what onnx-runner reports of a model, which ``name`` names in errors; ``example`` is the owner's input.

    Raises InputRefused with the app's reason for a model or an example that it refuses, SetupMissing where this
    machine cannot run it.
    """
    folder = shipped_apps.app_folder(shipped_apps.ONNX_RUNNER)
    if folder is None or not (folder / _ENTRY).is_file():
        raise SetupMissing("onnx-runner is not part of this installation.")
    with tempfile.TemporaryDirectory(prefix="sealgrid-trial-") as temporary:
        places = {each: Path(temporary, each) for each in ("wheels", "datasets", "inputs", "outputs")}
        for place in places.values():
            place.mkdir()
        places["wheels"] = _wheels(folder, places["wheels"])
        _link(model, places["datasets"] / _MODEL)
        if example is not None:
            _copy_example(example, places["inputs"] / _EXAMPLE)
        end = _run(folder, places, has_example=example is not None)
        if end.end == "unattributed":
            raise SetupMissing(end.reason)
        if end.end == "stopped":
            raise InputRefused(f"{name} cannot be sold: onnx-runner was stopped, because {end.reason}")
        if end.code != 0:
            raise InputRefused(f"{name} cannot be sold, onnx-runner refuses it: {_last_line(end)}")
        report = msgspec.json.decode((places["outputs"] / _REPORT).read_bytes(), type=_TrialReport)
    checked: Literal["inference", "opening"] = "opening" if report.reason else "inference"
    signature = ModelSignature(inputs=_specs(report.inputs), outputs=_specs(report.outputs), checked=checked)
    return ModelTrial(signature, report.reason, tuple(report.left_out))


def _specs(reported: Iterable[Mapping[str, object]]) -> tuple[TensorSpec, ...]:
    """Return what the app reported, without classes and names of sizes that a signature cannot state."""
    return tuple(_spec(each) for each in reported)


def _spec(reported: Mapping[str, object]) -> TensorSpec:
    name, dtype = str(reported["name"]), str(reported["dtype"])
    stated = reported["shape"]
    shape = tuple(_or_none(size, Size) for size in stated) if isinstance(stated, list) else None
    classes = _or_none(reported.get("classes", ()), tuple[ClassLabel, ...])
    return TensorSpec(name=name, dtype=dtype, shape=shape, classes=classes or ())


def _or_none(value: object, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _wheels(app: Path, fallback: Path) -> Path:
    """Return a folder of the app's wheels, unpacked; raise SetupMissing where this machine lacks them."""
    source = shipped_apps.wheel_folder()
    if source is None:
        raise SetupMissing("the wheels of onnx-runner are not on this machine.")
    try:
        _, archive = environment_of(lock(read_app(app).wheels, source, running_python()), source)
        return unpacked(archive, fallback)
    except (InputRefused, BundleRefused, InterpreterMismatch, OSError, subprocess.CalledProcessError) as error:
        raise SetupMissing(f"the wheels of onnx-runner cannot be used here: {error}") from error


def _run(app: Path, places: dict[str, Path], *, has_example: bool) -> _SandboxEnd:
    limits = msgspec.structs.replace(read_app(app).limits, wall_seconds=WALL_SECONDS)
    environment = {
        "IEXEC_IN": "/iexec_in",
        "IEXEC_OUT": "/iexec_out",
        "IEXEC_DATASET_FILENAME": _MODEL,
        "IEXEC_INPUT_FILES_FOLDER": "/iexec_inputs",
        "IEXEC_INPUT_FILES_NUMBER": str(int(has_example)),
        "IEXEC_INPUT_FILE_NAME_1": _EXAMPLE,
    }
    request = {name: str(place) for name, place in places.items()} | {
        "app": str(app),
        "entrypoint": [_ENTRY],
        "environment": environment,
        "limits": limits,
    }
    # Another process: rooms of one layer do not import each other.
    command = [sys.executable, "-P", "-m", "sealgrid.enclave.sandbox.local_run"]
    done = subprocess.run(command, input=msgspec.json.encode(request), capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SetupMissing(f"the sandbox did not run: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return msgspec.json.decode(done.stdout, type=_SandboxEnd)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _copy_example(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise InputRefused(f"{source} cannot be read ({error.strerror}).") from error


def _last_line(end: _SandboxEnd) -> str:
    lines = end.log.strip().splitlines()
    return lines[-1][:2000] if lines else f"it ended with {end.code}"

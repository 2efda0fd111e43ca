"""Prepares a file for publishing as the shipped app that is to use it needs it: models and CSV tables."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.bundle.model_signature import ModelSignature, bounded, is_valid, with_stated_shapes
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import shipped_app_digests, shipped_bundle
from sealgrid.sdk.operations.model_trial import try_model
from sealgrid.sdk.operations.onnx_structure import read_structure
from sealgrid.sdk.operations.onnx_weights import fold_weights
from sealgrid.sdk.operations.resolve import find_app, is_shipped
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.units import Digest


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file that the app can read."""

    path: Path  #: to seal
    signature: ModelSignature | None = None  #: of a model
    notices: tuple[str, ...] = ()  #: sentences for the owner


@asynccontextmanager
async def prepare_file(
    conn: Connection,
    file: Path,
    app: AssetRef,
    *,
    try_input: Path | None = None,
    on_progress: Progress = ignore_progress,
) -> AsyncIterator[PreparedFile]:
    """Yield a file as it is to be sealed, checked as the app's own code reads it if the app is a shipped one.

    The app is compared by name or digest; for any other app the file is yielded unchecked. ``try_input`` is an input
    file with which onnx-runner tries a model. The path is valid until the context ends. Raises InputRefused for a file
    that the app cannot read, and for an input to try where no app tries it.
    """
    if is_shipped(app):
        name = str(app)
    else:
        digest = await Assets(conn.hub).checksum("App", await find_app(conn, app, own=True))
        name = await asyncio.to_thread(_shipped_name, digest, conn.network.python)
    if try_input is not None and name != shipped_apps.ONNX_RUNNER:
        raise InputRefused("an input to try is for the models of onnx-runner; leave it out for other files.")
    prepare = _PREPARE.get(name)
    if prepare is None:
        yield PreparedFile(file)
        return
    on_progress(ProgressStep(f"reading the file as {name} does"))
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        yield await asyncio.to_thread(prepare, file, Path(folder), try_input)


def prepare_onnx(file: Path, folder: Path, try_input: Path | None = None) -> PreparedFile:
    """Return a model as onnx-runner opens it: with its weights inside, and with its signature.

    ``folder`` takes a changed copy. The app runs one inference in its sandbox, on ``try_input`` or on generated inputs;
    where it cannot run, the structure alone is checked, and a notice says why. Raises InputRefused for a file that is
    no ONNX model, and for a model or an input that the app refuses.
    """
    stated = read_structure(file).signature
    path, notices = file, []
    if names := fold_weights(file, folded := folder / "model.onnx"):
        path = folded
        notices.append(f"the weights of {', '.join(names)} are inside the sealed file.")
    try:
        trial = try_model(path, file.name, try_input)
    except SetupMissing as missing:
        notices.append(
            f"only the structure of {file.name} was checked, not whether onnx-runner runs it: {missing.message}"
        )
        return _with_signature(path, stated, notices)
    if trial.failure:
        notices.append(
            f"onnx-runner opens {file.name}, but runs none of the inputs that it generated, perhaps because the model "
            f"needs special ones: {trial.failure} Give one of yours to try (--try FILE)."
        )
    if trial.left_out:
        notices.append(f"buyers get no output {', '.join(map(repr, trial.left_out))}: no file can hold its type.")
    return _with_signature(path, with_stated_shapes(trial.signature, stated), notices)


def _with_signature(path: Path, signature: ModelSignature, notices: list[str]) -> PreparedFile:
    if is_valid(signature):
        return PreparedFile(path, bounded(signature), tuple(notices))
    notices.append(
        "its inputs and outputs are not published, and no purchase is checked against them: a signature has at "
        "most 1,024 inputs and outputs, with names of at most 1,024 characters."
    )
    return PreparedFile(path, notices=tuple(notices))


def prepare_csv(file: Path, _folder: Path, _try_input: Path | None = None) -> PreparedFile:
    """Return a table with the notes of ``check_csv``; raise InputRefused like it."""
    return PreparedFile(file, notices=check_csv(file))


def check_csv(path: Path) -> tuple[str, ...]:
    """Read a table with the code of csv-statistics; return notes on cells that it leaves out or reads otherwise.

    The notes have counts and examples of cells: they are for the table's owner. Raises InputRefused for a file that the
    app would refuse.
    """
    from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused  # noqa: PLC0415  only where the shipped apps are
    from sealgrid.shipped_apps.csv_statistics.columns.table import read_table  # noqa: PLC0415

    try:
        return read_table(path).owner_notes()
    except TableRefused as refused:
        raise InputRefused(f"{path.name} cannot be sold as a table: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error


def prepare_ados(file: Path, _folder: Path, _try_input: Path | None = None) -> PreparedFile:
    """Return a model as it is; raise InputRefused for a file that ados would refuse."""
    from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused  # noqa: PLC0415  only where the shipped apps are
    from sealgrid.shipped_apps.ados.quality.model_file import read_model  # noqa: PLC0415

    try:
        read_model(file.read_bytes())
    except ReadingsRefused as refused:
        raise InputRefused(f"{file.name} cannot be sold to ados: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{file} cannot be read ({error.strerror}).") from error
    return PreparedFile(file)


_PREPARE: Final[Mapping[str, Callable[[Path, Path, Path | None], PreparedFile]]] = {
    shipped_apps.ONNX_RUNNER: prepare_onnx,
    shipped_apps.CSV_STATISTICS: prepare_csv,
    shipped_apps.ADOS: prepare_ados,
}


def shipped_digest(name: str, python: str) -> Digest | None:
    """Return the digest of a shipped app; None where this machine cannot build it for the network's Python."""
    try:
        return shipped_bundle(name, python).app_digest
    except (InputRefused, InterpreterMismatch, SetupMissing):
        return None


def _shipped_name(code: Digest, python: str) -> str:
    for name in (name for name in _PREPARE if shipped_apps.app_folder(name) is not None):
        # suppressed: this machine cannot build it for the network's Python
        with suppress(InputRefused, InterpreterMismatch, SetupMissing):
            if code in shipped_app_digests(name, python):
                return name
    return ""

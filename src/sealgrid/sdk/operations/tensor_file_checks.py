"""Reads files of tensors before a purchase with the code that onnx-runner runs in its enclave."""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.errors import InputRefused
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.progress import Progress, ProgressStep

MAX_BYTES: Final = 64 << 20  #: of a file that is read here; a larger one passes
_CODE: Final = tuple(f"runner/{name}.py" for name in ("element", "errors", "inputs", "model_input", "tables"))


async def check_tensor_files(
    manifest: Manifest, files: Sequence[tuple[str, bytes]], signature: ModelSignature | None, on_progress: Progress
) -> None:
    """Raise InputRefused for a file that the app would refuse for this model after the payment.

    It applies to models with a public signature, to apps whose bundle reads files with the same code as this
    installation, by its digests, and where the libraries of the shipped apps are installed.
    """
    if signature is None or not files or not shipped_apps.holds_code(manifest, shipped_apps.ONNX_RUNNER, _CODE):
        return
    on_progress(ProgressStep("checking that the app can read the input for this model"))
    for name, content in files:
        if len(content) <= MAX_BYTES:
            await asyncio.to_thread(check_tensor_file, name, content, signature)


def check_tensor_file(name: str, content: bytes, signature: ModelSignature) -> None:
    """Raise InputRefused for a file that onnx-runner cannot convert to the inputs of a model."""
    try:
        from sealgrid.shipped_apps.onnx_runner.runner.element import DTYPES, dtype_name  # noqa: PLC0415
        from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused  # noqa: PLC0415
        from sealgrid.shipped_apps.onnx_runner.runner.inputs import read_inputs  # noqa: PLC0415
        from sealgrid.shipped_apps.onnx_runner.runner.model_input import ModelInput  # noqa: PLC0415
    except ImportError:  # an installation without the libraries of the shipped apps
        return
    elements = {dtype_name(element): element for element in DTYPES}
    inputs = [ModelInput(each.name, _kind(each.dtype, elements), each.shape or ()) for each in signature.inputs]
    with tempfile.NamedTemporaryFile(prefix="sealgrid-input-") as file:
        file.write(content)
        file.flush()
        try:
            read_inputs(Path(file.name), inputs)
        except RunRefused as refused:
            raise InputRefused(f"onnx-runner cannot use {name!r} with this model: {refused}") from refused


def _kind(dtype: str, elements: dict[str, str]) -> str:
    """Return onnxruntime's name of a type that a signature names as ``ModelInput.describe`` does."""
    outer, inner = re.fullmatch(r"(.*[(,])?([^(),]*)\)*", dtype, re.DOTALL).groups("")  # type: ignore[union-attr]
    closing = ")" * outer.count("(")
    return f"{outer.replace('sequence(', 'seq(')}tensor({elements.get(inner, inner)}){closing}"

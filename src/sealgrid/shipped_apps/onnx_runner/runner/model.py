"""An ONNX model: its inputs, its outputs, and a run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from . import bfloat16
from .element import DTYPES
from .errors import RunRefused
from .locales import missing_locale, provide_locale
from .model_input import ModelInput
from .onnx_session import ERRORS, open_session
from .outputs import Output, from_value
from .versions import stated_versions

_BFLOAT16 = "tensor(bfloat16)"
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_LOADING = re.compile(r"Load model from \S+ failed: ?")
_SOURCE = re.compile(r"/onnxruntime_src/\S+:\d+ [^()]*\([^()]*\)( const)? ?")  #: place in onnxruntime's own code


class OnnxModel:
    """A model that is ready to run; raises RunRefused with onnxruntime's reason if it cannot open the file."""

    def __init__(self, path: Path) -> None:
        self._session = _opened(path)
        self.inputs = tuple(ModelInput(node.name, node.type, tuple(node.shape)) for node in self._session.get_inputs())
        self.outputs = {node.name: (node.type, tuple(node.shape)) for node in self._session.get_outputs()}

    def choose(self, names: Sequence[str]) -> list[str]:
        """Return the outputs to compute: the named ones, or all that can be written if none is named."""
        for name in names:
            if name not in self.outputs:
                raise RunRefused(f"the model has no output {name!r}; it has {', '.join(map(repr, self.outputs))}.")
            if name in self.unwritable:
                raise RunRefused(f"the output {name!r} is a {self.outputs[name][0]}; this app cannot write it.")
        chosen = list(dict.fromkeys(names)) or [name for name in self.outputs if name not in self.unwritable]
        if not chosen:
            kinds = ", ".join(f"{name!r} is a {kind}" for name, kind in self.unwritable.items())
            raise RunRefused(f"the model has no output that this app can write: {kinds}.")
        return chosen

    @property
    def unwritable(self) -> dict[str, str]:
        """Outputs that no file can hold, by name, with onnxruntime's name of their type."""
        return {name: kind for name, (kind, _) in self.outputs.items() if not _is_writable(kind)}

    def run(self, inputs: Mapping[str, object], outputs: list[str]) -> dict[str, Output]:
        """Return the chosen outputs by name; raise RunRefused with onnxruntime's reason."""
        try:
            computed = self._run(inputs, outputs)
        except ERRORS as error:
            raise RunRefused(f"the model does not run on this input: {reason(error)}") from error
        return {
            name: from_value(value, name, self.outputs[name][0]) for name, value in zip(outputs, computed, strict=True)
        }

    def _run(self, inputs: Mapping[str, object], outputs: list[str]) -> list[object]:
        kinds = [each.kind for each in self.inputs] + [self.outputs[name][0] for name in outputs]
        if _BFLOAT16 not in kinds:
            return self._session.run(outputs, inputs)  # type: ignore[no-any-return]
        given = {each.name: _ort_value(each, inputs[each.name]) for each in self.inputs}
        computed = self._session.run_with_ort_values(outputs, given)
        return [_from_ort_value(value) for value in computed]


def reason(error: Exception) -> str:
    """Return onnxruntime's words, without its code, its source files and the path of the model."""
    return _SOURCE.sub("", _LOADING.sub("", _PREFIX.sub("", str(error)))).strip()


def _opened(path: Path) -> onnxruntime.InferenceSession:
    provided = set[str]()
    while True:
        try:
            return open_session(path)
        except ERRORS as error:
            locale = missing_locale(str(error))
            if locale is None or locale in provided or not provide_locale(locale):
                raise RunRefused(
                    "the dataset is not an ONNX model that onnxruntime can open: "
                    f"{reason(error)} {stated_versions(path)}"
                ) from error
            provided.add(locale)


def _is_writable(kind: str) -> bool:
    elements = re.findall(r"tensor\((\w+)\)", kind)
    return bool(elements) and "sparse" not in kind and all(element in DTYPES for element in elements)


def _ort_value(given: ModelInput, value: object) -> onnxruntime.OrtValue:
    if not isinstance(value, np.ndarray):
        raise RunRefused(
            f"the input {given.name!r} is a {given.kind} beside one of bfloat16; this app runs one of both."
        )
    if given.kind == _BFLOAT16:
        return bfloat16.to_ort(value)
    return onnxruntime.OrtValue.ortvalue_from_numpy(value)


def _from_ort_value(value: onnxruntime.OrtValue) -> object:
    return bfloat16.from_ort(value) if value.data_type() == _BFLOAT16 else value.numpy()

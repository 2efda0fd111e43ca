"""A model's public signature: name, type and shape of each input and output (docs/protocol/container.md)."""

from typing import Annotated, Literal

import msgspec

MAX_BYTES = 32 << 10  #: of a signature with its classes
Checked = Literal["inference", "opening", "structure"]
Size = Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | Annotated[str, msgspec.Meta(max_length=256)] | None
ClassLabel = Annotated[int, msgspec.Meta(gt=-(2**53), lt=2**53)] | Annotated[str, msgspec.Meta(max_length=1024)]


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One input or output of a model."""

    name: Annotated[str, msgspec.Meta(max_length=1024)]
    dtype: Annotated[str, msgspec.Meta(max_length=256)]  #: NumPy's name, "string", or as "map(string,float32)"
    #: a name or null stands for any size; null in place of the list for any number of dimensions
    shape: tuple[Size, ...] | None
    classes: tuple[ClassLabel, ...] = ()  #: of the last axis, where known

    @property
    def shape_text(self) -> str:
        """The shape for people: "[batch, 4]", "any", or "scalar"."""
        if self.shape is None:
            return "any"
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"[{sizes}]" if self.shape else "scalar"


class ModelSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inputs and outputs of a model, as its owner states them."""

    inputs: Annotated[tuple[TensorSpec, ...], msgspec.Meta(max_length=1024)]
    outputs: Annotated[tuple[TensorSpec, ...], msgspec.Meta(max_length=1024)]
    #: the app ran an inference, it opened the model, or the file's structure was read
    checked: Checked


def is_valid(signature: ModelSignature) -> bool:
    """Return whether a signature keeps the bounds above, which its constructor does not check."""
    try:
        msgspec.convert(msgspec.to_builtins(signature), ModelSignature)
    except msgspec.ValidationError:
        return False
    return True


def with_stated_shapes(signature: ModelSignature, stated: ModelSignature) -> ModelSignature:
    """Return an app's signature with the shapes that the file states where the app reported none.

    onnxruntime reports a scalar and an unknown shape alike.
    """
    return msgspec.structs.replace(
        signature,
        inputs=_with_shapes(signature.inputs, stated.inputs),
        outputs=_with_shapes(signature.outputs, stated.outputs),
    )


def bounded(signature: ModelSignature) -> ModelSignature:
    """Return a signature without its classes if it would fill more than half of a card."""
    if len(msgspec.json.encode(signature)) <= MAX_BYTES:
        return signature
    return msgspec.structs.replace(
        signature, outputs=tuple(msgspec.structs.replace(each, classes=()) for each in signature.outputs)
    )


def _with_shapes(specs: tuple[TensorSpec, ...], stated: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    shapes = {(each.name, each.dtype): each.shape for each in stated}
    return tuple(
        msgspec.structs.replace(each, shape=shapes.get((each.name, each.dtype))) if each.shape is None else each
        for each in specs
    )

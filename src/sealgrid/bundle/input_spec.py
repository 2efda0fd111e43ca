"""Input specification of an app: the inputs that one run needs and accepts. The app's digest covers it.

An app with a specification takes exactly what it declares; one without takes anything (docs/protocol/bundle.md).
"""

import itertools
import math
import re
from collections.abc import Set as AbstractSet
from typing import Annotated, Final, Literal

import msgspec

from sealgrid.bundle.job_input import MAX_FILES, MAX_INPUT_BYTES
from sealgrid.errors import BundleRefused

Label = Annotated[str, msgspec.Meta(max_length=400)]
MediaType = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+/([a-z0-9][a-z0-9.+-]{0,126}|\*)$")]
ArgumentName = Annotated[str, msgspec.Meta(pattern=r"^(--)?[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
FormatName = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,30})?$")]
Bound = Annotated[int, msgspec.Meta(ge=-(1 << 53) + 1, le=(1 << 53) - 1)]  #: exact in JSON (RFC 8785)

Need = Literal["required", "optional", "none"]
ArgumentType = Literal["text", "integer", "number", "flag"]

MAX_ARGUMENTS: Final = 100
OPTION_PREFIX: Final = "--"
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,300}")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?")


class _Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class FileSpec(_Spec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files of a run."""

    min: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILES)] = 1
    max: Annotated[int, msgspec.Meta(ge=1, le=MAX_FILES)] = 1
    #: accepted types, "image/*" for a whole class; empty for any content
    media_types: Annotated[tuple[MediaType, ...], msgspec.Meta(max_length=50)] = ()
    max_bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_INPUT_BYTES)] = MAX_INPUT_BYTES  #: of each file
    #: a file holds the model's inputs by name (JSON, .npy, .npz) and is compared with its public signature
    tensors: bool = False
    example: Annotated[str, msgspec.Meta(max_length=1024)] = ""  #: path of a file of the app that it accepts as input
    help: Label = ""


class ArgumentSpec(_Spec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One argument: an option where its name begins with ``--``, else positional."""

    name: ArgumentName
    type: ArgumentType = "text"  #: a flag is an option without a value
    required: bool = False
    repeated: bool = False  #: given any number of times, else once at most
    default: Label = ""  #: what the app uses where it is not given, as it would be written; for display
    choices: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()  #: the only accepted values
    minimum: Bound | None = None
    maximum: Bound | None = None
    help: Label = ""

    @property
    def is_option(self) -> bool:
        """Return whether it is given by its name."""
        return self.name.startswith(OPTION_PREFIX)


class SecretSpec(_Spec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One secret of the requester, ``IEXEC_REQUESTER_SECRET_number``."""

    number: Annotated[int, msgspec.Meta(ge=1, le=9999)]
    required: bool = True
    help: Label = ""


class InputSpec(_Spec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run of an app needs and takes."""

    model: Need = "none"  #: a model or data, the dataset of the deal
    model_format: FormatName = ""  #: such as "onnx" or "csv"; empty for any
    files: FileSpec | None = None  #: None for an app that takes no files
    arguments: Annotated[tuple[ArgumentSpec, ...], msgspec.Meta(max_length=MAX_ARGUMENTS)] = ()
    secrets: Annotated[tuple[SecretSpec, ...], msgspec.Meta(max_length=100)] = ()
    model_or_file: bool = False  #: a run needs a model or a file, either of them

    @property
    def positional(self) -> tuple[ArgumentSpec, ...]:
        """Return the arguments without a name on the command line, in their order."""
        return tuple(each for each in self.arguments if not each.is_option)


def check_spec(spec: InputSpec, paths: AbstractSet[str]) -> None:
    """Raise BundleRefused (14) for a specification that no run can meet; ``paths`` are the app's files.

    At most as many files are required as allowed, the example is a file of the app, names and numbers occur once, a
    default and every choice have their argument's type, no minimum is above its maximum, and positional arguments have
    an order that can be parsed. ``model_or_file`` is for an app whose model and files are both optional.
    """
    if spec.files is not None:
        if spec.files.min > spec.files.max:
            raise _refused(f"files need at least {spec.files.min} and allow at most {spec.files.max}")
        if spec.files.example and spec.files.example not in paths:
            raise _refused(f"the example {spec.files.example!r} is not a file of the app")
    names = [each.name for each in spec.arguments]
    numbers = [each.number for each in spec.secrets]
    if len(set(names)) != len(names):
        raise _refused("two arguments have the same name")
    if len(set(numbers)) != len(numbers):
        raise _refused("two secrets have the same number")
    for argument in spec.arguments:
        _check_argument(argument)
    positional = spec.positional
    if any(each.repeated for each in positional[:-1]):
        raise _refused("only the last positional argument can be repeated")
    if any(later.required and not earlier.required for earlier, later in itertools.pairwise(positional)):
        raise _refused("a required positional argument comes after an optional one")
    if spec.model_or_file:
        _check_either(spec)


def value_fault(argument: ArgumentSpec, value: str) -> str | None:
    """Return what an argument takes, where it does not take this value; None where it does."""
    if argument.choices:
        return None if value in argument.choices else f"one of {', '.join(argument.choices)}"
    return _type_fault(argument, value)


def _type_fault(argument: ArgumentSpec, value: str) -> str | None:
    if argument.type == "text":
        return None
    number = _number(value, whole=argument.type == "integer")
    low, high = argument.minimum, argument.maximum
    if number is not None and (low is None or number >= low) and (high is None or number <= high):
        return None
    kind = "a whole number" if argument.type == "integer" else "a number"
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    if low is not None:
        return f"{kind} of at least {low}"
    return f"{kind} of at most {high}" if high is not None else kind


def _number(text: str, *, whole: bool) -> float | None:
    if not (_INTEGER if whole else _DECIMAL).fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _check_either(spec: InputSpec) -> None:
    if spec.model == "none" or spec.files is None:
        raise _refused("model_or_file needs an app that takes both")
    if spec.model == "required" or spec.files.min > 0:
        raise _refused('model_or_file needs model = "optional" and files of min = 0; else it has no effect')


def _check_argument(argument: ArgumentSpec) -> None:
    where = f"the argument {argument.name}"
    if argument.type == "flag":
        if not argument.is_option or argument.required or argument.default or argument.choices:
            raise _refused(f"{where} is a flag: an option without value, default and choices, and never required")
        return
    if argument.type == "text" and (argument.minimum is not None or argument.maximum is not None):
        raise _refused(f"{where} is a text and has no bounds")
    if argument.minimum is not None and argument.maximum is not None and argument.minimum > argument.maximum:
        raise _refused(f"{where} has a minimum of {argument.minimum} above its maximum of {argument.maximum}")
    for choice in argument.choices:
        if fault := _type_fault(argument, choice):
            raise _refused(f"{where} takes {fault}, not {choice!r}")
    if argument.default and (fault := value_fault(argument, argument.default)):
        raise _refused(f"{where} takes {fault}, not {argument.default!r}")


def _refused(reason: str) -> BundleRefused:
    return BundleRefused("14", f"the app's [inputs] are invalid: {reason}.")

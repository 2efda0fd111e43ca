"""Input specifications and inputs in words, for errors, lists and forms."""

from collections.abc import Sequence
from typing import Final

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.job_input import MAX_INPUT_BYTES
from sealgrid.bundle.media_types import label

MAX_QUOTED: Final = 60  #: characters of a name or value in an error


def describe_inputs(spec: InputSpec) -> list[str]:
    """Return what a run takes, one line for each of model, files, argument and secret."""
    lines = [] if spec.model == "none" else [f"{model_words(spec)} ({spec.model})"]
    lines += [describe_files(spec.files)] if spec.files else []
    lines += [_describe_argument(argument) for argument in spec.arguments]
    lines += [
        f"secret {secret.number}{'' if secret.required else ', optional'}{about(secret.help)}"
        for secret in spec.secrets
    ]
    return lines or ["nothing"]


def describe_files(files: FileSpec) -> str:
    """Return how many files a run takes, of which types and size."""
    kinds = join_words([label(kind) for kind in files.media_types])
    count = str(files.min) if files.min == files.max else f"{files.min} to {files.max}"
    size = "" if files.max_bytes == MAX_INPUT_BYTES else f", at most {files.max_bytes:,} bytes each"
    noun = "file" if files.max == 1 else "files"
    return f"{count} {noun}{f': {kinds}' if kinds else ''}{size}{about(files.help)}"


def _describe_argument(argument: ArgumentSpec) -> str:
    kind = f"one of {join_words(argument.choices)}" if argument.choices else argument.type
    default = f", {argument.default} by default" if argument.default else ""
    required = ", required" if argument.required else ""
    return f"argument {argument.name}: {kind}{default}{required}{about(argument.help)}"


def model_words(spec: InputSpec) -> str:
    """Return the model or data that an app takes, in words with an article."""
    return f"a model or data of the format {spec.model_format}" if spec.model_format else "a model or data"


def about(text: str) -> str:
    """Return a help text as an addition in brackets; nothing without one."""
    return f" ({text.rstrip('.')})" if text else ""


def quoted(text: str) -> str:
    """Return a text for an error: in quotation marks, bounded, with a question mark for what is not printable."""
    shown = text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"
    return "'" + "".join(letter if letter.isprintable() else "?" for letter in shown) + "'"


def join_words(words: Sequence[str], last: str = "or") -> str:
    """Return "a, b or c"."""
    return " ".join((", ".join(words[:-1]), last, words[-1])) if len(words) > 1 else "".join(words)

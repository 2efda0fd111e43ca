"""The check of a run's inputs against the app's specification, before any deal is made (docs/protocol/bundle.md).

The command line, the SDK, the site and the browser's form (``web/static/input_check.js``, the same rules and sentences)
apply it.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sealgrid.bundle.input_spec import OPTION_PREFIX, ArgumentSpec, FileSpec, InputSpec, value_fault
from sealgrid.bundle.input_words import about, join_words, model_words, quoted
from sealgrid.bundle.media_types import EMPTY, JSON, accepts, label, media_type
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.bundle.tensor_check import tensor_fault
from sealgrid.errors import InputMismatch


def json_fault(content: bytes) -> str | None:
    """Return why a file is not valid JSON; NaN and Infinity are accepted, as Python writes them.

    The text is in UTF-8, UTF-16 or UTF-32, with a byte order mark or without: what ``json.loads`` takes in an app.
    """
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        hint = "; put several values into one list" if error.msg == "Extra data" else ""
        return f"it is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}{hint}"
    except UnicodeDecodeError:
        return "it is not text in UTF-8, UTF-16 or UTF-32"
    except (RecursionError, ValueError):
        return "it is not valid JSON: a number is too long, or its lists are nested too deeply"
    return None


ContentChecks = Mapping[str, Callable[[bytes], str | None]]  #: media type -> a function that returns a fault in words
CONTENT_CHECKS: Final[ContentChecks] = {JSON: json_fault}
SIGNATURE_FORMAT: Final = "onnx"  #: of a model with a public signature


@dataclass(frozen=True, slots=True)
class OfferedInputs:
    """What a buyer gives to one run of an app, not checked."""

    has_model: bool = False  #: a model or data is named
    signature: ModelSignature | None = None  #: the model's, if its owner published one
    files: Sequence[tuple[str, bytes]] = field(default=(), repr=False)  #: names and contents
    args: Sequence[str] = field(default=(), repr=False)  #: public ones first
    secrets: Collection[str] = ()  #: numbers


def check_inputs(
    app: str, spec: InputSpec, offered: OfferedInputs, content_checks: ContentChecks = CONTENT_CHECKS
) -> None:
    """Raise InputMismatch, with the number of the check, for inputs with which a run of the app cannot succeed.

    (inputs.1) A model or data is named where one is required, and none where the app takes none.
    (inputs.2) It has the format that the app reads, where its public signature shows the format.
    (inputs.3) The number of files is one that the app takes.
    (inputs.4) Each file has content, at most the app's size, and a type that the app takes, by its content.
    (inputs.5) Content is well-formed, for the types that have one of the ``content_checks``.
    (inputs.6) Each argument is one that the app takes, with a value of its type; the required ones are given.
    (inputs.7) Each secret is one that the app reads; the required ones are given.
    (inputs.8) A file of tensors has the inputs of the model's public signature (``tensor_check``).
    """
    check_model(app, spec, has_model=offered.has_model, signature=offered.signature)  # (inputs.1) (inputs.2)
    _check_count(app, spec.files, len(offered.files), has_model=offered.has_model, either=spec.model_or_file)
    for name, content in offered.files:
        assert spec.files is not None, "(inputs.3) refused files of an app without"
        _check_file(app, spec.files, name, content, content_checks)  # (inputs.4) (inputs.5)
    parse_arguments(app, spec, offered.args)  # (inputs.6)
    _check_secrets(app, spec, offered.secrets)  # (inputs.7)
    if spec.files is not None and spec.files.tensors and offered.signature is not None:
        for name, content in offered.files:
            _check_tensors(offered.signature, name, content)  # (inputs.8)


def check_model(app: str, spec: InputSpec, *, has_model: bool, signature: ModelSignature | None = None) -> None:
    """Apply (inputs.1) and (inputs.2) of ``check_inputs``."""
    wanted = model_words(spec)
    if spec.model == "required" and not has_model:  # (inputs.1)
        raise InputMismatch("inputs.1", f"{app} needs {wanted}, and none is named; choose one that is sold for it.")
    if spec.model == "none" and has_model:  # (inputs.1)
        raise InputMismatch("inputs.1", f"{app} takes no model and no data; leave it out.")
    if signature is not None and spec.model_format not in {"", SIGNATURE_FORMAT}:  # (inputs.2)
        raise InputMismatch(
            "inputs.2", f"{app} needs {wanted}, and this one has the format {SIGNATURE_FORMAT}; choose another one."
        )


def _check_count(app: str, files: FileSpec | None, count: int, *, has_model: bool, either: bool) -> None:
    """Apply (inputs.3)."""
    given = "none was given" if count == 0 else f"{count} {'was' if count == 1 else 'were'} given"
    if files is None:
        if count:
            raise InputMismatch("inputs.3", f"{app} takes no files, and {given}; leave them out.")
        return
    if either and not has_model and count == 0:
        raise InputMismatch("inputs.3", f"{app} needs a model, data or a file, and none was given.")
    if files.min <= count <= files.max:
        return
    bound = files.min if count < files.min else files.max
    exactly = "" if files.min == files.max else "at least " if count < files.min else "at most "
    verb = "needs" if count < files.min else "takes"
    raise InputMismatch("inputs.3", f"{app} {verb} {exactly}{bound} {'file' if bound == 1 else 'files'}, and {given}.")


def _check_file(app: str, files: FileSpec, name: str, content: bytes, content_checks: ContentChecks) -> None:
    shown = quoted(name)
    if len(content) > files.max_bytes:  # (inputs.4)
        raise InputMismatch(
            "inputs.4", f"{shown} has {len(content):,} bytes, and {app} takes at most {files.max_bytes:,} in a file."
        )
    if not files.media_types:
        return
    found = media_type(name, content)
    if found == EMPTY:  # (inputs.4)
        raise InputMismatch("inputs.4", f"{shown} is empty.")
    if not accepts(files.media_types, found):  # (inputs.4)
        taken = join_words([label(kind) for kind in files.media_types])
        raise InputMismatch("inputs.4", f"{shown} is {label(found)}, and {app} takes {taken}.")
    if (check := content_checks.get(found)) and (fault := check(content)):  # (inputs.5)
        raise InputMismatch("inputs.5", f"{shown} cannot be read: {fault}.")


def _check_tensors(signature: ModelSignature, name: str, content: bytes) -> None:
    """Apply (inputs.8)."""
    if fault := tensor_fault(signature, media_type(name, content), content):
        raise InputMismatch("inputs.8", f"{quoted(name)} does not fit the model: {fault}.")


def parse_arguments(app: str, spec: InputSpec, args: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each given argument by its name; raise InputMismatch (inputs.6) as ``check_inputs`` does."""
    options = {each.name: each for each in spec.arguments if each.is_option}
    positional = list(spec.positional)
    values: dict[str, list[str]] = {}
    words = list(args)
    while words:
        word = words.pop(0)
        if not word.startswith(OPTION_PREFIX):
            argument, value = _next_positional(app, positional, word, options), word
        else:
            argument, value = _option(app, options, word, words)
            if argument.name in values and not argument.repeated:
                raise _unfit(f"{app} takes {argument.name} once.")
        if argument.type != "flag" and (fault := value_fault(argument, value)):
            raise _unfit(f"{app} takes {fault} as {argument.name}, not {quoted(value)}.")
        values.setdefault(argument.name, []).append(value)
    for argument in spec.arguments:
        if argument.required and argument.name not in values:
            raise _unfit(f"{app} needs the argument {argument.name}{_hint(argument)}.")
    return values


def _next_positional(
    app: str, positional: list[ArgumentSpec], word: str, options: Mapping[str, ArgumentSpec]
) -> ArgumentSpec:
    if not positional:
        raise _unfit(f"{app} takes {_taken(options)}, not {quoted(word)}.")
    return positional[0] if positional[0].repeated else positional.pop(0)


def _option(app: str, options: Mapping[str, ArgumentSpec], word: str, rest: list[str]) -> tuple[ArgumentSpec, str]:
    """Return the option that a word names, and its value, which may be the next word."""
    name, equals, value = word.partition("=")
    if name not in options:
        first, _, second = word.partition(" ")
        if first in options and second:
            raise _unfit(f"{quoted(word)} joins a name and a value; give two arguments: {first} and {quoted(second)}.")
        raise _unfit(f"{app} has no argument {quoted(name)}; it takes {_taken(options)}.")
    argument = options[name]
    if argument.type == "flag":
        if equals:
            raise _unfit(f"{name} of {app} takes no value; leave out {quoted('=' + value)}.")
        return argument, ""
    if equals:
        return argument, value
    if not rest:
        raise _unfit(f"{name} of {app} needs a value{_hint(argument)}.")
    return argument, rest.pop(0)


def _check_secrets(app: str, spec: InputSpec, given: Collection[str]) -> None:
    """Apply (inputs.7)."""
    known = {str(each.number): each for each in spec.secrets}
    for number in sorted(set(given) - set(known)):
        raise InputMismatch("inputs.7", f"{app} reads no secret {quoted(number)}; leave it out.")
    for number, secret in known.items():
        if secret.required and number not in given:
            raise InputMismatch("inputs.7", f"{app} needs the secret {number}{about(secret.help)}; give it.")


def _taken(options: Collection[str]) -> str:
    return join_words(sorted(options), "and") if options else "no arguments"


def _hint(argument: ArgumentSpec) -> str:
    if argument.choices:
        return f": {join_words(argument.choices)}"
    return about(argument.help)


def _unfit(sentence: str) -> InputMismatch:
    return InputMismatch("inputs.6", sentence)

"""The form that buys one run of an app: its typed fields come from the app's input specification."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec
from litestar.datastructures import FormMultiDict

from sealgrid.bundle.input_spec import InputSpec
from sealgrid.bundle.input_words import describe_files
from sealgrid.bundle.media_types import suffixes
from sealgrid.errors import InputRefused
from sealgrid.sdk.network import PinnedPool
from sealgrid.units import Address
from sealgrid.web.forms import form_text, split_arguments
from sealgrid.web.offers import OpenOffer
from sealgrid.web.storage_cache import AppDetails

_LINE_END: Final = re.compile(r"\r?\n")  #: as in a browser's text field; ``str.splitlines`` knows more ends of lines


@dataclass(frozen=True, slots=True)
class RunForm:
    """What the template ``run_form.html`` shows."""

    app: Address
    name: str
    spec: InputSpec | None  #: None for an app that takes anything
    models: Collection[OpenOffer]
    selected_model: str  #: address; empty for none
    fixed_model: bool  #: whether the form is on a model's own page, which chooses the model
    pools: Collection[PinnedPool]
    example: str  #: file name of an example input; empty for none
    example_path: str  #: where the site serves it

    @property
    def spec_json(self) -> str:
        """Return the specification for the browser's check."""
        return msgspec.json.encode(self.spec).decode()

    @property
    def accept(self) -> str:
        """Return the value of the file field's ``accept``: media types and suffixes (HTML, 4.10.5.1.17)."""
        kinds = self.spec.files.media_types if self.spec and self.spec.files else ()
        return ",".join([*kinds, *(suffix for kind in kinds for suffix in suffixes(kind))])

    @property
    def files_line(self) -> str:
        """Return which files a run takes, in words."""
        return describe_files(self.spec.files) if self.spec and self.spec.files else ""


def spec_of(details: AppDetails | None) -> InputSpec | None:
    """Return an app's input specification; None for an app without one, or whose bundle is not available."""
    spec = details.manifest.inputs if details else None
    return spec if isinstance(spec, InputSpec) else None


def form_arguments(spec: InputSpec | None, form: FormMultiDict) -> list[str]:
    """Return the arguments of a run's form: of the typed fields ``arg-0`` …, then the words of the field ``args``.

    A field that is empty gives none. Raises InputRefused for an open quotation mark, and for an empty field of a
    position before a filled one.
    """
    words: list[str] = []
    missing = ""  # name of a position without a value
    for index, argument in enumerate(spec.arguments if spec else ()):
        text = form_text(form, f"arg-{index}")
        if argument.type == "flag":
            words += [argument.name] if text else []
            continue
        values = [value for value in (_LINE_END.split(text) if argument.repeated else [text]) if value]
        if argument.is_option:
            words += [word for value in values for word in (argument.name, value)]
            continue
        if values and missing:
            raise InputRefused(f"give {missing} too: {argument.name} comes after it.")
        missing = missing or ("" if values else argument.name)
        words += values
    return words + split_arguments(form_text(form, "args"))


def form_secrets(spec: InputSpec | None, form: FormMultiDict) -> dict[int, str]:
    """Return the secrets of a run's form by number; an empty field gives none."""
    numbers = [secret.number for secret in spec.secrets] if spec else []
    texts: dict[int, Any] = {number: form.get(f"secret-{number}", "") for number in numbers}
    return {number: text for number, text in texts.items() if isinstance(text, str) and text}


def example_name(details: AppDetails | None) -> str:
    """Return the file name of an app's example input; empty if there is none to offer."""
    spec = spec_of(details)
    return PurePosixPath(spec.files.example).name if details and details.example and spec and spec.files else ""

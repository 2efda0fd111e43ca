"""The sealed input of a job: arguments, files and secrets in one archive that only the enclave opens."""

import io
import re
import shlex
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sealgrid.bundle.archive import BROKEN
from sealgrid.bundle.archive_paths import MAX_NAME_BYTES, fault_of
from sealgrid.crypto.iexec_challenge import NUMBER_PATTERN
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import InputRefused

_SETTINGS = "input.json"
_FILES = "files/"
_STAMP = (1980, 1, 1, 0, 0, 0)
_NUMBER: Final = re.compile(NUMBER_PATTERN)
MAX_FILES: Final = 1000
MAX_TEXT_BYTES: Final = 127 << 10  #: Linux passes at most 128 KiB in one argument or variable (MAX_ARG_STRLEN)
MAX_TEXTS_BYTES: Final = 1 << 20  #: of all of them together; a program can then still start another with them
_COST_OF_A_TEXT: Final = 9  #: bytes that the kernel counts beside the text itself: its end and a pointer
MAX_INPUT_BYTES: Final = 512 << 20  #: of a task's input files together
MAX_SEALED_BYTES: Final = MAX_INPUT_BYTES + (32 << 20)  #: of a task's sealed inputs: names and tags beside the files


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    args: list[str]
    files: list[str]
    secrets: dict[str, str]


@dataclass(frozen=True)
class JobInput:
    """What a requester gives to an app in private."""

    args: tuple[str, ...] = ()
    files: tuple[tuple[str, bytes], ...] = field(
        default=(), repr=False
    )  #: (name, content), in the order of IEXEC_INPUT_FILE_NAME_n
    secrets: dict[str, str] = field(default_factory=dict, repr=False)  #: number -> IEXEC_REQUESTER_SECRET_number

    def pack(self) -> bytes:
        """Return the archive (schema sealgrid/input/1); raise InputRefused where ``check_input`` does."""
        check_input(self)
        names = [name for name, _ in self.files]
        settings = _Settings("sealgrid/input/1", list(self.args), names, dict(self.secrets))
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(_SETTINGS, _STAMP), msgspec.json.encode(settings))
            for name, content in self.files:
                archive.writestr(zipfile.ZipInfo(_FILES + name, _STAMP), content)
        return target.getvalue()


def unpack(archive: bytes) -> JobInput:
    """Read an archive; raise InputRefused when it is none, or holds what an app cannot be given.

    (input.1) It is a readable archive whose files together are no larger than itself.
    (input.2) ``input.json`` in it is a ``sealgrid/input/1`` document.
    (input.3) to (input.7) and (input.9) are those of ``check_input``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as source:
            # Nothing in it is compressed, so its files together are no larger than itself, unless it was made to burst.
            if sum(entry.file_size for entry in source.infolist()) > len(archive):  # (input.1)
                raise InputRefused("(input.1) the sealed input holds more than its own bytes.")
            settings = _settings(source.read(_SETTINGS))  # (input.2)
            _check_names(settings.files)  # (input.3) (input.4) before names are looked up
            files = tuple((name, source.read(_FILES + name)) for name in settings.files)
    except BROKEN as error:
        raise InputRefused(
            f"(input.1) the sealed input is no sealgrid/input/1 archive ({type(error).__name__})."
        ) from error
    found = JobInput(args=tuple(settings.args), files=files, secrets=settings.secrets)
    check_input(found)
    return found


def check_input(given: JobInput, public: Sequence[str] = ()) -> None:
    """Raise InputRefused unless an app can be given this input; ``public`` are its public arguments.

    (input.3) Each file has a plain name of at most 255 bytes (``paths.fault_of``), and there are at most 1000.
    (input.4) No two names are equal but for letter case and Unicode's normal form.
    (input.5) Each secret's name is a number from 1 to 9999, without leading zeros.
    (input.6) Each argument and secret is text without a zero byte.
    (input.7) Each has at most 127 KiB in UTF-8, and all of them with the files' names at most 1 MiB.

    (input.9) All files together have at most 512 MiB; an enclave holds them in its memory, beside the app.

    Refusals say which, by number, and repeat nothing: inside an enclave names are private too.
    """
    names = [name for name, _ in given.files]
    _check_names(names)  # (input.3) (input.4)
    if not all(_NUMBER.fullmatch(number) for number in given.secrets):  # (input.5)
        raise InputRefused("(input.5) a secret's name is its number: 1, 2, 3 … up to 9999.")
    named = [(f"argument {number}", text) for number, text in enumerate((*public, *given.args), start=1)]
    named += [(f"secret {number}", text) for number, text in given.secrets.items()]
    for what, text in named:
        if (fault := fault_of_text(text)) is not None:
            raise InputRefused(f"{fault[0]} {what} {fault[1]}")
    if _size((*(text for _, text in named), *names)) > MAX_TEXTS_BYTES:  # (input.7)
        raise InputRefused(
            f"(input.7) arguments, secrets and file names are more than {MAX_TEXTS_BYTES >> 20} MiB; use a file."
        )
    if sum(len(content) for _, content in given.files) > MAX_INPUT_BYTES:  # (input.9)
        raise InputRefused(f"(input.9) the files are more than {MAX_INPUT_BYTES >> 20} MiB together.")


def fault_of_text(text: str) -> tuple[str, str] | None:
    """Return (check, why) where a text cannot be an argument or a variable: (input.6) and (input.7)."""
    if "\0" in text or not _is_unicode(text):
        return "(input.6)", "holds a zero byte or a half character; put bytes into a file."
    if len(text.encode()) > MAX_TEXT_BYTES:
        return "(input.7)", f"has more than {MAX_TEXT_BYTES >> 10} KiB; put it into a file."
    return None


def split_arguments(public: str) -> list[str]:
    """Return the words of a deal's public arguments, as a shell splits them; raise InputRefused.

    (input.8) Every quotation mark in them is closed, and no backslash is the last character.
    """
    try:
        return shlex.split(public)
    except ValueError as error:
        raise InputRefused(
            "(input.8) the public arguments have a quotation mark that is never closed, or end in a backslash."
        ) from error


def _settings(document: bytes) -> _Settings:
    try:
        settings = msgspec.json.decode(document, type=_Settings)
    except UNREADABLE as error:
        raise InputRefused(
            f"(input.2) the sealed input is no sealgrid/input/1 archive ({type(error).__name__})."
        ) from error
    if settings.schema != "sealgrid/input/1":
        raise InputRefused("(input.2) the sealed input is no sealgrid/input/1 archive (another schema).")
    return settings


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_FILES:  # (input.3)
        raise InputRefused(f"(input.3) an input has at most {MAX_FILES} files.")
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        # macOS spells names in form NFD, so that form is no fault.
        fault = fault_of(unicodedata.normalize("NFC", name))
        if fault is not None or "/" in name or len(name.encode()) > MAX_NAME_BYTES:  # (input.3)
            raise InputRefused(f"(input.3) file {number} has no plain file name of at most {MAX_NAME_BYTES} bytes.")
        same = first.setdefault(folded(name), number)
        if same != number:  # (input.4)
            raise InputRefused(f"(input.4) files {same} and {number} have the same name, letter case aside.")


def folded(name: str) -> str:
    """Return what two names share that some file systems take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _size(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) + _COST_OF_A_TEXT for text in texts)

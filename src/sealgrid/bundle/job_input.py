"""Sealed input of a job: arguments, files and secrets in one archive that only the enclave decrypts."""

import io
import re
import shlex
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sealgrid.bundle.archive import BROKEN, MAX_NAME_BYTES, open_archive, path_fault
from sealgrid.crypto.iexec_challenge import NUMBER_PATTERN
from sealgrid.errors import DECODE_ERRORS, InputRefused

_SETTINGS = "input.json"
_FILES = "files/"
_STAMP = (1980, 1, 1, 0, 0, 0)
_NUMBER: Final = re.compile(NUMBER_PATTERN)
MAX_FILES: Final = 1000
MAX_TEXT_BYTES: Final = 127 << 10  #: Linux passes at most 128 KiB in one argument or variable (MAX_ARG_STRLEN)
MAX_TEXTS_BYTES: Final = 1 << 20  #: of all of them together; a program can still pass them on to a child process
_COST_OF_A_TEXT: Final = 9  #: bytes that the kernel counts for each text: terminator and pointer
MAX_INPUT_BYTES: Final = 512 << 20  #: of a task's input files together
MAX_SEALED_BYTES: Final = MAX_INPUT_BYTES + (32 << 20)  #: of a task's sealed inputs: names and tags beside the files


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    args: list[str]
    files: list[str]
    secrets: dict[str, str]


@dataclass(frozen=True)
class JobInput:
    """Private input of an app."""

    args: tuple[str, ...] = ()
    #: (name, content), in the order of IEXEC_INPUT_FILE_NAME_n
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
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
    """Read an archive; raise InputRefused when it is invalid or an app cannot be given its content.

    (input.1) It is a readable archive of at most 1001 entries, whose files together are no larger than itself.
    (input.2) ``input.json`` in it is a ``sealgrid/input/1`` document.
    (input.3) to (input.7) and (input.9) are those of ``check_input``.
    """
    try:
        with open_archive(archive, MAX_FILES + 1) as source:
            # Nothing in it is compressed, so only a zip bomb has files larger than itself.
            if sum(entry.file_size for entry in source.infolist()) > len(archive):  # (input.1)
                raise InputRefused("(input.1) the sealed input has more content than its own size.")
            settings = _parse_settings(source.read(_SETTINGS))  # (input.2)
            _check_names(settings.files)  # (input.3) (input.4) before names are looked up
            files = tuple((name, source.read(_FILES + name)) for name in settings.files)
    except BROKEN as error:
        raise InputRefused(
            f"(input.1) the sealed input is not a valid sealgrid/input/1 archive ({type(error).__name__})."
        ) from error
    job_input = JobInput(args=tuple(settings.args), files=files, secrets=settings.secrets)
    check_input(job_input)
    return job_input


def check_input(job_input: JobInput, public: Sequence[str] = ()) -> None:
    """Raise InputRefused unless an app can be given this input; ``public`` are its public arguments.

    (input.3) Each file has a plain name of at most 255 bytes (``archive.path_fault``), and there are at most 1000.
    (input.4) No two names are equal ignoring case and Unicode's normal form.
    (input.5) Each secret's name is a number from 1 to 9999, without leading zeros.
    (input.6) Each argument and secret is text without a zero byte.
    (input.7) Each has at most 127 KiB in UTF-8, and all of them with the files' names at most 1 MiB.

    (input.9) All files together have at most 512 MiB; an enclave stores them in its memory, beside the app.

    Errors name the item by number and repeat no content: inside an enclave names are private too.
    """
    names = [name for name, _ in job_input.files]
    _check_names(names)  # (input.3) (input.4)
    if not all(_NUMBER.fullmatch(number) for number in job_input.secrets):  # (input.5)
        raise InputRefused("(input.5) a secret's name is its number: 1, 2, 3 … up to 9999.")
    named = [(f"argument {number}", text) for number, text in enumerate((*public, *job_input.args), start=1)]
    named += [(f"secret {number}", text) for number, text in job_input.secrets.items()]
    for name, text in named:
        if (fault := text_fault(text)) is not None:
            raise InputRefused(f"{fault[0]} {name} {fault[1]}")
    texts = (*(text for _, text in named), *names)
    if sum(len(text.encode()) + _COST_OF_A_TEXT for text in texts) > MAX_TEXTS_BYTES:  # (input.7)
        raise InputRefused(
            f"(input.7) arguments, secrets and file names are more than {MAX_TEXTS_BYTES >> 20} MiB; use a file."
        )
    if sum(len(content) for _, content in job_input.files) > MAX_INPUT_BYTES:  # (input.9)
        raise InputRefused(f"(input.9) the files are more than {MAX_INPUT_BYTES >> 20} MiB together.")


def text_fault(text: str) -> tuple[str, str] | None:
    """Return (check, reason) where a text cannot be an argument or a variable, (input.6) or (input.7); else None."""
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = b"\0"
    if b"\0" in content:
        return "(input.6)", "holds a zero byte or a half character; put bytes into a file."
    if len(content) > MAX_TEXT_BYTES:
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


def _parse_settings(document: bytes) -> _Settings:
    try:
        settings = msgspec.json.decode(document, type=_Settings)
    except DECODE_ERRORS as error:
        raise InputRefused(
            f"(input.2) the sealed input is not a valid sealgrid/input/1 archive ({type(error).__name__})."
        ) from error
    if settings.schema != "sealgrid/input/1":
        raise InputRefused("(input.2) the sealed input is not a valid sealgrid/input/1 archive (another schema).")
    return settings


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_FILES:  # (input.3)
        raise InputRefused(f"(input.3) an input has at most {MAX_FILES} files.")
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        # macOS uses form NFD, so that form is allowed.
        fault = text_fault(name) or path_fault(unicodedata.normalize("NFC", name))
        if fault is not None or "/" in name or len(name.encode()) > MAX_NAME_BYTES:  # (input.3)
            raise InputRefused(f"(input.3) file {number} needs a plain file name of at most {MAX_NAME_BYTES} bytes.")
        same = first.setdefault(folded(name), number)
        if same != number:  # (input.4)
            raise InputRefused(f"(input.4) files {same} and {number} have the same name, ignoring case.")


def folded(name: str) -> str:
    """Return the key by which some file systems treat two names as equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())

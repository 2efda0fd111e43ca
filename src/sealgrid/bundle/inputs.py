"""The sealed input of a job: arguments, files and secrets in one archive that only the enclave opens."""

import io
import zipfile
from dataclasses import dataclass, field

import msgspec

from sealgrid.bundle.archive import BROKEN
from sealgrid.crypto.documents import UNREADABLE
from sealgrid.errors import InputRefused

_SETTINGS = "input.json"
_FILES = "files/"
_STAMP = (1980, 1, 1, 0, 0, 0)
MAX_FILES = 1000
MAX_NAME_BYTES = 255


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
        """Return the archive (schema sealgrid/input/1); raise InputRefused for a name that is no plain file name."""
        names = [name for name, _ in self.files]
        if (bad := _bad_name(names)) is not None:
            raise InputRefused(f"{bad!r} is no plain file name, or there are two of it or over {MAX_FILES} files.")
        settings = _Settings("sealgrid/input/1", list(self.args), names, dict(self.secrets))
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(_SETTINGS, _STAMP), msgspec.json.encode(settings))
            for name, content in self.files:
                archive.writestr(zipfile.ZipInfo(_FILES + name, _STAMP), content)
        return target.getvalue()


def unpack(archive: bytes) -> JobInput:
    """Read an archive; raise InputRefused when it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as source:
            # Nothing in it is compressed, so its files together are no larger than itself, unless it was made to burst.
            if sum(entry.file_size for entry in source.infolist()) > len(archive):
                raise InputRefused("the sealed input holds more than its own bytes.")
            settings = msgspec.json.decode(source.read(_SETTINGS), type=_Settings)
            if _bad_name(settings.files) is not None:  # the name itself is private here
                raise InputRefused("the sealed input holds a file that has no plain name of its own.")
            files = tuple((name, source.read(_FILES + name)) for name in settings.files)
    except (*BROKEN, *UNREADABLE) as error:
        raise InputRefused(f"the sealed input is no sealgrid/input/1 archive ({type(error).__name__}).") from error
    return JobInput(args=tuple(settings.args), files=files, secrets=settings.secrets)


def _bad_name(names: list[str]) -> str | None:
    folded = [name.casefold() for name in names]
    for number, name in enumerate(names):
        plain = (
            name and name not in {".", ".."} and not set(name) & set("/\\\0") and len(name.encode()) <= MAX_NAME_BYTES
        )
        if not plain or folded.index(folded[number]) != number or number >= MAX_FILES:
            return name
    return None

"""The sealed input of a job: arguments, files and secrets in one archive that only the enclave opens."""

import io
import zipfile
from dataclasses import dataclass, field

import msgspec

from sealgrid.errors import InputRefused

_SETTINGS = "input.json"
_FILES = "files/"
_STAMP = (1980, 1, 1, 0, 0, 0)
MAX_FILES = 1000


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
        _check_names(names)
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
            settings = msgspec.json.decode(source.read(_SETTINGS), type=_Settings)
            _check_names(settings.files)
            files = tuple((name, source.read(_FILES + name)) for name in settings.files)
    except (zipfile.BadZipFile, KeyError, msgspec.DecodeError) as error:
        raise InputRefused(f"the sealed input is no sealgrid/input/1 archive ({type(error).__name__}).") from error
    return JobInput(args=tuple(settings.args), files=files, secrets=settings.secrets)


def _check_names(names: list[str]) -> None:
    if len(names) > MAX_FILES or len({name.casefold() for name in names}) != len(names):
        raise InputRefused(f"a sealed input holds at most {MAX_FILES} files, no two of one name.")
    for name in names:
        if not name or name in {".", ".."} or "/" in name or "\\" in name or "\0" in name or len(name.encode()) > 255:
            raise InputRefused(f"{name!r} is no plain file name.")

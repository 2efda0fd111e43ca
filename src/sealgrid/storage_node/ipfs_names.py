"""What IPFS nodes call the files that they were given here: CIDv0, to the SHA-256 by which a file is kept."""

from pathlib import Path

from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import InputRefused, NotFound
from sealgrid.storage.atomic_file import disk_errors, write_file
from sealgrid.units import Digest, to_digest

_CID_V0_CHARACTERS = 46


class IpfsNames:
    """One small file a name, beneath ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._names: dict[Digest, list[str]] = {}
        for place in folder.glob("Qm*"):
            self._names.setdefault(Digest(place.read_text()), []).append(place.name)

    def of(self, sha256: Digest) -> tuple[str, ...]:
        """Return the CIDv0s of a file."""
        return tuple(self._names.get(sha256, ()))

    def remove(self, sha256: Digest) -> None:
        """Forget a file's CIDv0s."""
        for cid in self._names.pop(sha256, ()):
            self._place(cid).unlink(missing_ok=True)

    def keep(self, cid: str, sha256: Digest) -> None:
        """Remember a file's CIDv0."""
        with disk_errors():
            write_file(self._place(cid), sha256.encode())
        if cid not in self.of(sha256):
            self._names.setdefault(sha256, []).append(cid)

    def digest(self, cid: str) -> Digest:
        """Return the SHA-256 of the file of a CIDv0 or raw CIDv1; raise NotFound, InputRefused for other names."""
        if not cid.startswith("Qm"):
            return digest_of_cid(cid)
        try:
            return to_digest(self._place(cid).read_text())
        except FileNotFoundError as error:
            raise NotFound(f"no file {cid} was added here; this node asks no other one.") from error

    def _place(self, cid: str) -> Path:
        # Letters and digits alone become part of a path.
        if len(cid) != _CID_V0_CHARACTERS or not (cid.isascii() and cid.isalnum()):
            raise InputRefused(f"{cid[:80]!r} is no content address (Qm…, or bafkrei…).")
        return self._folder / cid

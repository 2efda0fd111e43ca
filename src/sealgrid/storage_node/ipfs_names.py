"""Maps the CIDv0 that IPFS nodes give a file to the SHA-256 under which it is stored."""

from pathlib import Path

from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import InputRefused, NotFound
from sealgrid.storage.atomic_file import disk_errors, write_file
from sealgrid.units import Digest, to_digest

_CID_V0_CHARACTERS = 46


class IpfsNames:
    """One small file for each CID, below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._names: dict[Digest, list[str]] = {}
        for path in folder.glob("Qm*"):
            self._names.setdefault(Digest(path.read_text()), []).append(path.name)

    def cids_of(self, sha256: Digest) -> tuple[str, ...]:
        """Return the CIDv0s of a file."""
        return tuple(self._names.get(sha256, ()))

    def remove(self, sha256: Digest) -> None:
        """Remove the CIDv0s of a file."""
        for cid in self._names.pop(sha256, ()):
            self._path_of(cid).unlink(missing_ok=True)

    def add(self, cid: str, sha256: Digest) -> None:
        """Store a CIDv0 of a file."""
        with disk_errors():
            write_file(self._path_of(cid), sha256.encode())
        if cid not in self.cids_of(sha256):
            self._names.setdefault(sha256, []).append(cid)

    def digest(self, cid: str) -> Digest:
        """Return the SHA-256 of a CIDv0 or raw CIDv1; raise NotFound, or InputRefused for other names."""
        if not cid.startswith("Qm"):
            return digest_of_cid(cid)
        try:
            return to_digest(self._path_of(cid).read_text())
        except FileNotFoundError as error:
            raise NotFound(f"no file {cid} was added here; this node does not ask other nodes.") from error

    def _path_of(self, cid: str) -> Path:
        # Only letters and digits become part of a path.
        if len(cid) != _CID_V0_CHARACTERS or not (cid.isascii() and cid.isalnum()):
            raise InputRefused(f"{cid[:80]!r} is not a valid content address (Qm…, or bafkrei…).")
        return self._folder / cid

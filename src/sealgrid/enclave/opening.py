"""Open a sealed file of a deal with the key that the vaults gave for it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sealgrid.attestation.facts import Facts
from sealgrid.crypto import container
from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.units import Digest

Opener = Callable[[Path, Path], None]  #: reads the first, which is sealed, and makes the second


def opener_of(facts: Facts, digest: Digest, key: bytes) -> Opener:
    """Return what opens a file; it raises ContainerRefused where the key does not."""
    return iexec_opener(digest, key) if _came_by_iexec(facts, digest) else partial(_open, dek=key)


def iexec_opener(digest: Digest, key: bytes) -> Opener:
    """Return what opens a file that iExec's SDK sealed."""
    return partial(_open_iexec, digest, key=key)


def proves_opening(facts: Facts) -> bool:
    """Return whether a dataset that was opened proves that its key is the right one.

    iExec's sealed form has no tag: one wrong key in 256 opens it to rubbish.
    """
    return facts.dataset is not None and not _came_by_iexec(facts, facts.dataset.checksum)


def _came_by_iexec(facts: Facts, digest: Digest) -> bool:
    return any(secret.kind == "iexec" and secret.file_sha256 == digest for secret in facts.secrets)


def _open(sealed: Path, plain: Path, *, dek: bytes) -> None:
    with sealed.open("rb") as source, plain.open("xb") as target:
        container.open_sealed(source, target, dek)


def _open_iexec(digest: Digest, sealed: Path, plain: Path, *, key: bytes) -> None:
    with sealed.open("rb") as source, plain.open("xb") as target:
        open_iexec(source, target, key, sha256=digest)

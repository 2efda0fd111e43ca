"""Quoting keys of a SIMULATED platform: its own authority's, or a key that a network's authority certified."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealgrid.attestation.evidence import Collateral
from sealgrid.attestation.simulated import MachineQuoter, SimulatedQuoter
from sealgrid.attestation.simulated_pki import Key, SimulatedPlatformKeys, new_key
from sealgrid.errors import InputRefused
from sealgrid.storage.atomic_file import write_file

ROOT_KEYS_FILE: Final = "simulated-root-keys.json"
_DAY: Final = 24 * 3600


class Quoters(Protocol):
    """Source of a platform's quoter."""

    @property
    def root_der(self) -> bytes:
        """Return the certificate of the root that certifies the machine."""

    def current(self) -> MachineQuoter:
        """Return the quoter, with collateral that is valid now."""


def load_or_create_keys(folder: Path, now: int) -> SimulatedPlatformKeys:
    """Return the platform's keys; the first call generates them. ``now`` is Unix seconds."""
    path = folder / ROOT_KEYS_FILE
    if path.exists():
        return SimulatedPlatformKeys.load(path.read_bytes())
    keys = SimulatedPlatformKeys.generate(now)
    write_file(path, keys.save(), replace=False)
    return keys


class AuthorityQuoters:
    """Quotes of the machine that has the authority's keys; ``clock`` returns Unix seconds."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self._clock, self._keys = clock, load_or_create_keys(folder, clock())
        self._quoter, self._day = SimulatedQuoter(self._keys, now=clock()), clock() // _DAY

    @property
    def root_der(self) -> bytes:
        """Return the certificate of the authority's root."""
        return self._keys.root_der

    def current(self) -> MachineQuoter:
        """Return the quoter, with collateral of today."""
        today = self._clock() // _DAY
        if today != self._day:  # collateral expires
            self._quoter, self._day = SimulatedQuoter(self._keys, now=self._clock()), today
        return self._quoter


class EnrolledQuoters:
    """Quotes of a machine whose key a network's authority certified; its collateral is replaced from time to time."""

    def __init__(self, key: Key, chain: str, root_der: bytes, collateral: bytes) -> None:
        self._key, self._chain, self._root_der = key, chain, root_der
        self._quoter = MachineQuoter(key, chain, Collateral(collateral))

    @property
    def root_der(self) -> bytes:
        """Return the certificate of the authority's root."""
        return self._root_der

    def current(self) -> MachineQuoter:
        """Return the quoter, with the newest collateral."""
        return self._quoter

    def replace_collateral(self, collateral: bytes) -> None:
        """Use newer collateral of the authority."""
        self._quoter = MachineQuoter(self._key, self._chain, Collateral(collateral))


def load_or_create_machine_key(path: Path) -> Key:
    """Return the PCK key of this machine, from a file of mode 0600; the first call generates it.

    Raises InputRefused for a damaged file.
    """
    if not path.exists():
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        write_file(path, new_key().private_bytes(*form), replace=False)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        # Without the cause: its message could contain key material.
        raise InputRefused(f"{path.name} is not the key of a machine; remove it, and the machine is enrolled again.")
    return key

"""Signatures of stations over their readings (EIP-712): what is signed, who signed it, and the roster of stations.

A station signs all its readings of one window, so a buyer can leave out a window but no reading of it. The digest of a
window is that of its readings in the file's order, each as time and value (and arrival, where the file has it).
"""

import hashlib
from dataclasses import dataclass

import coincurve
import numpy as np

from .keccak import keccak256
from .messages import Messages
from .readings import Integers, to_micro

ADDRESS_BYTES = 20
_ABSENT = -(2**63)  #: in place of a value or an arrival that is missing
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_DOMAIN_TYPE = b"EIP712Domain(string name,string version)"
_WINDOW_TYPE = b"SignedWindow(string sensor,uint64 interval,uint64 start,uint64 end,bytes32 readings)"


@dataclass(frozen=True)
class WindowStatement:
    """What a station signs. Not about a chain: readings may serve several feeds."""

    sensor: str
    interval: int  #: seconds between two slots
    start: int  #: Unix seconds, a multiple of ``interval``
    end: int  #: the first second after the window, a multiple too
    readings: bytes  #: SHA-256 of the readings whose slots are in the window

    def digest(self) -> bytes:
        """Return the 32 bytes that are signed."""
        numbers = (_word(number) for number in (self.interval, self.start, self.end))
        fields = (keccak256(_WINDOW_TYPE), keccak256(self.sensor.encode()), *numbers, self.readings)
        return keccak256(b"\x19\x01", _DOMAIN, keccak256(*fields))


@dataclass(frozen=True)
class Registration:
    """One entry of a feed's roster: from now on this station's key signs for the sensor."""

    sensor: str
    station: bytes  #: address, 20 bytes


@dataclass(frozen=True)
class Roster:
    """Every registration of one feed contract, in their order."""

    chain: int
    feed: bytes  #: address, 20 bytes
    registrations: tuple[Registration, ...]

    def digest(self) -> bytes:
        """Return what the contract DataFeed stores as its ``roster``."""
        digest = keccak256(_word(self.chain), self.feed.rjust(32, b"\0"))
        for each in self.registrations:
            digest = keccak256(digest, keccak256(each.sensor.encode()), each.station.rjust(32, b"\0"))
        return digest

    def stations(self) -> dict[str, bytes]:
        """Return the present key of each sensor."""
        return {each.sensor: each.station for each in self.registrations}


def signer(digest: bytes, signature: bytes) -> bytes | None:
    """Return the address that signed a digest; None unless r ‖ s ‖ v with low s (EIP-2) and v 27 or 28."""
    if len(signature) != 65 or signature[64] not in (27, 28) or int.from_bytes(signature[32:64], "big") > _ORDER // 2:
        return None
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except ValueError:
        return None
    return keccak256(key.format(compressed=False)[1:])[-ADDRESS_BYTES:]


def slots_of(messages: Messages, interval: int) -> Integers:
    """Return the slot of each message: the nearest multiple of ``interval`` seconds, divided by it."""
    slots: Integers = np.floor(messages.times / interval + 0.5).astype(np.int64)
    return slots


def digest_of_readings(messages: Messages, chosen: np.ndarray) -> bytes:
    """Return SHA-256 of the chosen messages of one sensor: time, value and arrival in millionths, 64 bits each."""
    times, values, received = messages.times[chosen], messages.values[chosen], messages.received[chosen]
    rows = np.empty((len(times), 3), dtype=">i8")
    finite = np.nan_to_num(values, posinf=np.finfo(float).max, neginf=np.finfo(float).min)
    rows[:, 0] = np.rint(times * 1_000_000)
    rows[:, 1] = np.where(np.isnan(values), _ABSENT, to_micro(finite))
    rows[:, 2] = np.where(np.isnan(received), _ABSENT, np.rint(np.nan_to_num(received) * 1_000_000))
    return hashlib.sha256(rows.tobytes()).digest()


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


_DOMAIN = keccak256(keccak256(_DOMAIN_TYPE), keccak256(b"Sealgrid readings"), keccak256(b"1"))

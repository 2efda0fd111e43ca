"""Pad results to one of few sizes, to hide their length (Padmé)."""

from sealgrid.errors import InputRefused

MINIMUM = 64 << 10
_LENGTH = 8


def padded_size(size: int) -> int:
    """Return the padded size of ``size`` bytes: Padmé (Nikitin et al., PETS 2019), at least 64 KiB.

    It leaks O(log log size) bits of the length and adds at most 12 %.
    """
    total = max(size + _LENGTH, MINIMUM)
    exponent = total.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return total + mask & ~mask


def pad(content: bytes) -> bytes:
    """Return u64 big-endian length ‖ content ‖ zeros."""
    filled = padded_size(len(content))
    return len(content).to_bytes(_LENGTH, "big") + content + bytes(filled - _LENGTH - len(content))


def unpad(padded: bytes) -> bytes:
    """Return the content; raise InputRefused unless the padding is exactly that of ``pad``."""
    size = int.from_bytes(padded[:_LENGTH], "big")
    if len(padded) < MINIMUM or size > len(padded) - _LENGTH or padded_size(size) != len(padded):
        raise InputRefused("the padding of the result does not match its length.")
    if padded.count(0, _LENGTH + size) != len(padded) - _LENGTH - size:
        raise InputRefused("the padding of the result is not all zeros.")
    return padded[_LENGTH : _LENGTH + size]

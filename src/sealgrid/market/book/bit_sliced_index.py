"""Bit-sliced index (O'Neil and Quass, 1997): one bitmap per binary digit, for comparisons of many numbers. Pure.

The cost of a comparison depends on the digits alone, not on the number of distinct values.
"""

from pyroaring import BitMap


class BitSlicedIndex:
    """Row numbers of up to ``digits`` binary digits; larger numbers are stored as the largest."""

    def __init__(self, digits: int) -> None:
        self._largest = (1 << digits) - 1
        self._rows: dict[int, BitMap] = {}  #: digit → the rows that have it; none is empty

    def put(self, row: int, number: int) -> None:
        """Add a row's number."""
        for digit in _digits(min(number, self._largest)):
            self._rows.setdefault(digit, BitMap()).add(row)

    def drop(self, row: int, number: int) -> None:
        """Remove a row's number."""
        for digit in _digits(min(number, self._largest)):
            self._rows[digit].discard(row)
            if not self._rows[digit]:
                del self._rows[digit]

    def at_least(self, minimum: int, among: BitMap) -> BitMap:
        """Return the rows of ``among`` whose number is at least ``minimum``."""
        larger, same = BitMap(), among
        for digit in sorted(self._rows.keys() | set(_digits(minimum)), reverse=True):
            rows = self._rows.get(digit, BitMap())
            if minimum >> digit & 1:
                same = same & rows
            else:
                larger |= same & rows
                same = same - rows
        return larger | same

    def with_all_bits(self, bits: int, among: BitMap) -> BitMap:
        """Return the rows of ``among`` whose number has all these bits."""
        for digit in _digits(bits):
            among = among & self._rows.get(digit, BitMap())
        return among

    def with_only_bits(self, bits: int, among: BitMap) -> BitMap:
        """Return the rows of ``among`` whose number has only these bits."""
        others = [rows for digit, rows in self._rows.items() if not bits >> digit & 1]
        return among - BitMap.union(*others) if others else among


def _digits(number: int) -> list[int]:
    return [digit for digit in range(number.bit_length()) if number >> digit & 1]

"""Numbers of many rows, a bitmap for each binary digit: comparing them all takes a few bitmap operations. Pure.

However different the numbers are: what is left of orders soon is (a bit-sliced index; O'Neil and Quass, 1997).
"""

from pyroaring import BitMap


class BitSlicedIndex:
    """Numbers of at most so many binary digits; a larger one counts as the largest."""

    def __init__(self, most: int) -> None:
        self._largest = (1 << most) - 1
        self._rows: dict[int, BitMap] = {}  #: digit → the rows that have it; none is empty

    def put(self, row: int, number: int) -> None:
        """File a row's number."""
        for digit in _of(min(number, self._largest)):
            self._rows.setdefault(digit, BitMap()).add(row)

    def drop(self, row: int, number: int) -> None:
        """Forget a row's number."""
        for digit in _of(min(number, self._largest)):
            self._rows[digit].discard(row)
            if not self._rows[digit]:
                del self._rows[digit]

    def at_least(self, least: int, among: BitMap) -> BitMap:
        """Return the rows among some whose number is no smaller."""
        larger, same = BitMap(), among
        for digit in sorted(self._rows.keys() | set(_of(least)), reverse=True):
            having = self._rows.get(digit, BitMap())
            if least >> digit & 1:
                same = same & having
            else:
                larger |= same & having
                same = same - having
        return larger | same

    def having(self, bits: int, among: BitMap) -> BitMap:
        """Return the rows among some whose number has all these bits."""
        for digit in _of(bits):
            among = among & self._rows.get(digit, BitMap())
        return among

    def within(self, bits: int, among: BitMap) -> BitMap:
        """Return the rows among some whose number has no other bits than these."""
        others = [rows for digit, rows in self._rows.items() if not bits >> digit & 1]
        return among - BitMap.union(*others) if others else among


def _of(number: int) -> list[int]:
    return [digit for digit in range(number.bit_length()) if number >> digit & 1]

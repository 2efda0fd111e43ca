"""Reads one cell as a number, in the spellings of spreadsheets, databases and programs, in any locale.

``1,234`` is 1234 where a point separates decimals, and 1.234 where a comma does. One cell cannot say which, so that a
spelling has both values; ``columns.kinds`` decides for the whole column.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from .currencies import take_currency

MAX_NUMBER = 1e100  #: sums of squares of larger numbers overflow
MAX_LENGTH = 60  #: characters; longer cells are texts
MIN_YEAR, MAX_YEAR = 1500, 2500
PRECISE_DIGITS = 15  #: of a float; longer whole numbers are identifiers

_PLAIN = re.compile(r"([+-]?)(\d*)(\.?)(\d*)([eE][+-]?\d{1,3})?", re.ASCII)
_BODY = re.compile(r"([0-9.,' _٬٫]*[0-9][0-9.,' _٬٫]*?)(?:[eE]([+-]?[0-9]{1,3}))?")
_NEUTRAL_GROUPS = "' _٬"  #: they separate thousands and never decimals
_MINUS = "−‐‑‒–—﹣－⁻➖"
_SPACES = "\u00a0\u202f\u2009\u2007\u2008\u200a\u2002\u2003\u2004\u2005\u2006\u3000\t"
_IGNORED = (
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\0"
)
_CHARACTERS = {
    **dict.fromkeys(map(ord, _MINUS), "-"),
    **dict.fromkeys(map(ord, _SPACES), " "),
    **dict.fromkeys(map(ord, _IGNORED), ""),
    **dict.fromkeys(map(ord, "’‘ʼ´`＇"), "'"),
    **dict(zip(map(ord, "＋．，％（）＿。､،٪﹪"), "+.,%()_.,,%%", strict=True)),
}
_BEFORE_SIGN = frozenset("0123456789%‰")
_SHARES = frozenset("%‰")
_NO_CENTS = re.compile(r"(?<=\d)([.,](--?|=)|/-)$")  # "50,-" and "50.--", "50/-" in India
_FLAG = re.compile(r"(?<=[\d%‰)]) ?(\*{1,4}|[†‡]{1,3}|\[[0-9a-z]{1,2}\])$")  # "9.5*" and "9.5[1]"
_FORTRAN = re.compile(r"[+-]?\d*\.\d*[Dd][+-]\d{2,3}", re.ASCII)


class Reread:
    """What a spelling has besides digits, a point and a sign; the bits of ``ParsedNumber.reread``."""

    CURRENCY = 1
    SHARE = 2
    DIGITS = 4  #: of another script
    NEGATIVE = 8  #: a minus after the number, brackets, or another character for minus
    GROUPS = 16  #: separators that are certainly of thousands
    DASH = 32  #: a currency with a dash, as spreadsheets write 0 in accounts
    PADDED = 64  #: a whole number that begins with 0
    LONG = 128  #: a whole number of more digits than a float has
    PLUS = 256  #: a plus before eight digits or more, as before phone numbers
    BARE = 512  #: digits alone
    FLAG = 1024  #: a mark of a footnote behind it
    EXPONENT = 2048  #: whole digits with an exponent, as 9E2


class ParsedNumber(NamedTuple):
    """One cell as a number."""

    point: float | None  #: its value where a point separates decimals; None if it has none there
    comma: float | None  #: its value where a comma does
    unit: str = ""  #: a currency, "%" or "‰"
    reread: int = 0


@lru_cache(maxsize=1 << 16)
def read_number(cell: str) -> ParsedNumber | None:
    """Return a cell as a number; None for any other text."""
    if len(cell) > MAX_LENGTH:
        return None
    if _FORTRAN.fullmatch(cell):
        cell = cell.replace("D", "E").replace("d", "e")
    if (plain := _PLAIN.fullmatch(cell)) and (plain[2] or plain[4]):
        return _plain(*plain.groups())
    text, reread = _in_ascii(cell)
    return _signed(text, reread) if text else None


def _plain(sign: str, whole: str, mark: str, fraction: str, exponent: str | None) -> ParsedNumber | None:
    """Return a number as programs write it; most cells are such."""
    if not mark and exponent is None:
        return _spelling(whole, "", 0, negative=sign == "-", plus=sign == "+")
    value = float(f"{sign}{whole}.{fraction}{exponent or ''}")
    if abs(value) > MAX_NUMBER:
        return None
    if not mark:
        return ParsedNumber(value, value, "", Reread.EXPONENT)
    grouped = exponent is None and len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    if grouped:
        return ParsedNumber(value, float(sign + whole + fraction))
    return ParsedNumber(value, None)


def _in_ascii(cell: str) -> tuple[str, int]:
    reread = 0
    if cell.isascii():
        return cell, reread
    text = cell.translate(_CHARACTERS)
    if any(mark in cell for mark in _MINUS):
        reread |= Reread.NEGATIVE
    if not text.isascii() and any(character.isdecimal() and not character.isascii() for character in text):
        text = "".join(str(int(each)) if each.isdecimal() else each for each in text)
        reread |= Reread.DIGITS
    return text.strip(), reread


def _signed(text: str, reread: int) -> ParsedNumber | None:
    """Remove signs, brackets, currency and percent from both ends."""
    sign, unit = "", ""
    if flagged := _FLAG.search(text):
        text, reread = text[: flagged.start()], reread | Reread.FLAG
    while text:
        text = _NO_CENTS.sub("", text)
        if not sign and (signed := _take_sign(text)):
            sign, text, seen = signed
            reread |= seen
        elif not unit and (with_unit := _take_unit(text)):
            unit, text, seen = with_unit
            reread |= seen
            if text in {"-", "--"} and not sign:
                return ParsedNumber(0.0, 0.0, unit, reread | Reread.DASH)
        else:
            return _spelling(text, unit, reread, negative=sign == "-", plus=sign == "+")
    return None


def _take_sign(text: str) -> tuple[str, str, int] | None:
    if text[0] in "+-" and len(text) > 1:
        return text[0], text[1:].lstrip(), 0
    if text[0] == "(" and text[-1] == ")":
        return "-", text[1:-1].strip(), Reread.NEGATIVE
    if text[-1] in "+-" and text[:-1].rstrip()[-1:] in _BEFORE_SIGN:
        return text[-1], text[:-1].rstrip(), Reread.NEGATIVE
    return None


def _take_unit(text: str) -> tuple[str, str, int] | None:
    if text[0] in _SHARES:
        return text[0], text[1:].lstrip(), Reread.SHARE
    if text[-1] in _SHARES:
        return text[-1], text[:-1].rstrip(), Reread.SHARE
    found = take_currency(text)
    return None if found is None else (*found, Reread.CURRENCY)


def _spelling(body: str, unit: str, reread: int, *, negative: bool, plus: bool) -> ParsedNumber | None:
    found = _BODY.fullmatch(body)
    if not found:
        return None
    whole, exponent = found[1], found[2]
    if exponent is None and whole.isdigit():
        spelling = _digits(whole, reread)
        if plus and len(whole) >= 8 and not unit:
            spelling = spelling._replace(reread=spelling.reread | Reread.PLUS)
    else:
        point, comma = _value(whole, ".", ",", exponent), _value(whole, ",", ".", exponent)
        if point is None and comma is None:
            return None
        if any(mark in whole for mark in _NEUTRAL_GROUPS) or whole.count(",") > 1 or whole.count(".") > 1:
            reread |= Reread.GROUPS
        spelling = ParsedNumber(point, comma, unit, reread)
    if unit:  # an amount is no identifier
        spelling = spelling._replace(unit=unit, reread=spelling.reread & ~(Reread.PADDED | Reread.LONG | Reread.BARE))
    if not negative:
        return spelling._replace(reread=spelling.reread & ~Reread.NEGATIVE) if reread else spelling
    point, comma = (None if value is None else -value for value in spelling[:2])
    return spelling._replace(point=point, comma=comma, reread=spelling.reread & ~Reread.BARE)


def _digits(whole: str, reread: int) -> ParsedNumber:
    if len(whole) > 1 and whole[0] == "0":
        reread |= Reread.PADDED
    elif len(whole) > PRECISE_DIGITS:
        reread |= Reread.LONG
    value = float(whole)
    return ParsedNumber(value, value, "", reread | Reread.BARE)


def _value(whole: str, decimal: str, other: str, exponent: str | None) -> float | None:
    """Return the value of digits and separators where ``decimal`` separates decimals."""
    if "٫" in whole:
        if decimal in whole:
            return None
        whole = whole.replace("٫", decimal)
    digits, separator, fraction = whole.partition(decimal)
    if fraction and not fraction.isdigit():
        return None
    marks = {mark for mark in digits if not mark.isdigit()}
    if marks:
        if len(marks) > 1 or exponent is not None or not _is_grouped(digits, mark := marks.pop(), other):
            return None
        digits = digits.replace(mark, "")
    if not digits and not (separator and fraction):
        return None
    value = float(f"{digits or 0}.{fraction or 0}e{exponent or 0}")
    return value if value <= MAX_NUMBER else None


def _is_grouped(digits: str, mark: str, other: str) -> bool:
    if mark != other and mark not in _NEUTRAL_GROUPS:
        return False
    first, *groups = digits.split(mark)
    if not first or first[0] == "0" or len(groups[-1]) != 3:
        return False
    threes = len(first) <= 3 and all(len(group) == 3 for group in groups)
    indian = mark in ",٬" and len(first) <= 2 and all(len(group) == 2 for group in groups[:-1])  # 12,34,567
    return threes or indian


def is_year(value: float | None) -> bool:
    """Return whether a number is whole and from ``MIN_YEAR`` to ``MAX_YEAR``."""
    return value is not None and MIN_YEAR <= value <= MAX_YEAR and value == int(value)

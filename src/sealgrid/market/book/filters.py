"""Parses iExec's query parameters into filters."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.market.book.order_index import (
    AtLeastFilter,
    AtMostFilter,
    Filter,
    HasBitsFilter,
    OneOfFilter,
    OnlyBitsFilter,
)
from sealgrid.market.book.order_kinds import KINDS, OrderKind
from sealgrid.market.chain.deals import FILTERS
from sealgrid.poco.tags import bits
from sealgrid.units import ZERO_ADDRESS, Digest, to_address, to_digest
from sealgrid.wire.market import Kind

ANY: Final = "any"  #: value of an address filter that matches every address
MIN_PAGE, PAGE, MAX_PAGE = 10, 20, 1000
_MAX_NUMBER: Final = 2**53 - 2  #: of a number in a query, as iExec's
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,16}")
GROUPED: Final = "grouped"
_PAGING: Final = ("page", "pageIndex", "pageSize")
DEAL_PARAMETERS: Final = (*FILTERS, *_PAGING)
CATEGORY_PARAMETERS: Final = ("minWorkClockTimeRef", "maxWorkClockTimeRef", *_PAGING)


class OrderQuery(msgspec.Struct, frozen=True):
    """A parsed query for one page of orders."""

    filters: tuple[Filter, ...]
    start: int
    size: int
    offers: bool = False  #: one order of each offer, with the remaining uses of the offer


def order_parameters(kind: Kind) -> tuple[str, ...]:
    """Return the query parameters of one kind."""
    rules = KINDS[kind]
    strict = (_strict(name) for name in (*rules.restrict, *rules.strict))
    more = [name for name in (rules.owner, rules.trust, "bulkOnly" if rules.asset == "dataset" else "") if name]
    grouped = (GROUPED,) if rules.offered else ()
    return (*rules.equal, *rules.restrict, *strict, *more, *grouped, "minTag", "maxTag", "minVolume", *_PAGING)


def parse_order_query(kind: Kind, params: Mapping[str, str]) -> OrderQuery:
    """Parse query parameters; raise InputRefused for an unknown or invalid one."""
    rest = dict(params)
    start, size = _page(rest)
    rules = KINDS[kind]
    # As iExec's market: apps and datasets need an asset or an owner; "any" is a valid value.
    if rules.asset in ("app", "dataset") and rules.asset not in rest and rules.owner not in rest:
        raise InputRefused(f"{rules.asset} or {rules.owner} is required", hint=f"{rules.asset}=any shows all.")
    grouped = rules.offered and _boolean(rest, GROUPED)
    if grouped and "minVolume" in rest:
        raise InputRefused(f"minVolume applies to single orders; omit {GROUPED} to use it.")
    filters = (*_field_filters(rules, rest), *_bounds(rules, rest))
    if rest:
        raise InputRefused(f"{kind} cannot be filtered by {', '.join(sorted(rest))[:80]}.")
    return OrderQuery((*filters, OneOfFilter("first", (True,))) if grouped else filters, start, size, grouped)


def parse_deal_query(params: Mapping[str, str]) -> tuple[dict[str, str | int], int, int]:
    """Parse the query of a page of deals: filters, start, size."""
    rest = dict(params)
    start, size = _page(rest)
    conditions: dict[str, str | int] = {}
    for name in FILTERS.keys() & rest.keys():
        if name == "category":
            conditions[name] = _number(rest, name, 0)
        elif name.endswith("Hash"):
            conditions[name] = _hash(rest, name)
        elif (address := _address(rest, name)) is not None:
            conditions[name] = address
    if rest:
        raise InputRefused(f"deals cannot be filtered by {', '.join(sorted(rest))[:80]}.")
    return conditions, start, size


def parse_category_query(params: Mapping[str, str]) -> tuple[int, int, int, int]:
    """Parse the query of a page of categories: minimum and maximum seconds, start, size."""
    rest = dict(params)
    start, size = _page(rest)
    least, most = _number(rest, "minWorkClockTimeRef", 0), _number(rest, "maxWorkClockTimeRef", _MAX_NUMBER)
    if rest:
        raise InputRefused(f"categories cannot be filtered by {', '.join(sorted(rest))[:80]}.")
    return least, most, start, size


def parse_category(params: Mapping[str, str]) -> int:
    """Parse the ``category`` parameter."""
    rest = dict(params)
    if "category" not in rest:
        raise InputRefused("category is a required field")
    return _number(rest, "category", 0)


def next_page(start: int, size: int, count: int) -> int | None:
    """Return the offset of the next page; None on the last. iExec's SDK uses only whether there is one."""
    return start + size if start + size < count else None


def _page(rest: dict[str, str]) -> tuple[int, int]:
    numbered = "pageIndex" in rest or "pageSize" in rest
    size = _number(rest, "pageSize", PAGE, least=MIN_PAGE, most=MAX_PAGE)
    skipped = _number(rest, "page", 0)  # iExec's older parameter: an offset
    return (_number(rest, "pageIndex", 0) * size if numbered else skipped), size


def _field_filters(rules: OrderKind, rest: dict[str, str]) -> Iterator[Filter]:
    for name in rules.equal:
        if name not in rest:
            continue
        if name == "category":
            yield OneOfFilter(name, (_number(rest, name, 0),))
        elif (address := _address(rest, name)) is not None:
            yield OneOfFilter(name, (address,))
    for name in rules.strict:
        _boolean(rest, _strict(name))
    if rules.owner in rest and (owner := _address(rest, rules.owner)) is not None:
        yield OneOfFilter("signer", (owner,))
    for name, field in rules.restrict.items():
        strict = _boolean(rest, _strict(name))
        if name not in rest:
            yield OneOfFilter(field, (ZERO_ADDRESS,))
        elif (address := _address(rest, name)) is not None:
            yield OneOfFilter(field, (address,) if strict else (ZERO_ADDRESS, address))


def _strict(name: str) -> str:
    return f"is{name.capitalize()}Strict"


def _bounds(rules: OrderKind, rest: dict[str, str]) -> Iterator[Filter]:
    if "minTag" in rest:
        yield HasBitsFilter("tag", bits(_hash(rest, "minTag")))
    if "maxTag" in rest:
        yield OnlyBitsFilter("tag", bits(_hash(rest, "maxTag")))
    if (volume := _number(rest, "minVolume", 1, least=1)) > 1:
        yield AtLeastFilter("remaining", volume)
    if rules.trust == "minTrust" and (trust := _number(rest, "minTrust", 0)) > 1:
        yield AtLeastFilter("trust", trust)
    if rules.trust == "maxTrust" and "maxTrust" in rest:
        yield AtMostFilter("trust", _number(rest, "maxTrust", 0))
    if rules.asset == "dataset" and _boolean(rest, "bulkOnly"):
        yield OneOfFilter("bulk", (True,))


def _number(rest: dict[str, str], name: str, default: int, *, least: int = 0, most: int = _MAX_NUMBER) -> int:
    text = rest.pop(name, str(default))
    if not _WHOLE_NUMBER.fullmatch(text):
        raise InputRefused(f"{name} is a whole number from {least} to {most}.")
    number = int(text)
    if number < least:
        raise InputRefused(f"{name} must be greater than or equal to {least}")
    if number > most:
        raise InputRefused(f"{name} must be less than or equal to {most}")
    return number


def _boolean(rest: dict[str, str], name: str) -> bool:
    text = rest.pop(name, "false")
    if text.lower() not in ("true", "1", "false", "0"):
        raise InputRefused(f'{name} must be a `boolean` type, but the final value was: `"{text[:40]}"`.')
    return text.lower() in ("true", "1")


def _address(rest: dict[str, str], name: str) -> str | None:
    text = rest.pop(name)
    if text.lower() == ANY:
        return None
    try:
        return to_address(text)
    except ValueError as error:
        raise InputRefused(f"{name} is not a valid address: give 0x and 40 hex digits, or any.") from error


def _hash(rest: dict[str, str], name: str) -> Digest:
    try:
        return to_digest(rest.pop(name))
    except ValueError as error:
        raise InputRefused(f"{name} is not a valid bytes32: give 0x and 64 hex digits.") from error

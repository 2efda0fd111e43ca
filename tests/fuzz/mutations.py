"""Bytes as a stranger would send them: real ones, damaged in the ways that break parsers, and plain noise."""

from hypothesis import strategies as st

#: numbers that parsers get wrong, little- and big-endian
_EDGES = [
    value.to_bytes(width, order)
    for width in (1, 2, 4, 8)
    for order in ("little", "big")
    for value in (0, 1, (1 << 8 * width - 1) - 1, 1 << 8 * width - 1, (1 << 8 * width) - 1)
]
_TEXT = [
    b'"',
    b"[",
    b"{",
    b"}",
    b"]",
    b",",
    b":",
    b"\\",
    b"null",
    b"-1",
    b"1e999",
    b"9" * 40,
    b'"\\ud800"',
    b"\xff",
    b"\0",
]


@st.composite
def damaged(draw, seeds):
    """One of the seeds with up to four damages."""
    raw = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        length = draw(st.integers(1, 64))
        how = draw(st.sampled_from(("flip", "put", "cut", "end", "again", "insert")))
        if how == "flip" and at < len(raw):
            raw[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "put":
            value = draw(st.sampled_from(_EDGES))
            raw[at : at + len(value)] = value
        elif how == "cut":
            del raw[at : at + length]
        elif how == "end":
            del raw[at:]
        elif how == "again":
            raw[at:at] = raw[at : at + length] * draw(st.integers(1, 8))
        else:
            raw[at:at] = draw(st.sampled_from(_TEXT) | st.binary(max_size=length))
    return bytes(raw)


def hostile(seeds):
    """Damaged seeds, mostly, and noise."""
    return st.one_of(damaged(seeds), damaged(seeds), damaged(seeds), st.binary(max_size=256))


def nested(depth=50_000):
    """Documents that nest deeper than any stack."""
    return [b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth, b"\x91" * depth, b"\x81\xa1a" * depth]

"""One parser of a stranger's bytes, as the fuzz tests take it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.errors import SealgridError

MIB = 1 << 20
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Parser:
    """One parser."""

    name: str
    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    longest: int  #: bytes
    bound: int  #: bytes of memory beyond what it is given
    refuses: tuple[type[Exception], ...] = (SealgridError,)  #: all that it may raise
    hostile: tuple[bytes, ...] = field(default=())  #: made to cost memory or time

"""Parses the project's modules, each once."""

import ast
from functools import cache
from typing import Final

_TRIES: Final = 5


@cache
def parse(source: str) -> ast.Module:
    """Return the syntax tree of a module.

    Tries again after a SystemError: a finalizer that parses meanwhile disturbs CPython before 3.11.5 (issue 106905).
    """
    for _ in range(_TRIES - 1):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)

"""Arguments of the requester."""

import argparse
from dataclasses import dataclass
from typing import NoReturn

from .errors import RunRefused


@dataclass(frozen=True)
class Options:
    outputs: tuple[str, ...]  #: names; none means all tensors
    top: int | None  #: how many of the highest values of each row to list


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RunRefused(f"{message}; this app takes --outputs NAME,NAME and --top N.")


def parse(arguments: list[str]) -> Options:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--outputs", default="")
    parser.add_argument("--top", type=_positive)
    options = parser.parse_args(arguments)
    return Options(outputs=tuple(name for name in options.outputs.split(",") if name), top=options.top)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number

"""Give every parser its costliest inputs under a limit on the process's address space; print what broke it."""

import json
import random
import resource
import signal
import sys
from pathlib import Path

from tests.fuzz.mutations import nested
from tests.fuzz.parser import Parser
from tests.fuzz.parsers import parsers

SECONDS = 60  #: a parser that takes longer over one input hangs


def main() -> None:
    """Print a JSON list of [parser, size of the input, error]."""
    signal.signal(signal.SIGALRM, _hung)
    broken = []
    for parser in parsers():
        for raw in _inputs(parser):
            failure = _under(parser, raw)
            if failure:
                broken.append([parser.name, len(raw), failure])
    print(json.dumps(broken))  # noqa: T201


def _inputs(parser: Parser) -> list[bytes]:
    noise = random.Random(1).randbytes(parser.longest)
    seed = max(parser.seeds, key=len)
    long = [
        noise,
        bytes(parser.longest),
        seed + noise[: parser.longest - len(seed)],
        b"[" + b"1," * (parser.longest // 2),
    ]
    return [*parser.seeds, *parser.hostile, *(each[: parser.longest] for each in (*long, *nested()))]


def _under(parser: Parser, raw: bytes) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + parser.bound, resource.RLIM_INFINITY))
    signal.alarm(SECONDS)
    try:
        parser.parse(raw)
    except parser.refuses:
        return ""
    except (MemoryError, TimeoutError) as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001  any other is what we look for
        return f"{type(error).__name__}: {error}"[:200]
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return ""


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _hung(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    sys.exit(main())

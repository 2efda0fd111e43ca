"""A parser accepts or refuses any bytes: no crash, no hang, bounded memory.

``make test`` tries the same few hundred inputs each time; ``make fuzz`` new ones, for SEALGRID_FUZZ_SECONDS a parser.
"""

import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.mutations import hostile, nested
from tests.fuzz.parser import ROOT
from tests.fuzz.parsers import parsers

SECONDS = float(os.environ.get("SEALGRID_FUZZ_SECONDS", "0"))
BATCH = 60  #: examples; one batch, the same each time, or new ones until the time is over

every_parser = pytest.mark.parametrize("parser", parsers(), ids=lambda parser: parser.name)


def answered(parser, raw):
    try:
        parser.parse(raw)
    except parser.refuses:
        return False
    return True


@every_parser
def test_damaged_bytes_are_parsed_or_refused_with_the_parsers_own_error(parser):
    @settings(
        max_examples=BATCH,
        derandomize=not SECONDS,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(raw=hostile(parser.seeds))
    def tried(raw):
        answered(parser, raw[: parser.longest])

    end = time.monotonic() + SECONDS
    tried()
    while time.monotonic() < end:
        tried()


@every_parser
def test_what_was_not_damaged_is_read(parser):
    """Otherwise the damage would only ever reach the first check."""
    assert any(answered(parser, seed) for seed in parser.seeds)


@every_parser
def test_what_nests_deeper_than_any_stack_is_refused(parser):
    for raw in nested():
        answered(parser, raw[: parser.longest])


def test_no_input_takes_more_memory_or_time_than_is_stated():
    """In a process of its own, whose address space ends at each parser's bound."""
    child = [sys.executable, "-m", "tests.fuzz.bounded"]
    ended = subprocess.run(
        child,
        cwd=ROOT,
        env=os.environ | {"MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads(ended.stdout) == []


def test_the_stated_bounds_are_these():
    stated = (ROOT / "docs" / "protocol" / "limits.md").read_text()
    for parser in parsers():
        assert f"| {parser.name} | {_size(parser.longest)} | {_size(parser.bound)} |" in stated


def _size(count):
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB" if count >= 1 << 14 else f"{count} bytes"

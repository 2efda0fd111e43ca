"""Messages that clients can cause do not fill a log."""

import logging

import pytest

from sealgrid.wire.log_rate_limit import LINES_PER_MINUTE, RepeatFilter
from sealgrid.wire.service_access import ServiceAccess
from tests.unit.wire.serving_on_loopback import Raw, serving


def test_a_message_that_repeats_is_written_a_few_times_a_minute_and_then_counted():
    now = [0.0]
    repeats = RepeatFilter(lambda: now[0])

    def written(message: str) -> str:
        record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, message, (), None)
        return record.getMessage() if repeats.filter(record) else ""

    assert sum(bool(written("Invalid HTTP request received.")) for _ in range(1000)) == LINES_PER_MINUTE
    assert written("another message")
    now[0] = 61
    assert "990 more" in written("Invalid HTTP request received.")
    assert "more" not in written("another message")


async def test_bad_requests_do_not_fill_a_log(caplog: pytest.LogCaptureFixture):
    async with serving(ServiceAccess()) as port:
        for _ in range(30):
            raw = await Raw.open(port, b"\x16\x03\x01 nonsense\r\n\r\n")
            assert b" 400 " in await raw.rest()
            await raw.close()
    lines = [record for record in caplog.records if "Invalid HTTP request" in record.getMessage()]
    assert len(lines) <= LINES_PER_MINUTE

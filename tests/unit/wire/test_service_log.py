"""Log lines of a service: text with the time in UTC, or JSON, as the environment says."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from sealgrid.errors import InputRefused
from sealgrid.wire.service_log import FORMAT_VARIABLE, configure_logging


@pytest.fixture(autouse=True)
def restore_root() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before, level


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_of_text_has_time_level_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("sealgrid.pool").warning("the chain cannot be followed now: %s", "no answer")
    [line] = written(capsys)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ WARNING sealgrid\.pool: the chain cannot be followed now: no answer", line
    )


def test_a_line_of_json_is_one_object_also_with_an_exception(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FORMAT_VARIABLE, "json")
    configure_logging()
    log = logging.getLogger("sealgrid.web")
    log.info("indexed %d blocks\nand more", 3)
    try:
        int("no block")
    except ValueError:
        log.exception("the chain cannot be indexed")
    first, second = map(json.loads, written(capsys))
    assert {first["event"], first["level"], first["logger"]} == {"indexed 3 blocks\nand more", "info", "sealgrid.web"}
    assert first["timestamp"].endswith("Z")
    assert second["level"] == "error"
    assert "ValueError: invalid literal" in second["exception"]


@pytest.mark.parametrize("name", ["text", "json"])
def test_requests_of_http_clients_are_not_written(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FORMAT_VARIABLE, name)
    configure_logging()
    logging.getLogger("httpx").info("HTTP Request: GET http://127.0.0.1/files/0x00")
    assert written(capsys) == []


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORMAT_VARIABLE, "xml")
    with pytest.raises(InputRefused, match="'text' or 'json'"):
        configure_logging()

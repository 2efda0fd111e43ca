"""Log lines of a service on standard error: text for people, or one JSON object a line for a log collector."""

import logging
import os
import time
from typing import Final

from sealgrid.errors import InputRefused

FORMAT_VARIABLE: Final = "SEALGRID_LOG_FORMAT"  #: text, which is the default, or json
_TEXT: Final = "%(asctime)sZ %(levelname)s %(name)s: %(message)s"


def configure_logging() -> None:
    """Write the records of this process in the format that the environment names; raise InputRefused for another.

    Replaces what an earlier call configured. Uvicorn writes nothing about single requests.
    """
    name = os.environ.get(FORMAT_VARIABLE, "") or "text"
    if name not in {"text", "json"}:
        raise InputRefused(f"{FORMAT_VARIABLE} is {name[:40]!r}; it is 'text' or 'json'.", money="")
    handler = logging.StreamHandler()
    handler.setFormatter(_json_formatter() if name == "json" else _text_formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for library in ("httpx", "httpcore", "alembic", "aiohttp.access", "uvicorn.access"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _text_formatter() -> logging.Formatter:
    formatter = logging.Formatter(_TEXT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter


def _json_formatter() -> logging.Formatter:
    import structlog  # noqa: PLC0415  most processes write text

    about = (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=about,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )

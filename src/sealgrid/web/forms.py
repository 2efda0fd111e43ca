"""Parses what browsers send: forms, JSON of the page's scripts, and addresses and digests in URLs."""

import datetime as dt
import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import TypeVar

import msgspec
from litestar.datastructures import FormMultiDict, UploadFile

from sealgrid.errors import DECODE_ERRORS, InputRefused, NotFound
from sealgrid.sdk.addresses import parse_address
from sealgrid.units import Address, Digest, TaskId, to_digest
from sealgrid.web.site import WebRequest

M = TypeVar("M")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


async def parse_form(request: WebRequest) -> FormMultiDict:
    """Return a form's fields.

    Raises InputRefused unless a page of this site sent it (``check_same_origin``), and for another content type: it
    would parse as an empty form, and an empty form buys a run.
    """
    check_same_origin(request)
    if not request.headers.get("content-type", _FORM_TYPES[0]).lower().startswith(_FORM_TYPES):
        raise InputRefused("the request is not a form of this site; nothing was done.")
    return await request.form()


async def parse_json(request: WebRequest, kind: type[M]) -> M:
    """Decode the JSON of a page's script; raise InputRefused as ``parse_form`` does, and for malformed JSON."""
    check_same_origin(request)
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except DECODE_ERRORS as error:
        raise InputRefused(f"the page's request cannot be parsed: {error}.") from error


def check_same_origin(request: WebRequest) -> None:
    """Raise InputRefused for a request without an Origin header: no page of this site sent it (CSRF).

    ``guard`` of wire/server has already compared an Origin header with the site's own.
    """
    if "origin" not in request.headers:
        raise InputRefused("this form did not come from a page of this site; open the page again.")


async def read_uploads(uploads: Sequence[UploadFile]) -> list[tuple[str, bytes]]:
    """Return the uploaded files as (base name, content); skip fields without a file."""
    return [(PurePath(upload.filename).name, await upload.read()) for upload in uploads if upload.filename]


def split_arguments(text: str) -> list[str]:
    """Split arguments as a shell does; raise InputRefused for an open quotation mark."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputRefused(f"the arguments cannot be parsed: {error}.") from error


def form_text(form: FormMultiDict, name: str) -> str:
    """Return a field's text, stripped; empty if missing."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def form_count(form: FormMultiDict, name: str) -> int:
    """Return a field's whole number, at least 1; raise InputRefused for anything else."""
    text = form_text(form, name)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise InputRefused(f"{name}: {text[:40]!r} is not a whole number from 1 to 999999999.")
    return int(text)


def form_day(form: FormMultiDict, name: str) -> int | None:
    """Return the start of a field's date in UTC, Unix seconds; None if empty."""
    if not (text := form_text(form, name)):
        return None
    try:
        return int(dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).timestamp())
    except ValueError as error:
        raise InputRefused(f"{name}: {text[:40]!r} is not a date; write it as 2030-12-31.") from error


def path_address(text: str) -> Address:
    """Parse an address in a URL; raise NotFound if malformed."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise NotFound(f"{text[:60]!r} is not a valid address.", money="") from error


def path_digest(text: str) -> Digest:
    """Parse a digest in a URL; raise NotFound if malformed."""
    try:
        return to_digest(text.lower())
    except ValueError as error:
        raise NotFound(f"{text[:80]!r} is not a valid digest.", money="") from error


def path_task(text: str) -> TaskId:
    """Parse a task id in a URL; raise NotFound if malformed."""
    try:
        return TaskId(to_digest(text.lower()))
    except ValueError as error:
        raise NotFound(f"{text[:80]!r} is not a valid task id.", money="") from error

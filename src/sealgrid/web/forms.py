"""Read what a form sends."""

import datetime as dt
import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import TypeVar

import msgspec
from litestar.datastructures import FormMultiDict, UploadFile

from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import InputRefused
from sealgrid.web.site import Ask

M = TypeVar("M")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MOST_UPLOAD = 256 << 20  #: bytes of one form; larger files go through the command line


async def form_of(request: Ask) -> FormMultiDict:
    """Return a form's fields, which only a page of this site may have sent.

    Raises InputRefused unless the browser says that the form came from here: no other site may act for an account.
    What is no form is refused too: it would be read as an empty one, and buy.
    """
    expect_own_page(request)
    if not request.headers.get("content-type", FORMS[0]).lower().startswith(FORMS):
        raise InputRefused("this is no form, as a page of this site sends them; nothing was done.")
    return await request.form()


async def json_of(request: Ask, kind: type[M]) -> M:
    """Return what a script of a page sends; raises InputRefused as ``form_of``, and for what is no such message."""
    expect_own_page(request)
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except UNREADABLE as error:
        raise InputRefused(f"the page sent what cannot be read: {error}.") from error


def expect_own_page(request: Ask) -> None:
    """Raise InputRefused unless the browser says that this came from a page of this site.

    ``serving.guard`` has compared the origin with the configured ones before; a request without one is no page's.
    """
    if "origin" not in request.headers:
        raise InputRefused("this form did not come from a page of this site; open the page again.")


async def files_of(uploads: Sequence[UploadFile]) -> list[tuple[str, bytes]]:
    """Return the chosen files by their plain names; a field without a file is none."""
    return [(PurePath(upload.filename).name, await upload.read()) for upload in uploads if upload.filename]


def words_of(text: str) -> list[str]:
    """Return arguments as a shell would split them; raise InputRefused for an open quotation mark."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputRefused(f"the arguments cannot be read: {error}.") from error


def field_of(form: FormMultiDict, name: str) -> str:
    """Return a field's text, without the blanks around it; empty when the form has none."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def count_of(form: FormMultiDict, name: str) -> int:
    """Return a field's whole number, at least 1; raise InputRefused for anything else."""
    text = field_of(form, name)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise InputRefused(f"{name}: {text[:40]!r} is no whole number from 1 to 999999999.")
    return int(text)


def day_of(form: FormMultiDict, name: str) -> int | None:
    """Return when the day of a field begins in UTC, Unix seconds; None for an empty one."""
    if not (text := field_of(form, name)):
        return None
    try:
        return int(dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).timestamp())
    except ValueError as error:
        raise InputRefused(f"{name}: {text[:40]!r} is no day; write it as 2030-12-31.") from error

"""Parsing of what browsers send: forms of this site only, and malformed values refused."""

from typing import Any

import msgspec
import pytest
from litestar.datastructures import FormMultiDict

from sealgrid.errors import InputRefused, NotFound
from sealgrid.web import forms
from sealgrid.web.pages.wallet import StepsDone

FORM_HEADERS = {"origin": "http://localhost", "content-type": "application/x-www-form-urlencoded"}


class FakeRequest:
    """A request with headers, a form and a body."""

    def __init__(self, headers: dict[str, str], body: bytes = b"") -> None:
        self.headers, self._body = headers, body

    async def form(self) -> FormMultiDict:
        return FormMultiDict([("name", " value ")])

    async def body(self) -> bytes:
        return self._body


async def test_a_form_of_this_site_is_parsed() -> None:
    request: Any = FakeRequest(FORM_HEADERS)
    assert forms.form_text(await forms.parse_form(request), "name") == "value"


async def test_a_request_without_an_origin_is_refused() -> None:
    request: Any = FakeRequest({"content-type": FORM_HEADERS["content-type"]})
    with pytest.raises(InputRefused, match="did not come from a page of this site"):
        await forms.parse_form(request)
    with pytest.raises(InputRefused, match="did not come from a page of this site"):
        await forms.parse_json(request, StepsDone)


async def test_another_content_type_is_not_an_empty_form() -> None:
    request: Any = FakeRequest({**FORM_HEADERS, "content-type": "text/plain"})
    with pytest.raises(InputRefused, match="not a form"):
        await forms.parse_form(request)


@pytest.mark.parametrize("body", [b"", b"{", b'{"next": 1}', b'{"next": "/", "notice": "", "more": 1}', b"\xff"])
async def test_malformed_json_is_refused(body: bytes) -> None:
    request: Any = FakeRequest(FORM_HEADERS, body)
    with pytest.raises(InputRefused, match="cannot be parsed"):
        await forms.parse_json(request, StepsDone)


async def test_json_of_a_script_is_decoded() -> None:
    done = StepsDone(next="/tasks", notice="Done.")
    request: Any = FakeRequest(FORM_HEADERS, msgspec.json.encode(done))
    assert await forms.parse_json(request, StepsDone) == done


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1e3", "\u0661", "1234567890", "many"])
def test_a_count_is_a_whole_number_from_1(text: str) -> None:
    with pytest.raises(InputRefused, match="not a whole number"):
        forms.form_count(FormMultiDict([("uses", text)]), "uses")
    assert forms.form_count(FormMultiDict([("uses", " 12 ")]), "uses") == 12


def test_a_day_is_its_start_in_utc() -> None:
    assert forms.form_day(FormMultiDict([("until", "1970-01-02")]), "until") == 86_400
    assert forms.form_day(FormMultiDict([]), "until") is None
    with pytest.raises(InputRefused, match="not a date"):
        forms.form_day(FormMultiDict([("until", "02.01.1970")]), "until")


def test_arguments_are_split_as_a_shell_splits_them() -> None:
    assert forms.split_arguments("--name 'two words'") == ["--name", "two words"]
    with pytest.raises(InputRefused, match="cannot be parsed"):
        forms.split_arguments("'open")


def test_a_malformed_address_in_a_url_is_not_found() -> None:
    assert forms.path_address("0x" + "AB" * 20) == "0x" + "ab" * 20
    for parse in (forms.path_address, forms.path_digest, forms.path_task):
        with pytest.raises(NotFound):
            parse("0x12")

"""What page handlers share: the visitor's account, query parameters, notices and fragments."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from litestar import Response

from sealgrid.web.site import WALLET_COOKIE, Site, join_sentences, page_number, query_text, set_notice
from tests.unit.web.site_scene import VISITOR, WALLET, browser


def request_with(**parts: Any) -> Any:
    return SimpleNamespace(**{"query_params": {}, "cookies": {}, "headers": {}} | parts)


@pytest.mark.parametrize(
    ("text", "page"), [("3", 3), ("", 0), ("-1", 0), ("x", 0), ("\u0663", 0), ("1234567", 0), ("999999", 999_999)]
)
def test_a_malformed_page_number_is_the_first_page(text: str, page: int) -> None:
    assert page_number(request_with(query_params={"page": text})) == page


def test_a_query_parameter_is_cut() -> None:
    assert len(query_text(request_with(query_params={"q": "x" * 500}), "q")) == 200


def test_empty_sentences_are_skipped() -> None:
    assert join_sentences(["One.", "", "Two."]) == "One. Two."


def test_a_notice_without_sentences_sets_no_cookie() -> None:
    response = Response(None, status_code=204)
    set_notice(response, "")
    assert not response.cookies
    set_notice(response, "Done.", "x" * 2000)
    (cookie,) = response.cookies
    assert cookie.httponly
    assert len(unquote(str(cookie.value))) == 1000


def test_a_visitor_is_its_wallet_and_a_malformed_address_is_none(site: Site) -> None:
    assert site.visitor_address(request_with(cookies=WALLET)) == VISITOR
    assert site.visitor_address(request_with(cookies={WALLET_COOKIE: "0x12"})) is None
    assert site.dev_account(request_with()) == ""


async def test_a_notice_is_shown_once(site: Site) -> None:
    first = await browser(site, {"sealgrid_notice": "It%20is%20%3Cdone%3E."}).get("/tasks")
    assert "It is &lt;done&gt;." in first.text
    assert 'sealgrid_notice="' in first.headers["set-cookie"]
    assert "Max-Age=0" in first.headers["set-cookie"]


async def test_a_fragment_is_a_whole_page_for_a_direct_visit(site: Site) -> None:
    page, fragment = [
        (await browser(site).get("/models", headers=headers)).text for headers in ({}, {"hx-request": "1"})
    ]
    assert page.startswith("<!doctype html>")
    assert "<html" not in fragment

"""The documentation as pages: every link leads to a page, an anchor of one, or another site."""

import re

import pytest

from sealgrid.web.html.documents import INDEX, documents_folder, read_documents

DOCUMENTS = read_documents(documents_folder())


def test_the_index_and_every_howto_are_pages():
    howtos = {file.stem for file in (documents_folder() / "howto").glob("*.md")}
    assert {f"howto/{name}" for name in howtos} | {INDEX, "glossary"} <= set(DOCUMENTS)
    assert DOCUMENTS["howto/your-own-model"].title == "Sell the use of your own model"


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_every_link_leads_somewhere(path):
    for href in re.findall(r'href="([^"]*)"', DOCUMENTS[path].html):
        target, _, fragment = href.partition("#")
        if target.startswith("https://"):
            continue
        name = target.removeprefix("/docs").strip("/") if target else path
        assert name in DOCUMENTS, href
        assert not fragment or f'id="{fragment}"' in DOCUMENTS[name].html, href


def test_links_are_relative_to_their_page_and_others_are_text(tmp_path):
    (tmp_path / "howto").mkdir()
    (tmp_path / "README.md").write_text("# All\n[one](howto/one.md) [code](../src/x.py) [out](https://example.org)")
    (tmp_path / "howto" / "one.md").write_text("# `One`\n[all](../README.md) [here](#the-end) <b>x</b>\n## The end!")
    pages = read_documents(tmp_path)
    assert (pages[""].title, pages["howto/one"].title) == ("All", "One")
    assert '<a href="/docs/howto/one">one</a> code <a href="https://example.org">out</a>' in pages[""].html
    assert '<a href="/docs">all</a> <a href="#the-end">here</a> &lt;b&gt;' in pages["howto/one"].html
    assert '<h2 id="the-end">' in pages["howto/one"].html

"""Excerpts of strangers' Markdown: plain words, bounded, without front matter and markup."""

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.web.html.excerpts import MAX_TAG, MAX_TAGS, excerpt, split_front_matter

CARD = """---
license: mit
tags: [Plates, "ocr", <script>]
---
# Plates

Reads *plates* of `one`
[picture](https://example.org).

- fast
- small

![x](y.png) <b>bold</b>
"""


def test_an_excerpt_has_the_words_without_markup_and_without_the_first_heading():
    _, text = split_front_matter(CARD)
    assert excerpt(text, 200) == "Reads plates of one picture. fast small <b>bold</b>"


def test_a_long_text_is_cut_at_a_word():
    assert excerpt("one two three four", 12) == "one two…"
    assert excerpt("x" * 99, 10) == "x" * 9 + "…"


def test_tags_are_read_from_front_matter_in_both_spellings():
    assert split_front_matter(CARD)[0] == ("plates", "ocr")
    listed = "---\ntags:\n- a b\n- A B\n  - c\nother: x\n- no\n---\nrest"
    assert split_front_matter(listed) == (("a b", "c"), "rest")


def test_a_text_without_front_matter_is_left_as_it_is():
    for text in ("# A\n---\ntags: [a]\n---\n", "---\ntags: [a]\nno end", "", "---"):
        assert split_front_matter(text) == ((), text)


def test_tags_are_bounded():
    many = "---\ntags: [" + ",".join(f"t{n}" for n in range(99)) + "," + "x" * (MAX_TAG + 1) + "]\n---\n"
    assert split_front_matter(many)[0] == tuple(f"t{n}" for n in range(MAX_TAGS))


def test_many_brackets_are_not_parsed():
    assert excerpt("[" * 5000 + " end", 50) == "[" * 49 + "…"


@given(st.text(max_size=400), st.integers(1, 60))
def test_every_text_has_a_bounded_excerpt_of_one_line(text, limit):
    tags, rest = split_front_matter(text)
    found = excerpt(rest, limit)
    assert len(found) <= limit
    assert "\n" not in found
    assert rest in text
    assert all(tag in text.casefold() for tag in tags)

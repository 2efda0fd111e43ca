"""Filters of the pages: Markdown of other users is harmless, sizes, durations and counts are readable."""

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from sealgrid.web.html.templates import counted, duration, identicon, markdown, short, size

HARMLESS = {
    "a",
    "blockquote",
    "br",
    "code",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


@given(st.text(alphabet=st.sampled_from("<>/\"'=ab#*_-|`[]()!&;: \nscriptjavon"), max_size=80))
@example("<script>alert(1)</script>")
@example("[x](javascript:alert(1))")
@example("![x](https://evil.example/x.png)")
@example("[x](data:text/html;base64,PHNjcmlwdD4=)")
@example("<a onclick=alert(1)>")
def test_a_readme_becomes_harmless_elements_only(text):
    parser = Elements()
    parser.feed(str(markdown(text)))
    for tag, attributes in parser.elements:
        assert tag in HARMLESS
        assert not [name for name in attributes if name.startswith("on")]
        assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:", "vbscript:"))


def test_a_readme_with_too_many_brackets_is_not_rendered():
    assert markdown("<[" * 501) == "<pre>" + "&lt;[" * 501 + "</pre>"
    assert "<pre>" not in markdown("[a](/b) " * 500)


def test_the_headings_of_a_readme_are_below_the_headings_of_the_page():
    assert "<h3>Title</h3>" in markdown("# Title")
    assert "<h6>Deep</h6>" in markdown("###### Deep")


def test_addresses_have_different_identicons_and_one_always_the_same():
    assert identicon("0x01") == identicon("0x01") != identicon("0x02")


def test_sizes_and_addresses_are_abbreviated():
    assert (size(999), size(1000), size(7_537_271), size(2 << 30)) == ("999 bytes", "1.0 kB", "7.5 MB", "2.1 GB")
    assert short("0x1234567890abcdef1234567890abcdef12345678") == "0x123456…345678"


def test_durations_and_counts_have_units():
    assert [duration(seconds) for seconds in (45, 210, 300, 25_200, 172_800)] == [
        "45 s",
        "210 s",
        "5 min",
        "7 h",
        "2 d",
    ]
    assert [counted(number, "task") for number in (0, 1, 99_996)] == ["0 tasks", "1 task", "99,996 tasks"]

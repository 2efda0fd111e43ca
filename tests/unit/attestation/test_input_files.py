"""A public input file is named by a URL with its digest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.input_files import InputFile, parse_input_file
from sealgrid.errors import InputRefused

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"https://example.org/a.png#sha256={DIGEST}", "a.png"),
        (f"https://example.org/a.png#sha256=0x{DIGEST}", "a.png"),
        (f"http://localhost:4/ipfs/QmFile?filename=x#sha256={DIGEST}", "QmFile"),
        (f"https://example.org/my%20picture.png#sha256={DIGEST}", "my picture.png"),
    ],
)
def test_a_file_has_the_last_part_of_the_path_as_its_name_and_the_digest_of_the_fragment(url: str, name: str) -> None:
    assert parse_input_file(url) == InputFile(name, "0x" + DIGEST)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.png",
        f"https://example.org/a.png?sha256={DIGEST}",
        f"https://example.org/a.png#sha256={DIGEST[:-2]}",
        f"https://example.org/a.png#sha256={DIGEST}00",
        f"https://example.org/a.png#sha256={DIGEST.upper()}",
        f"https://example.org/a.png#md5={DIGEST}",
        f"https://example.org/a.png#sha256={DIGEST}\n",
    ],
)
def test_a_url_without_a_digest_is_refused_with_the_way_to_give_one(url: str) -> None:
    with pytest.raises(InputRefused, match="append #sha256="):
        parse_input_file(url)


@pytest.mark.parametrize("address", ["https://example.org/folder/", "https://example.org", "a.png", ""])
def test_a_url_without_a_name_is_refused(address: str) -> None:
    with pytest.raises(InputRefused, match="ends without a name"):
        parse_input_file(f"{address}#sha256={DIGEST}")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        file = parse_input_file(text)
    except InputRefused:
        return
    assert file.name
    assert file.sha256[2:] in text

"""Names of apps and models: what may be registered, what a reference selects, and the next version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.asset_names import (
    MAX_NAME_CHARACTERS,
    AssetName,
    AssetReference,
    check_name,
    next_version,
    normalise,
    parse_name,
    parse_reference,
    similar_names,
)

OWNER = "0x" + "ab" * 20
BASES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="@/"), min_size=1, max_size=20).map(
    normalise
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (" \t", "is empty"),
        ("x" * (MAX_NAME_CHARACTERS + 1), "at most 64 characters"),
        ("ir\u200bis", "cannot be seen"),
        ("si\x00ri", "cannot be seen"),
        ("alice/iris", "separate account, name and version"),
        ("iris@2", "separate account, name and version"),
        (OWNER, "looks like an address"),
    ],
)
def test_a_name_that_could_mislead_is_not_registered(name, reason):
    with pytest.raises(InputRefused, match=reason):
        check_name(name)


def test_equal_looking_spellings_are_one_name():
    assert check_name("  Cafe\u0301   de\tParis ") == "Café de Paris"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("iris", AssetReference("iris")),
        ("iris@2", AssetReference("iris", 2)),
        (f"{OWNER}/iris@12", AssetReference("iris", 12, OWNER)),
        ("alice/licence plates", AssetReference("licence plates", None, "alice")),
        ("iris@latest", AssetReference("iris@latest")),
        ("iris@0", AssetReference("iris@0")),
        ("/iris", AssetReference("/iris")),
    ],
)
def test_a_reference_has_an_account_a_name_and_a_version(text, reference):
    assert parse_reference(text) == reference


def test_a_reference_selects_all_versions_or_the_one_that_it_names():
    names = ["iris", "iris@2", "irises", "Iris"]
    assert [name for name in names if parse_reference("iris").selects(name)] == ["iris", "iris@2"]
    assert [name for name in names if parse_reference("iris@1").selects(name)] == ["iris"]
    assert [name for name in names if parse_reference("iris@2").selects(name)] == ["iris@2"]


def test_a_reference_to_what_is_no_version_selects_the_literal_name():
    for name in ("iris@latest", "iris@0", "/iris"):
        assert parse_reference(name).selects(name)
    assert not parse_reference("0x/iris").selects("0x/iris"), "a slash separates an account: give the address"


def test_the_next_version_follows_the_highest_one_of_the_same_name():
    assert str(next_version("iris", [])) == "iris"
    assert str(next_version("iris", ["iris", "cars@9"])) == "iris@2"
    assert str(next_version("iris", ["iris@7", "iris", "iris@old"])) == "iris@8"


def test_no_version_follows_the_highest_that_a_reference_can_name():
    assert str(next_version("iris", ["iris@999998"])) == "iris@999999"
    with pytest.raises(InputRefused, match="has 'iris' with the highest version, 999999; choose another name"):
        next_version("iris", ["iris", "iris@999999"])


def test_a_name_that_is_misspelt_has_suggestions():
    assert similar_names("cancr", ["cancer@2", "boats"]) == ("cancer",)
    assert similar_names("plates", ["boats"]) == ()


@given(BASES.filter(bool), st.integers(1, 999_999))
def test_a_name_on_the_chain_is_selected_by_its_own_text(base, version):
    name = AssetName(check_name(base), version)
    assert parse_name(str(name)) == name
    assert parse_reference(str(name)).selects(str(name))
    assert parse_reference(f"{OWNER}/{name}").selects(str(name))


@given(st.text(max_size=40))
def test_text_of_other_clients_is_parsed_without_an_error(text):
    assert parse_reference(text).base == parse_reference(normalise(text)).base
    assert parse_name(text).version >= 1

"""A persistent map behaves as a dict, and a changed copy shares its unchanged buckets."""

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.pool.persistent_map import PersistentMap

entries = st.lists(st.tuples(st.integers(0, 40), st.integers()))


@given(entries, st.lists(entries, max_size=5))
def test_a_changed_map_has_the_entries_of_a_changed_dict_and_the_original_keeps_its_own(first, changes):
    mapping, model = PersistentMap(first), dict(first)
    for change in changes:
        original, before = mapping, dict(mapping)
        mapping = mapping.with_entries(change)
        model |= dict(change)
        assert (mapping, len(mapping), sorted(mapping)) == (model, len(model), sorted(model))
        assert original == before


def test_a_missing_key_is_missing():
    mapping = PersistentMap([("a", 1)])
    assert (mapping.get("b"), "b" in mapping, mapping["a"]) == (None, False, 1)


def test_a_changed_map_shares_all_buckets_but_one():
    original = PersistentMap((number, number) for number in range(5000))
    changed = original.with_entries([(7, 8)])
    shared = [mine is other for mine, other in zip(original._buckets, changed._buckets, strict=True)]
    assert shared.count(False) == 1

"""Statistics of texts: texts in ten rows or more, and no count below ten."""

from collections import Counter

from sealgrid.shipped_apps.csv_statistics.columns.column import Texts
from sealgrid.shipped_apps.csv_statistics.columns.texts import MAX_TEXTS, describe_texts


def test_a_text_below_ten_rows_is_counted_with_the_others():
    described = describe_texts(Texts("city", Counter({"Lyon": 50, "Nice": 12, "Ornans": 1})))
    assert described == {"most_frequent": [{"value": "Lyon", "rows": 50}], "others": 13}


def test_only_the_most_frequent_texts_are_listed():
    described = describe_texts(Texts("city", Counter({f"{n:02}": 10 for n in range(MAX_TEXTS + 5)})))
    assert (len(described["most_frequent"]), described["others"]) == (MAX_TEXTS, 50)

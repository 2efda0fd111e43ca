from sealgrid.ados.evaluation.measures import Measures
from sealgrid.ados.evaluation.table import to_text


def test_the_table_has_mean_and_spread_and_says_what_falls_short():
    text = to_text(
        {
            ("DQF", "point", 4): [Measures(0.8, 0.9, 0.80, 0.9), Measures(0.8, 0.9, 0.90, 0.9)],
            ("step rule", "point", 4): [Measures(1, 1, 0.99, 1)] * 2,
        },
        [1, 2],
    )
    assert "0.850±0.050" in text
    assert "below step rule (0.990); below the goal of 0.90" in text

"""The table of two models side by side."""

from sealgrid.shipped_apps.plate_reader.latin_evaluation import Trial, table


def test_exact_readings_are_counted_for_each_country_disturbance_and_model():
    trials = [
        Trial("new", "ES", "clean", "1234BCD", ("1234BCD",)),
        Trial("old", "ES", "clean", "1234BCD", ()),
        Trial("new", "ES", "night", "1234BCD", ("1234BCD", "X")),
        Trial("old", "ES", "night", "1234BCD", ("1234BCD",)),
        Trial("new", "ES", "clean", None, ()),
        Trial("old", "ES", "clean", None, ("A",)),
    ]
    lines = table(trials)
    assert "not photographs" in lines[0]
    (spain,) = (line for line in lines if line.startswith("ES"))
    assert [part.strip() for part in spain[9:].split("  ") if part.strip()][:1] == ["100 | 0"]
    assert "0 | 100" in spain
    assert "false alarms of new: 0 in 1 pictures without a plate" in lines
    assert "false alarms of old: 1 in 1 pictures without a plate" in lines

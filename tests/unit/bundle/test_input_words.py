"""Input specifications in words."""

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec, SecretSpec
from sealgrid.bundle.input_words import describe_inputs, join_words, quoted


def test_everything_that_a_run_takes_has_a_line():
    spec = InputSpec(
        model="required",
        model_format="onnx",
        files=FileSpec(min=0, max=2, media_types=("image/png", "image/gif"), max_bytes=2000, help="Two scans."),
        arguments=(
            ArgumentSpec(name="--by", choices=("day", "week"), default="day"),
            ArgumentSpec(name="CITY", required=True, help="where"),
        ),
        secrets=(SecretSpec(number=1), SecretSpec(number=2, required=False, help="a token")),
    )
    assert describe_inputs(spec) == [
        "a model or data of the format onnx (required)",
        "0 to 2 files: a PNG picture or a GIF picture, at most 2,000 bytes each (Two scans)",
        "argument --by: one of day or week, day by default",
        "argument CITY: text, required (where)",
        "secret 1",
        "secret 2, optional (a token)",
    ]
    assert describe_inputs(InputSpec()) == ["nothing"]


def test_words_are_joined_as_in_a_sentence():
    assert [join_words(words) for words in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]


def test_a_long_text_is_shortened():
    assert quoted("x" * 100) == "'" + "x" * 59 + "…'"

"""The form of a run: its typed fields become arguments and secrets, and its file field names the types."""

import pytest
from litestar.datastructures import FormMultiDict

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec, SecretSpec
from sealgrid.errors import InputRefused
from sealgrid.web.run_form import RunForm, example_name, form_arguments, form_secrets

SPEC = InputSpec(
    arguments=(
        ArgumentSpec(name="--top", type="integer", default="3"),
        ArgumentSpec(name="--fast", type="flag"),
        ArgumentSpec(name="CITY", repeated=True),
    ),
    secrets=(SecretSpec(number=2),),
)


def run_form(spec: InputSpec | None) -> RunForm:
    return RunForm("0x11", "app", spec, (), "", fixed_model=False, pools=(), example="", example_path="")


@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ({}, []),
        ({"arg-0": "3", "arg-2": ""}, ["--top", "3"]),
        ({"arg-0": "5", "arg-1": "1", "arg-2": "Oslo\r\nSão Paulo"}, ["--top", "5", "--fast", "Oslo", "São Paulo"]),
        ({"args": "--top '5'"}, ["--top", "5"]),
        ({"arg-9": "x"}, []),
    ],
)
def test_typed_fields_become_arguments(fields, arguments):
    assert form_arguments(SPEC, FormMultiDict(fields)) == arguments


POSITIONS = InputSpec(arguments=(ArgumentSpec(name="FROM", default="en"), ArgumentSpec(name="TO", default="de")))


def test_a_value_stays_at_its_position_also_if_it_is_the_default():
    assert form_arguments(POSITIONS, FormMultiDict({"arg-0": "en", "arg-1": "fr"})) == ["en", "fr"]
    assert form_arguments(POSITIONS, FormMultiDict({"arg-0": "en", "arg-1": ""})) == ["en"]
    with pytest.raises(InputRefused, match="give FROM too: TO comes after it"):
        form_arguments(POSITIONS, FormMultiDict({"arg-0": "", "arg-1": "fr"}))


def test_the_free_field_of_an_app_without_a_specification_is_split_like_a_shell_command():
    assert form_arguments(None, FormMultiDict({"args": "--by 'two words'", "arg-0": "x"})) == ["--by", "two words"]
    with pytest.raises(InputRefused, match="cannot be parsed"):
        form_arguments(None, FormMultiDict({"args": "'"}))


def test_only_secrets_that_the_app_reads_are_taken():
    assert form_secrets(SPEC, FormMultiDict({"secret-1": "a", "secret-2": "b"})) == {2: "b"}
    assert form_secrets(SPEC, FormMultiDict({"secret-2": ""})) == {}
    assert form_secrets(None, FormMultiDict({"secret-2": "b"})) == {}


def test_the_file_field_names_types_and_suffixes():
    files = FileSpec(media_types=("image/jpeg", "application/json"))
    form = run_form(InputSpec(files=files))
    assert form.accept == "image/jpeg,application/json,.jpg,.jpeg,.jpe,.jfif,.mpo,.json"
    assert form.files_line == "1 file: a JPEG picture or JSON"
    assert (run_form(None).accept, run_form(None).files_line) == ("", "")


def test_an_app_without_a_bundle_has_no_example():
    assert example_name(None) == ""

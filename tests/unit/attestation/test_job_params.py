"""Params of a request order: iExec's keys pass, ours are exact, anything else is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.facts import parse_params
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.errors import InputRefused

KEY = "0x" + "11" * 32
FILE = "0x" + "22" * 32


def params(**changes):
    return json.dumps({"sealgrid": {"result_key": KEY, "inputs": [FILE]}, **changes})


def test_inputs_result_key_and_iexecs_keys_are_read():
    read = parse_params(params(iexec_args="--fast", iexec_input_files=["https://example.org/a"]))
    assert (read.sealgrid.result_key, read.sealgrid.inputs) == (KEY, (FILE,))
    assert (read.iexec_args, read.iexec_input_files) == ("--fast", ("https://example.org/a",))


def test_a_job_without_inputs_and_arguments_is_a_job():
    read = parse_params(json.dumps({"sealgrid": {"result_key": KEY}}))
    assert (read.sealgrid.inputs, read.iexec_args, read.iexec_input_files) == ((), "", ())


def test_other_keys_of_iexec_are_let_pass():
    parse_params(params(iexec_result_storage_proxy="https://example.org", iexec_developer_logger=True))


def test_what_iexecs_own_client_writes_names_no_result_key():
    read = parse_params(
        json.dumps(
            {
                "iexec_args": "--fast",
                "iexec_result_storage_provider": "ipfs",
                "iexec_result_encryption": True,
                "iexec_secrets": {"1": "name"},
            }
        )
    )
    assert (read.sealgrid, read.inputs, read.result_key) == (None, (), NO_RESULT_KEY)
    assert (read.iexec_args, read.iexec_result_encryption, read.iexec_secrets) == ("--fast", True, {"1": "name"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{",
        json.dumps({"sealgrid": {}}),
        params(sealgrid={"result_key": "11" * 32}),
        params(sealgrid={"result_key": KEY.upper()}),
        params(sealgrid={"result_key": KEY + "\n"}),
        params(sealgrid={"result_key": KEY, "inputs": [FILE[:-2]]}),
        params(sealgrid={"result_key": KEY, "inputs": FILE}),
        params(sealgrid={"result_key": KEY, "inptus": [FILE]}),
        params(iexec_args=7),
        params(iexec_result_encryption="yes"),
        params(iexec_secrets=["name"]),
        params(iexec_input_files="https://example.org/a"),
        params(sealgird={}),
        params(bulk_cid="bafy"),
        params(bulk_cid="../../" + "Qm" + "1" * 44),
        params(bulk_cid="Qm" + "1" * 44 + "\n"),
        params(iexec_other="x" * 65536),
        params(iexec_other=["[" * 1000]),
        '{"iexec_args":"\ud800"}',
    ],
)
def test_what_cannot_be_understood_is_refused(text):
    with pytest.raises(InputRefused):
        parse_params(text)


def test_nesting_deep_enough_to_overflow_the_stack_is_refused():
    with pytest.raises(InputRefused, match="brackets"):
        parse_params('{"iexec_other":' + "[" * 60_000)


@given(st.text())
def test_no_text_raises_anything_else(text):
    with pytest.raises(InputRefused):
        parse_params(text)

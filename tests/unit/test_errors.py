"""Errors cross HTTP with their type, their check and their status, and never with a word about money."""

import pytest

from sealgrid.errors import (
    AppFailed,
    CallRefused,
    FileUnopened,
    InputRefused,
    NotFound,
    OrderRefused,
    ProofRefused,
    SealgridError,
    ServiceUnavailable,
    StoreFull,
    from_wire,
)


@pytest.mark.parametrize(
    "error",
    [
        InputRefused("a sentence."),
        CallRefused("7", "a sentence."),
        OrderRefused("a sentence.", check="50"),
        OrderRefused("a sentence", hint="what to do.", check="50"),
        ProofRefused("a sentence.", check=9),
        StoreFull("a sentence."),
    ],
)
def test_an_error_survives_the_wire(error: SealgridError):
    rebuilt = from_wire(error.to_wire(), error.http_status)
    assert (type(rebuilt), str(rebuilt), vars(rebuilt)) == (type(error), str(error), vars(error))


def test_a_hint_is_a_field_of_its_own_and_part_of_the_message():
    error = InputRefused("iExec's sentence", hint="what to do.", money="No money moved.")
    assert error.to_wire() == {"error": "iExec's sentence", "hint": "what to do.", "type": "InputRefused"}
    assert str(error) == "iExec's sentence; what to do. No money moved."


def test_money_stays_in_its_process():
    assert from_wire(NotFound("gone.", money="Your money is back.").to_wire(), 404).money == ""


@pytest.mark.parametrize("body", [{}, {"type": "SystemExit"}, {"type": "ProofRefused", "error": "x", "check": "one"}])
@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (400, InputRefused), (502, ServiceUnavailable)])
def test_a_malformed_error_has_a_type_for_its_status(body: dict[str, str], status: int, kind: type[SealgridError]):
    assert type(from_wire(body, status)) is kind


def test_a_sentence_that_ends_in_a_command_is_ended_before_the_word_about_money():
    error = InputRefused("remove it first: sealgrid down --wipe", money="No money moved.")
    assert str(error) == "remove it first: sealgrid down --wipe. No money moved."


def test_a_failed_check_shows_its_number_before_the_sentence_and_money_after_it():
    error = CallRefused("7", "a sentence.", money="No money moved.")
    assert (error.reason, str(error)) == ("(7) a sentence.", "(7) a sentence. No money moved.")


@pytest.mark.parametrize(("status", "kind"), [(400, InputRefused), (404, NotFound), (503, ServiceUnavailable)])
@pytest.mark.parametrize("error", [AppFailed("it failed."), FileUnopened("it does not open.")])
def test_no_service_states_how_an_app_ended(error: AppFailed, status: int, kind: type[SealgridError]) -> None:
    assert type(from_wire(error.to_wire(), status)) is kind

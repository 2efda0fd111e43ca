"""Where the price of a task is follows from the chain's state of it, and each state has one sentence."""

import pytest

from sealgrid.chain.views import DealView, ResourceView, TaskStatus
from sealgrid.errors import InputRefused, NotFound, from_wire
from sealgrid.poco.constants import FINAL_DEADLINE_RATIO
from sealgrid.sdk.money import UNMATCHED, MoneyState, attach, money_of, nothing_bought_before, sentence
from sealgrid.units import ZERO_ADDRESS, DealId, Nrlc, TaskId, to_address, to_digest

ME, SPONSOR = to_address(b"\x01" * 20), to_address(b"\x02" * 20)
TASK, DEAL = TaskId(to_digest(b"\x07" * 32)), DealId(to_digest(b"\x08" * 32))
START, TIMEREF = 1_000_000, 30
DEADLINE = START + FINAL_DEADLINE_RATIO * TIMEREF
UTC = "1970-01-12 13:51:40 UTC"


def deal(sponsor=ME):
    none = ResourceView(ZERO_ADDRESS, ZERO_ADDRESS, Nrlc(0))
    return DealView(
        deal=DEAL,
        app=none,
        dataset=none,
        workerpool=none,
        trust=1,
        category=0,
        tag=to_digest(bytes(32)),
        requester=ME,
        beneficiary=ME,
        callback=ZERO_ADDRESS,
        params="",
        start_time=START,
        bot_first=0,
        bot_size=1,
        worker_stake=Nrlc(0),
        scheduler_reward_ratio=1,
        sponsor=sponsor,
    )


@pytest.mark.parametrize(
    ("status", "now", "kind"),
    [
        (TaskStatus.UNSET, START, "locked"),
        (TaskStatus.UNSET, DEADLINE - 1, "locked"),
        (TaskStatus.UNSET, DEADLINE, "refundable"),
        (TaskStatus.ACTIVE, DEADLINE - 1, "locked"),
        (TaskStatus.ACTIVE, DEADLINE, "refundable"),
        (TaskStatus.REVEALING, DEADLINE - 1, "locked"),
        (TaskStatus.REVEALING, DEADLINE, "refundable"),
        (TaskStatus.COMPLETED, START, "paid"),
        (TaskStatus.COMPLETED, DEADLINE + 1, "paid"),
        (TaskStatus.FAILED, DEADLINE + 1, "refunded"),
    ],
)
def test_every_state_of_a_task_says_where_its_price_is(status, now, kind):
    assert money_of(TASK, deal(), status, TIMEREF, now) == MoneyState(kind, TASK, DEADLINE)
    assert money_of(TASK, deal(SPONSOR), status, TIMEREF, now) == MoneyState(kind, TASK, DEADLINE, SPONSOR)


CLAIM = f" (the pool claims it, or you: sealgrid task claim {TASK})"
LATE = "and was not paid; the final deadline has passed: it comes back"
TABLE = {
    UNMATCHED: "No money moved.",
    MoneyState("unknown", TASK): (
        f"The chain did not say whether the run was bought; check it with: sealgrid task show {TASK}"
    ),
    MoneyState("locked", TASK, DEADLINE): (
        f"The price is locked until {UTC}: it is paid if a machine finishes the task by then; if none does, it comes "
        f"back{CLAIM}."
    ),
    MoneyState("locked", TASK, DEADLINE, SPONSOR): (
        f"The price is locked in the escrow of its sponsor {SPONSOR} until {UTC}: it is paid if a machine finishes the "
        f"task by then; if none does, it comes back{CLAIM}."
    ),
    MoneyState("refundable", TASK, DEADLINE): f"The price is locked {LATE}{CLAIM}.",
    MoneyState("refundable", TASK, DEADLINE, SPONSOR): (
        f"The price is locked in the escrow of its sponsor {SPONSOR} {LATE}{CLAIM}."
    ),
    MoneyState("paid", TASK, DEADLINE): f"The run was paid; open its result later with: sealgrid task result {TASK}",
    MoneyState("refunded", TASK, DEADLINE): "The requester was refunded.",
    MoneyState("refunded", TASK, DEADLINE, SPONSOR): f"The sponsor {SPONSOR} was refunded.",
}


@pytest.mark.parametrize(("money", "expected"), TABLE.items())
def test_every_state_of_the_price_has_one_sentence(money, expected):
    assert sentence(money) == expected


@pytest.mark.parametrize("money", TABLE)
def test_on_a_page_no_sentence_names_a_command_line(money):
    assert "sealgrid" not in sentence(money, commands=False)


def test_an_error_has_no_sentence_about_money_until_it_is_attached():
    error = NotFound("no file with this digest is stored here.")
    assert str(error) == "no file with this digest is stored here."
    attach(error, MoneyState("paid", TASK))
    assert "The run was paid" in str(error)
    attach(error, UNMATCHED)
    assert "No money moved" not in str(error)


def test_another_process_is_not_believed_about_our_money():
    document = NotFound("gone.").to_wire() | {"money": "No money moved."}
    assert from_wire(document, 404).money == ""
    assert from_wire({"error": "gone.", "money": "No money moved."}, 500).money == ""


def test_only_before_a_purchase_an_error_states_that_no_money_moved():
    bought: list[object] = []
    with pytest.raises(InputRefused) as before, nothing_bought_before(bought):
        raise InputRefused("no.")
    assert before.value.money == "No money moved."
    bought.append("a run")
    with pytest.raises(InputRefused) as after, nothing_bought_before(bought):
        raise InputRefused("no.")
    assert after.value.money == ""

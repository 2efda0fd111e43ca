"""What a client of the API learns of an error of the account that buys."""

from types import SimpleNamespace

import pytest

from sealgrid.ados.api.seller import NetworkSeller
from sealgrid.ados.api.store import TransactionRecord
from sealgrid.errors import AppFailed, InputMismatch, InputRefused, NotFound, ServiceUnavailable

RECORD = TransactionRecord(
    id="1", key="acme", request="", app="0x1", model="0x2", arguments=(), created=0, updated=0, price=5, task="0x3"
)
PRIVATE = "/home/operator/bags"


def seller(error):
    async def fails(*_, **__):
        raise error

    run = SimpleNamespace(result=fails, status=fails)
    return NetworkSeller(SimpleNamespace(map=fails, reopen=lambda task: run), "ados")


def steps(selling, first=0):
    works = (lambda record: selling.buy(record, b""), selling.answer, selling.status, selling.cost)
    return [work(RECORD) for work in works[first:]]


async def test_what_is_wrong_with_the_operators_files_is_temporary_and_shows_no_path():
    damaged, absent = InputRefused(f"{PRIVATE} is full."), NotFound(f"{PRIVATE} has no run.")
    for step in (*steps(seller(damaged)), *steps(seller(absent), 1)):
        with pytest.raises(ServiceUnavailable) as raised:
            await step
        assert PRIVATE not in str(raised.value)


@pytest.mark.parametrize("error", [AppFailed("the app failed."), InputMismatch("input.1", "no table.")])
async def test_what_is_wrong_with_the_run_is_told(error):
    for step in steps(seller(error)):
        with pytest.raises(type(error)):
            await step

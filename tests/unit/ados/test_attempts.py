"""Work on a network that is away for a while: repeated with longer pauses, and not where repeating is in vain."""

import pytest

from sealgrid.ados.attempts import ATTEMPTS, LONGEST_PAUSE, is_temporary, until_available
from sealgrid.errors import (
    AppFailed,
    ChainError,
    ContractReverted,
    InputRefused,
    NetworkNotRunning,
    OrderRefused,
    ServiceUnavailable,
)


class Work:
    """Raises these errors one after another, then succeeds; notes the pauses."""

    def __init__(self, *errors):
        self.errors, self.pauses = list(errors), []

    async def pause(self, seconds):
        self.pauses.append(seconds)

    async def __call__(self):
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def test_a_network_that_is_away_is_asked_again_with_pauses_that_have_a_limit():
    work = Work(*[ServiceUnavailable("away.")] * 9, NetworkNotRunning("away."), ChainError("away."))
    assert await until_available(work, work.pause) == "done"
    assert work.pauses[:3] == [2, 4, 8]
    assert max(work.pauses) == LONGEST_PAUSE


async def test_a_run_that_nobody_sells_is_given_up_after_some_attempts():
    work = Work(*[OrderRefused("sold out.")] * (ATTEMPTS - 1))
    assert await until_available(work, work.pause) == "done"
    work = Work(*[OrderRefused("sold out.")] * ATTEMPTS)
    with pytest.raises(OrderRefused):
        await until_available(work, work.pause)
    assert len(work.pauses) == ATTEMPTS - 1


@pytest.mark.parametrize(
    "error",
    [InputRefused("no."), ContractReverted("no."), AppFailed("no.", task="0x", log="", exit=1)],
    ids=lambda error: type(error).__name__,
)
async def test_what_stays_as_it_is_is_raised_at_once(error):
    work = Work(error)
    with pytest.raises(type(error)):
        await until_available(work, work.pause)
    assert (work.pauses, is_temporary(error)) == ([], False)

"""The run time is padded to one step of a geometric scale, however the run ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.enclave.job.run_time_padding import FACTOR, MIN_SECONDS, padded, padded_seconds
from sealgrid.errors import AppFailed

DAY = 86_400.0


class Time:
    """A clock that only sleep and work advance."""

    def __init__(self) -> None:
        self.now = 7.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    async def work(self, seconds: float, answer: str = "done") -> str:
        await self.sleep(seconds)
        return answer


@given(st.floats(0, DAY))
def test_a_run_takes_at_most_ten_per_cent_longer_and_never_less(seconds: float) -> None:
    padded_to = padded_seconds(seconds)
    assert seconds <= padded_to <= max(MIN_SECONDS, seconds * FACTOR * (1 + 1e-9))


def test_a_run_of_at_most_five_minutes_has_one_of_93_lengths() -> None:
    assert len({padded_seconds(tick / 1000) for tick in range(300_001)}) == 93


@given(st.floats(0, DAY))
def test_a_step_of_the_scale_is_its_own_length(seconds: float) -> None:
    step = padded_seconds(seconds)
    assert padded_seconds(step) == step


async def test_two_runs_within_one_step_are_indistinguishable() -> None:
    lengths = []
    for seconds in (0.21, 0.22, 0.229):
        time = Time()
        assert await padded(time.work(seconds), clock=time, sleep=time.sleep) == "done"
        lengths.append(time.now - 7.0)
    assert len({round(length, 9) for length in lengths}) == 1
    assert lengths[0] >= 0.229


async def test_a_run_that_fails_is_padded_as_well() -> None:
    time = Time()

    async def fail() -> None:
        await time.sleep(0.3)
        raise AppFailed("the app's own fault.")

    with pytest.raises(AppFailed):
        await padded(fail(), clock=time, sleep=time.sleep)
    assert time.now - 7.0 == pytest.approx(padded_seconds(0.3))

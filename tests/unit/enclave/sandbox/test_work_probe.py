"""Work probes distinguish an app that does not end from a host that withholds processors."""

import os

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.enclave.sandbox.work_probe import MAX_GAP_SECONDS, MAX_PROBE_SECONDS, MIN_PROBES, SpeedMeter, probe

LOOK = 0.05


class Machine:
    """A clock and processors whose speed the host chooses; 1.0 is full speed."""

    def __init__(self, speed: float = 1.0) -> None:
        self.now, self.speed = 100.0, speed

    def clock(self) -> float:
        return self.now

    def work(self) -> None:
        self.now += 0.001 / self.speed

    def meter(self) -> SpeedMeter:
        return SpeedMeter(clock=self.clock, work=self.work, uniform=lambda: 0.5)

    def runs(self, meter: SpeedMeter, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += LOOK
            meter.sample()


@given(st.floats(0.55, 1.0))
def test_processors_at_half_their_speed_or_more_count(speed: float) -> None:
    machine = Machine()
    meter = machine.meter()
    machine.speed = speed
    machine.runs(meter, 10)
    assert meter.at_speed()


@given(st.floats(0.01, 0.45))
def test_slower_processors_do_not(speed: float) -> None:
    machine = Machine()
    meter = machine.meter()
    machine.speed = speed
    machine.runs(meter, 10)
    assert not meter.at_speed()


def test_a_host_that_is_slow_from_the_start_is_measured_by_the_slowest_machine_that_counts() -> None:
    machine = Machine(speed=0.001 / MAX_PROBE_SECONDS / 2.5)
    meter = machine.meter()
    machine.runs(meter, 30)
    assert not meter.at_speed()


def test_a_host_that_stops_the_machine_between_two_probes_is_seen_by_the_gap() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.runs(meter, 5)
    machine.now += 6  # nothing runs meanwhile
    machine.runs(meter, 0.5)
    assert not meter.at_speed()


def test_a_short_pause_is_no_stall() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.runs(meter, 5)
    machine.now += MAX_GAP_SECONDS - 2 * LOOK
    machine.runs(meter, 1)
    assert meter.at_speed()


def test_too_few_probes_prove_nothing() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.runs(meter, 0.5 * (MIN_PROBES - 1))
    assert not meter.at_speed()


def test_a_probe_restores_the_affinity_of_the_thread() -> None:
    before = os.sched_getaffinity(0)
    probe()
    assert os.sched_getaffinity(0) == before

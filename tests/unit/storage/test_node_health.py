"""How long a client avoids a storage node."""

from sealgrid.errors import ContentDiffers
from sealgrid.storage.node_health import OTHER_BYTES_SECONDS, SILENT_SECONDS, NodeHealth

LIAR = ContentDiffers("the file has another digest.")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_silent_node_is_avoided_for_its_time_and_no_other_node_is():
    clock = Clock()
    health = NodeHealth(clock)
    health.record_silence("http://a")
    assert (health.is_avoided("http://a"), health.is_avoided("http://b")) == (True, False)
    clock.now = SILENT_SECONDS
    assert not health.is_avoided("http://a")


def test_silence_does_not_shorten_the_time_of_a_node_that_served_other_bytes():
    clock = Clock()
    health = NodeHealth(clock)
    health.record_other_bytes("http://a", LIAR)
    health.record_silence("http://a")
    clock.now = OTHER_BYTES_SECONDS - 1
    assert health.is_avoided("http://a")


def test_the_log_names_a_node_that_served_other_bytes(caplog):
    NodeHealth(Clock()).record_other_bytes("http://a", LIAR)
    assert "the storage node http://a is avoided for 10 minutes" in caplog.text


def test_faults_are_counted_by_kind():
    health = NodeHealth(Clock())
    assert health.faults() == {"other_bytes": 0, "silent": 0}
    health.record_silence("http://a")
    health.record_silence("http://b")
    health.record_other_bytes("http://a", LIAR)
    assert health.faults() == {"other_bytes": 1, "silent": 2}

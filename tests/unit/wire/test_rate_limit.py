"""Each client has a bucket of its own, which fills with time."""

import pytest

from sealgrid.errors import TooManyRequests
from sealgrid.wire import rate_limit
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets, client_of


def test_a_burst_is_served_and_then_one_request_at_a_time():
    buckets = TokenBuckets(RateLimit(per_minute=60, burst=3))
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.25) == 0.75
    assert buckets.take("a", 1.0) == 0.0
    assert buckets.take("a", 1.0) == 1.0


def test_a_bucket_holds_no_more_than_a_burst():
    buckets = TokenBuckets(RateLimit(per_minute=60, burst=2))
    buckets.take("a", 0.0)
    assert [bool(buckets.take("a", 3600.0)) for _ in range(3)] == [False, False, True]


def test_a_refusal_names_the_seconds_to_wait():
    buckets = TokenBuckets(RateLimit(per_minute=2), "logins")
    for _ in range(2):
        buckets.acquire("a", 0.0)
    with pytest.raises(TooManyRequests, match="2 logins a minute are answered; ask again in 30 s") as refused:
        buckets.acquire("a", 0.0)
    assert refused.value.seconds == 30


def test_a_rate_of_zero_is_no_limit():
    buckets = TokenBuckets(RateLimit(per_minute=0))
    assert {buckets.take("a", 0.0) for _ in range(1000)} == {0.0}


def test_the_longest_silent_client_is_forgotten_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rate_limit, "_MAX_CLIENTS", 2)
    buckets = TokenBuckets(RateLimit(per_minute=1))
    assert [bool(buckets.take(client, 0.0)) for client in ("a", "b", "a", "c", "b", "a")] == [
        *(False, False, True),
        *(False, False, False),
    ]


@pytest.mark.parametrize(
    ("host", "client"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::/64"), ("2001:db8::ffff:2", "2001:db8::/64"), ("", "")],
)
def test_a_client_is_an_address_or_a_64_network(host: str, client: str):
    assert client_of(host) == client

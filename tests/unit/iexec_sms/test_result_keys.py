"""The key of a deal is the one that was current when the deal was matched."""

from sealgrid.iexec_sms.result_keys import MAX_REGISTRATIONS, ResultKeyHistory, register
from sealgrid.units import Address
from sealgrid.wire.iexec_sms import RegisteredResultKey

OWNER = Address("0x" + "11" * 20)


def key(name: str) -> RegisteredResultKey:
    return RegisteredResultKey(owner=OWNER, value=name, signature=name.encode())


def history(*registrations: tuple[str, int]) -> ResultKeyHistory:
    made: ResultKeyHistory | None = None
    for name, chain_time in registrations:
        made = register(made, key(name), chain_time)
    assert made is not None
    return made


def test_a_deal_gets_the_key_before_its_match_whatever_is_registered_later():
    keys = history(("laptop", 10), ("phone", 20), ("laptop", 30))
    assert [keys.key_of_deal(time).value for time in (10, 19, 20, 29, 30, 99)] == [
        "laptop",
        "laptop",
        "phone",
        "phone",
        "laptop",
        "laptop",
    ]


def test_of_two_keys_in_one_second_the_deal_gets_the_later_one():
    assert history(("laptop", 10), ("phone", 10)).key_of_deal(10).value == "phone"


def test_a_deal_from_before_the_first_key_gets_that_one():
    assert history(("laptop", 10), ("phone", 20)).key_of_deal(5).value == "laptop"


def test_registering_the_current_key_again_changes_nothing():
    keys = history(("laptop", 10))
    assert register(keys, key("laptop"), 20) is keys


def test_an_account_returns_to_an_earlier_key():
    assert history(("laptop", 10), ("phone", 20), ("laptop", 30)).current == key("laptop")


def test_the_oldest_registrations_are_dropped():
    keys = history(*((str(number), number) for number in range(MAX_REGISTRATIONS + 1)))
    assert [each.chain_time for each in keys.registrations] == list(range(1, MAX_REGISTRATIONS + 1))

"""The key of a deal is the one that was current when the deal was matched."""

from sealgrid.iexec_sms.result_keys import MAX_REGISTRATIONS, ResultKeyHistory, register
from sealgrid.units import Address
from sealgrid.wire.iexec_sms import RegisteredResultKey

OWNER = Address("0x" + "11" * 20)


def key(name: str) -> RegisteredResultKey:
    return RegisteredResultKey(owner=OWNER, value=name, signature=name.encode())


def name_of_deal(keys: ResultKeyHistory, start_time: int) -> str | None:
    found = keys.key_of_deal(start_time)
    return None if found is None else found.value


def history(*registrations: tuple[str, int]) -> ResultKeyHistory:
    made: ResultKeyHistory | None = None
    for name, chain_time in registrations:
        made = register(made, key(name), chain_time)
    assert made is not None
    return made


def test_a_deal_gets_the_key_before_its_match_whatever_is_registered_later():
    keys = history(("laptop", 10), ("phone", 20), ("laptop", 30))
    assert [name_of_deal(keys, time) for time in (10, 19, 20, 29, 30, 99)] == [
        "laptop",
        "laptop",
        "phone",
        "phone",
        "laptop",
        "laptop",
    ]


def test_of_two_keys_in_one_second_the_deal_gets_the_later_one():
    assert name_of_deal(history(("laptop", 10), ("phone", 10)), 10) == "phone"


def test_a_deal_from_before_the_first_key_gets_that_one():
    assert name_of_deal(history(("laptop", 10), ("phone", 20)), 5) == "laptop"


def test_registering_the_current_key_again_changes_nothing():
    keys = history(("laptop", 10))
    assert register(keys, key("laptop"), 20) is keys


def test_an_account_returns_to_an_earlier_key():
    assert history(("laptop", 10), ("phone", 20), ("laptop", 30)).current == key("laptop")


def test_the_oldest_registrations_are_dropped():
    keys = history(*((str(number), number) for number in range(MAX_REGISTRATIONS + 1)))
    assert [each.chain_time for each in keys.registrations] == list(range(1, MAX_REGISTRATIONS + 1))


def test_a_flood_of_earlier_keys_takes_the_key_of_an_older_deal_and_gives_it_no_other():
    flood = [(("stolen", "other")[number % 2], 20 + number) for number in range(MAX_REGISTRATIONS)]
    assert name_of_deal(history(("laptop", 10), *flood[:-1]), 15) == "laptop"
    assert name_of_deal(history(("laptop", 10), *flood), 15) is None
    assert name_of_deal(history(("laptop", 10), *flood), 20) == "stolen"

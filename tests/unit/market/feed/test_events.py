"""Events of the feed, with iExec's names and messages."""

import msgspec

from sealgrid.market.book.order_book import OrderOpened, OrderUnavailable, OrderUpdated
from sealgrid.market.feed.events import DealCreated, feed_event, topic_of
from sealgrid.poco.orders import AppOrder, DatasetOrder
from tests.unit.market.market_orders import APP, MODEL, hash_of, published_order

ORDER = published_order(AppOrder(app=APP, volume=5), 1)


def test_an_opened_or_updated_order_is_sent_whole_without_its_chain():
    for event, name in ((OrderOpened(ORDER, 5), "published"), (OrderUpdated(ORDER, 2), "updated")):
        sent = feed_event(event, 31337)
        assert (topic_of(event), sent.topic, sent.name) == ("orders", "orders", f"apporder_{name}")
        assert (sent.message["orderHash"], sent.message["remaining"]) == (hash_of(1), event.remaining)
        assert "chainId" not in sent.message


def test_a_closed_order_is_sent_by_its_hash():
    order = published_order(DatasetOrder(dataset=MODEL, volume=1), 2)
    sent = feed_event(OrderUnavailable(order), 31337)
    assert (sent.name, sent.message) == ("datasetorder_unpublished", hash_of(2))


def test_a_deal_is_sent_as_its_document():
    event = DealCreated(msgspec.json.encode({"dealid": hash_of(3)}))
    sent = feed_event(event, 31337)
    assert (topic_of(event), sent.name, sent.message) == ("deals", "deal_created", {"dealid": hash_of(3)})

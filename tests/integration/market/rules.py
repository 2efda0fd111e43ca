"""Checks that can refuse an order: name on the wire, HTTP status, meaning and remedy.

The message to the publisher also names the field, account or amount.
"""

from typing import Final

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """One reason."""

    status: int
    broken: str  #: what is wrong
    remedy: str  #: what the publisher should do


RULES: Final = {
    "missing-field": Rule(400, "a field of the order's kind is missing", "give every field, `sign` included"),
    "unknown-field": Rule(400, "the order's kind has no such field", "remove it"),
    "address": Rule(400, "an address field is not a valid address", "give 0x and 40 hex digits, in any letter case"),
    "bytes32": Rule(400, "tag or salt is not 32 bytes", "give 0x and 64 hex digits"),
    "number": Rule(
        400, "a price, volume, category or trust is not a uint256", "give a whole number from 0, in decimal"
    ),
    "text": Rule(400, "`params` is not a string", "give the JSON as a string"),
    "params-size": Rule(400, "`params` is too long", "pass long input as an input file"),
    "sign": Rule(400, "`sign` is not hex-encoded bytes", "give 0x and pairs of hex digits"),
    "sign-size": Rule(400, "`sign` is too long", "sign with fewer keys, or presign the order on chain"),
    "volume": Rule(403, "the volume is 0", "sign one with a volume of at least 1"),
    "category": Rule(403, "the hub has no such category", "use a category of GET /categories"),
    "unregistered": Rule(403, "the asset is not in this hub's registry of its kind", "register it first"),
    "not-yours": Rule(
        403, "the authenticated account is not the order's required signer", "authenticate as the asset's owner"
    ),
    "signature": Rule(403, "the order is not signed by the asset's present owner, or the requester", "sign it again"),
    "published": Rule(403, "the order is published already", "nothing; change the salt to publish another like it"),
    "cancelled": Rule(403, "the order was cancelled on chain", "sign a new one with another salt"),
    "used-up": Rule(403, "the order is used up", "sign a new one with another salt"),
    "room": Rule(403, "the signer has reached the limit of open orders of this kind", "withdraw or cancel some"),
    "stake": Rule(403, "the pool's owner has less in escrow than one task's stake, 30 % of the price", "deposit more"),
    "funds": Rule(403, "the requester has less in escrow than one task may cost", "deposit more, or offer less"),
    "no-apporder": Rule(403, "no open order offers the app to this requester, dataset and pool", "ask the app's owner"),
    "app-price": Rule(403, "every matching order for the app costs more than `appmaxprice`", "offer more"),
    "no-datasetorder": Rule(403, "no open order offers the dataset to this requester, app and pool", "ask its owner"),
    "dataset-price": Rule(403, "every matching order for the dataset costs more than `datasetmaxprice`", "offer more"),
}

"""Every reason for which the market refuses an order: its name on the wire, its HTTP status, and what to do.

The sentence that a publisher reads names the field, account or amount at hand; this is the list of what there is.
"""

from typing import Final

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """One reason."""

    status: int
    broken: str  #: what is wrong
    remedy: str  #: what the publisher does about it


RULES: Final = {
    "missing-field": Rule(400, "a field of the order's kind is not there", "give every field, `sign` included"),
    "unknown-field": Rule(400, "there is a field that the order's kind does not have", "leave it out"),
    "address": Rule(400, "a field that holds an address does not", "give 0x and 40 hex digits, in any letter case"),
    "bytes32": Rule(400, "tag or salt is not 32 bytes", "give 0x and 64 hex digits"),
    "number": Rule(
        400, "a price, volume, category or trust is not a valid uint256", "give a whole number from 0, in decimal"
    ),
    "text": Rule(400, "`params` is no text", "give the JSON as a string"),
    "params-size": Rule(400, "`params` is too long", "pass long content as an input file"),
    "sign": Rule(400, "`sign` is not written as bytes", "give 0x and pairs of hex digits"),
    "sign-size": Rule(400, "`sign` is too long", "sign with fewer keys, or presign the order on chain"),
    "volume": Rule(403, "the order sells or asks for nothing", "sign one with a volume of at least 1"),
    "category": Rule(403, "the hub has no such category", "take one of those that GET /categories lists"),
    "unregistered": Rule(403, "the asset is not in this hub's registry of its kind", "register it first"),
    "not-yours": Rule(
        403, "the account that logged in is not the one that must sign the order", "log in as the asset's owner"
    ),
    "signature": Rule(403, "the present owner, or the requester, did not sign exactly this", "sign it again"),
    "published": Rule(403, "the order is listed already", "nothing; change the salt to list another like it"),
    "cancelled": Rule(403, "the order was cancelled on chain", "sign a new one with another salt"),
    "used-up": Rule(403, "every use of the order is gone", "sign a new one with another salt"),
    "room": Rule(403, "the signer has as many open orders of this kind as are listed", "take some off, or cancel them"),
    "stake": Rule(403, "the pool's owner has less in escrow than one task's stake, 30 % of the price", "deposit more"),
    "funds": Rule(403, "the requester has less in escrow than one task may cost", "deposit more, or offer less"),
    "no-apporder": Rule(403, "nobody offers the app to this requester, dataset and pool", "ask the app's owner"),
    "app-price": Rule(403, "every fitting order for the app costs more than `appmaxprice`", "offer more"),
    "no-datasetorder": Rule(403, "nobody offers the dataset to this requester, app and pool", "ask its owner"),
    "dataset-price": Rule(403, "every fitting order for the dataset costs more than `datasetmaxprice`", "offer more"),
}

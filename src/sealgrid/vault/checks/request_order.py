"""Check (7.21) of docs/protocol/release.md: the request order of a deal and how it was signed. Pure."""

from dataclasses import dataclass

from sealgrid.attestation.facts import RequesterSignature
from sealgrid.chain.views import DealView
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.ids import deal_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import OrderDomain, is_signed_by
from sealgrid.receipts.request_document import RequestDocument, hash_request
from sealgrid.units import Digest


@dataclass(frozen=True, slots=True)
class MatchedRequest:
    """The request order that a deal was matched from, with its hash on this hub."""

    order: RequestOrder
    hash: Digest

    def is_signed_by_key(self) -> bool:
        """Return whether it carries a signature by the requester's key."""
        return is_signed_by(self.order.requester, self.hash, self.order.sign)


def match_request(document: RequestDocument | None, deal: DealView, domain: OrderDomain) -> MatchedRequest | None:
    """Return the order sent if the deal was matched from it: the deal's id commits to the order's hash."""
    if document is None:
        return None
    order = document.order()
    digest = hash_request(order, domain)
    return MatchedRequest(order, digest) if deal_id(digest, deal.bot_first) == deal.deal else None


def check_signature_kind(kind: RequesterSignature | None) -> RequesterSignature:
    """Return the kind of a signature; raise ReleaseRefused (7.21) if there is none."""
    if kind is None:
        raise ReleaseRefused(
            "7.21", "the request order of this deal was not sent, or not with its requester's signature."
        )
    return kind

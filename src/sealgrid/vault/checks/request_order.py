"""Whether a shown request order is the deal's, and how PoCo took it for signed: (7.21) of docs/protocol/release.md."""

from dataclasses import dataclass

from sealgrid.attestation.facts import RequesterSignature
from sealgrid.chain.views import DealView
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.ids import deal_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import OrderDomain, is_signed_by
from sealgrid.receipts.request_document import RequestDocument, hash_request
from sealgrid.units import Digest
from sealgrid.vault.chain.reader import ChainReader
from sealgrid.vault.chain.snapshot import ChainSnapshot


@dataclass(frozen=True, slots=True)
class MatchedRequest:
    """The request order that a deal was matched from, with its hash on our hub."""

    order: RequestOrder
    hash: Digest

    def is_signed_by_key(self) -> bool:
        """Tell whether the requester's own signature is with it."""
        return is_signed_by(self.order.requester, self.hash, self.order.sign)


def matched_request(shown: RequestDocument | None, deal: DealView, domain: OrderDomain) -> MatchedRequest | None:
    """Return the shown order if the deal was matched from it: the deal's id commits to the order's hash."""
    if shown is None:
        return None
    order = shown.order()
    digest = hash_request(order, domain)
    return MatchedRequest(order, digest) if deal_id(digest, deal.bot_first) == deal.deal else None


async def signature_kind(
    chain: ChainReader, shown: RequestDocument | None, snapshot: ChainSnapshot, domain: OrderDomain
) -> RequesterSignature | None:
    """Return how PoCo took the deal's request order for signed; None where the shown order does not tell.

    The chain is asked, at the snapshot's block, only about an order without its requester's own signature.
    """
    found = matched_request(shown, snapshot.deal, domain)
    if found is None:
        return None
    if found.is_signed_by_key():
        return "eoa"
    return await chain.vouches(found.order.requester, found.hash, found.order.sign, at=snapshot.block_hash)


def check_signed(kind: RequesterSignature | None) -> RequesterSignature:
    """Return the kind of a signature; raise ReleaseRefused (7.21) for none."""
    if kind is None:
        raise ReleaseRefused(
            "7.21", "the request order of this deal was not shown, or not with the signature that its requester gave."
        )
    return kind

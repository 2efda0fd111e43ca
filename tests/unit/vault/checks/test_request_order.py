"""Check (7.21): the request order that was sent is the deal's, and how PoCo accepted its signature."""

import msgspec
import pytest

from sealgrid.errors import InputRefused, ReleaseRefused
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import to_digest
from sealgrid.vault.checks.request_order import check_signature_kind, match_request
from sealgrid.vault.handlers.release import signature_kind
from tests.unit.vault.vault_scene import FEDERATION, ORDER, REQUESTER, STRANGER, deal, snapshot

SHOWN = RequestDocument.of(ORDER)
DOMAIN = FEDERATION.order_domain
replace = msgspec.structs.replace


class Chain:
    """A chain that order_signature_kind for one kind, and records its calls."""

    def __init__(self, says=None):
        self.kind, self.calls = says, []

    async def order_signature_kind(self, requester, order, signature, *, at):
        self.calls.append((requester, signature, at))
        return self.kind


async def kind(shown, chain=None, **changes):
    return await signature_kind(chain or Chain(), shown, snapshot(**changes), DOMAIN)


async def test_the_requesters_own_signature_needs_no_chain_read():
    chain = Chain()
    assert await kind(SHOWN, chain) == "eoa"
    assert chain.calls == []


@pytest.mark.parametrize("says", ["presigned", "contract"])
async def test_without_it_the_chain_is_read_at_the_block_of_the_snapshot(says):
    chain, bare = Chain(says), replace(SHOWN, sign=b"a contract's")
    assert await kind(bare, chain) == says
    assert chain.calls == [(REQUESTER.address, b"a contract's", snapshot().block_hash)]


async def test_21_an_order_without_any_authorisation_is_refused():
    for shown in (replace(SHOWN, sign=b""), RequestDocument.of(sign_order(ORDER, DOMAIN, STRANGER))):
        with pytest.raises(ReleaseRefused) as caught:
            check_signature_kind(await kind(shown))
        assert caught.value.check == "7.21"


async def test_21_an_order_that_the_deal_was_not_matched_from_is_refused_whoever_signed_it():
    other = sign_order(replace(ORDER, salt=to_digest(b"\xee" * 32)), DOMAIN, REQUESTER)
    chain = Chain("presigned")
    assert await kind(RequestDocument.of(other), chain) is None
    assert await kind(None, chain) is None
    assert await kind(SHOWN, chain, deal=deal(bot_first=1)) is None
    assert chain.calls == []


def test_an_order_with_a_number_that_none_can_have_is_bad_input():
    with pytest.raises(InputRefused):
        match_request(replace(SHOWN, trust=str(2**256)), deal(), DOMAIN)

"""Deposits at three vaults on a real chain: pushed keys, expiry and limits of sealed inputs, malformed requests."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from sealgrid.attestation.policy import Platform, Policy
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, NotFound, ReleaseRefused, SharesRefused
from sealgrid.machine.vault_file import create_vault_file
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.network import Root, VaultAddress
from sealgrid.units import Address, to_digest
from sealgrid.vault.api import application
from sealgrid.vault.checks.deposit import input_asset
from sealgrid.vault.config import VaultConfig, read_config
from sealgrid.vault.runner import open_app, open_vault
from sealgrid.vault.stores.input_expiry import InputExpiry
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.message import encode
from sealgrid.wire.vault import DepositRequest, PolicyRequest, VaultClient
from tests.contracts.scene import DATASET_CHECKSUM, VAULTS
from tests.integration.vault_federation import (
    MODEL_DEK,
    PICTURE,
    PICTURE_DEK,
    Federation,
    push_as_iexec,
    share_deposits,
)
from tests.unit.sdk.network_file import CLOSED, network

pytestmark = pytest.mark.chain


async def test_a_pushed_key_is_stored_once_takes_no_policy_and_needs_the_matched_order(
    federation: Federation,
) -> None:
    owner, dataset = development_key("owner"), federation.market.dataset
    await push_as_iexec(federation, owner)
    stored = federation.vaults[0].share_store.find(dataset, owner.address)
    assert stored is not None
    assert stored.value_hash == to_digest(keccak256(b64encode(MODEL_DEK)))
    with pytest.raises(SharesRefused) as again:
        await push_as_iexec(federation, owner, b"\x77" * 32)
    assert again.value.check == "iexec-deposit.5"
    policy = Policy(
        asset=dataset, owner=owner.address, version=1, expiry=1 << 40, allowed=(), uses_per_requester_hour=1
    )
    with pytest.raises(SharesRefused) as refused:
        await federation.clients[0].set_policy(
            PolicyRequest(policy=policy, signature=policy.sign(federation.market.domain, owner))
        )
    assert refused.value.check == "policy.6"
    enclave = await federation.begin(await federation.order())
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "7.11"


async def test_an_owner_who_deposits_a_pushed_key_anew_sells_it_under_its_own_policy(federation: Federation) -> None:
    await push_as_iexec(federation, development_key("owner"))
    await federation.sell_model(version=2)
    session = await (await federation.begin(await federation.order())).released()
    assert session.key(DATASET_CHECKSUM) == MODEL_DEK


async def test_a_stranger_cannot_push_a_key_for_anothers_dataset(federation: Federation) -> None:
    with pytest.raises(SharesRefused) as caught:
        await push_as_iexec(federation, development_key("stranger"))
    assert caught.value.check == "iexec-deposit.4"


@pytest.mark.parametrize("path", ["deposits", "policies", "nonces", "releases", "settlements", "openings"])
async def test_a_malformed_message_is_refused_in_one_sentence(federation: Federation, path: str) -> None:
    for body in (b"", b"{}", b"[]", b"\xff", b'{"surprise": 1}'):
        with pytest.raises(InputRefused):
            await federation.transport.request("POST", f"/{path}", body)


async def test_an_asset_that_nobody_deposited_is_not_found(federation: Federation) -> None:
    with pytest.raises(NotFound):
        await federation.clients[0].asset(federation.market.dataset, development_key("stranger").address)
    with pytest.raises(InputRefused):
        await federation.clients[0].asset(Address("0x12"), Address("0x34"))


async def test_a_vault_does_not_start_on_another_chain(federation: Federation, tmp_path: Path) -> None:
    vault = federation.vaults[0]
    market = federation.market
    config = VaultConfig(
        folder=tmp_path / vault.address,
        network=replace(market.network(federation.addresses), genesis=to_digest(b"\xaa" * 32)),
        storage_url="http://x",
        roots=(),
    )
    with pytest.raises(InputRefused, match="another chain"):
        async with open_vault(config, federation.files):
            pass


async def test_an_input_without_a_deal_goes_after_its_time_and_one_that_a_deal_needs_stays_until_its_deadline(
    federation: Federation,
) -> None:
    await federation.sell_model()
    vault, requester = federation.vaults[0], development_key("requester")
    stranger, hours = SigningKey.generate(), 24
    expiries = [InputExpiry(each, keep_seconds=3600 * hours) for each in federation.vaults]
    unknown = to_digest(keccak256(b"the chain never saw this"))
    grant = InputGrant(owner=stranger.address, file_sha256=unknown, app=unknown, request=unknown)
    await federation.deposit(
        stranger,
        input_asset(unknown),
        unknown,
        PICTURE_DEK,
        grant=grant,
        grant_signature=grant.sign(federation.market.domain, stranger),
    )
    category = "XL"
    await federation.order(category=category)
    timeref = (await federation.market.hub.view_category(federation.market.deployment.categories[category])).timeref
    keys = {
        "unused": (input_asset(unknown), stranger.address),
        "needed": (input_asset(PICTURE), requester.address),
        "model": (federation.market.dataset, development_key("owner").address),
    }

    def stored_keys() -> set[str]:
        return {name for name, key in keys.items() if vault.share_store.find(*key) is not None}

    async def sweep() -> int:
        (gone,) = {await expiry.sweep() for expiry in expiries}
        return gone

    assert await sweep() == 0
    federation.clock.now += 3600 * hours + 1
    assert await sweep() == 1
    assert stored_keys() == {"needed", "model"}
    assert vault.share_store.grants(stranger.address, unknown) == []
    assert vault.share_store.versions(*keys["unused"]) == []
    await federation.deposit(
        stranger,
        input_asset(unknown),
        unknown,
        PICTURE_DEK,
        grant=grant,
        grant_signature=grant.sign(federation.market.domain, stranger),
    )
    assert stored_keys() == {"unused", "needed", "model"}
    federation.clock.now += 11 * timeref
    assert await sweep() == 2
    assert stored_keys() == {"model"}


async def test_a_request_order_that_was_cancelled_needs_no_input(federation: Federation) -> None:
    market, reader = federation.market, federation.vaults[0].chain
    request = market.request(volume=3)
    await market.hub.cancel(market.wallet("requester"), request)
    assert await reader.last_deadline([order_hash(request, market.orders)]) == 0


async def test_deposits_of_inputs_are_limited_for_each_client_and_hour(federation: Federation) -> None:
    vault = federation.vaults[0]
    requests = [await _input_deposit(federation, number) for number in range(5)]
    transport = httpx.ASGITransport(application(vault, inputs_per_hour=3), client=("192.0.2.1", 1))
    other = httpx.ASGITransport(transport.app, client=("192.0.2.2", 1))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as flood,
        httpx.AsyncClient(transport=other, base_url="http://127.0.0.1") as honest,
    ):
        answers = [await flood.post("/deposits", content=encode(request)) for request in requests]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) > 60
        assert (await honest.post("/deposits", content=encode(requests[3]))).status_code == 200
        model = await _deposit_of_model(federation, version=2)
        assert (await flood.post("/deposits", content=encode(model))).status_code == 200


async def _input_deposit(federation: Federation, number: int) -> DepositRequest:
    stranger, file = SigningKey.generate(), to_digest(keccak256(b"%d" % number))
    grant = InputGrant(owner=stranger.address, file_sha256=file, app=file, request=file)
    identities = [await client.identity() for client in federation.clients]
    return share_deposits(
        federation,
        stranger,
        input_asset(file),
        file,
        PICTURE_DEK,
        identities,
        version=1,
        grant=grant,
        grant_signature=grant.sign(federation.market.domain, stranger),
    )[0]


async def _deposit_of_model(federation: Federation, *, version: int) -> DepositRequest:
    identities, owner = [await client.identity() for client in federation.clients], development_key("owner")
    dataset = federation.market.dataset
    return share_deposits(federation, owner, dataset, DATASET_CHECKSUM, MODEL_DEK, identities, version=version)[0]


async def test_a_vault_that_init_made_starts_as_soon_as_the_broker_lists_its_key(
    federation: Federation, tmp_path: Path
) -> None:
    market, path = federation.market, tmp_path / "new" / "vault.toml"
    joined = msgspec.structs.replace(
        network(genesis=await market.node.genesis()),
        rpc_url=market.node.url,
        hub=market.hub.address,
        broker=market.broker.address,
        vaults=tuple(VaultAddress(each, CLOSED) for each in federation.addresses),
        roots=(
            Root(
                platform=Platform.SIMULATED, root_ca_der=SimulatedPlatformKeys.generate(federation.clock.now).root_der
            ),
        ),
    )
    address = create_vault_file(path, joined)
    config, _ = read_config(path)
    with pytest.raises(InputRefused, match=f"{address}"):
        async with open_app(config):
            pass
    (path.parent / "vault-data" / "keys" / "signing.key").write_bytes(VAULTS[0].secret)  # of a vault that is listed
    async with open_app(config) as app:
        http = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with HttpTransport("http://127.0.0.1", name="the vault", http=http) as transport:
            identity = await VaultClient(transport).identity()
    assert identity.address == VAULTS[0].address

"""Settling and opening results at three vaults on a real chain, and what vaults store of them."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sealgrid.chain.anvil import advance
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ContainerRefused, ContractReverted, ReleaseRefused
from sealgrid.units import to_digest
from sealgrid.vault.handlers.settled_files import sealed_limit
from tests.integration.vault_enclave import K2, Result
from tests.integration.vault_federation import Federation

pytestmark = pytest.mark.chain


@pytest.fixture
async def federation(federation: Federation) -> Federation:
    """The vaults, with the model's key deposited."""
    await federation.sell_model()
    return federation


async def a_result(federation: Federation, **order: Any) -> Result:
    enclave = await federation.begin(await federation.order(**order))
    return await (await enclave.released()).seal()


async def refused_opening(result: Result) -> str:
    with pytest.raises(ReleaseRefused) as caught:
        await result.opened()
    return caught.value.check


async def test_a_settled_result_is_paid_and_only_then_opens(federation: Federation) -> None:
    result = await a_result(federation)
    assert await refused_opening(result) == "open.1"
    verdicts = await result.settled(0, 1)
    assert await refused_opening(result) == "open.2"
    await result.publish(verdicts)
    assert await result.opened() == K2


async def test_a_stolen_opening_is_of_no_use_without_the_result_key(federation: Federation) -> None:
    result = await a_result(federation)
    await result.publish(await result.settled(0, 1))
    thief = replace(federation, result_key=federation.result_key.generate())
    enclave = replace(result.session.enclave, federation=thief)
    with pytest.raises(ContainerRefused):
        await replace(result, session=replace(result.session, enclave=enclave)).opened()


async def test_the_verdict_of_one_vault_does_not_pay(federation: Federation) -> None:
    result = await a_result(federation)
    with pytest.raises(ContractReverted):
        await result.publish(await result.settled(0))
    assert await refused_opening(result) == "open.2"


async def test_the_same_settle_again_gets_the_same_verdict(federation: Federation) -> None:
    result = await a_result(federation)
    request = result.request(0)
    first, again = [await federation.clients[0].settle(request) for _ in range(2)]
    assert first == again
    federation.clock.now += 60
    assert await federation.clients[0].settle(result.request(0)) == first


async def test_an_enclave_settles_one_result_only(federation: Federation) -> None:
    result = await a_result(federation)
    await result.settled(0)
    other = await result.session.seal(b"another result")
    with pytest.raises(ReleaseRefused) as caught:
        await other.settled(0)
    assert caught.value.check == "settle.3"


async def test_a_settled_task_gets_no_second_run(federation: Federation) -> None:
    result = await a_result(federation)
    await result.settled(0, 1)
    second = replace(result.session.enclave, signing=SigningKey.generate())
    with pytest.raises(ReleaseRefused) as caught:
        await second.nonces(second.reassigned(2))
    assert caught.value.check == "1.3"


async def test_a_result_that_was_not_uploaded_gets_no_verdict(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    result = await (await enclave.released()).seal(sealed_sha256=to_digest(b"\xef" * 32))
    with pytest.raises(ReleaseRefused) as caught:
        await result.settled(0)
    assert caught.value.check == "settle.5"


async def test_a_result_above_the_owners_cap_gets_no_verdict(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    large = await (await enclave.released()).seal(bytes(sealed_limit(1 << 20) + 1))
    with pytest.raises(ReleaseRefused) as caught:
        await large.settled(0)
    assert caught.value.check == "settle.5"


async def test_a_digest_that_does_not_follow_from_the_receipt_gets_no_verdict(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    forged = await (await enclave.released()).seal(result_digest=to_digest(b"\xef" * 32))
    with pytest.raises(ReleaseRefused) as caught:
        await forged.settled(0)
    assert caught.value.check == "settle.6"


async def test_a_result_after_the_deadline_gets_no_verdict_and_stays_shut(federation: Federation) -> None:
    result = await a_result(federation, category="Short")
    await result.settled(0)
    market = federation.market
    await advance(market.node, 7 * 30)
    with pytest.raises(ReleaseRefused) as caught:
        await result.settled(1)
    assert caught.value.check == "settle.7"
    await advance(market.node, 3 * 30)
    await market.hub.claim(market.wallet("requester"), result.settle.task)
    assert await refused_opening(result) == "open.2"


async def test_vaults_forget_nothing_over_a_restart(federation: Federation) -> None:
    result = await a_result(federation)
    await result.publish(await result.settled(0, 1))
    for vault in federation.vaults:
        vault.database.close()
    assert await result.opened() == K2


async def test_nothing_of_a_key_lies_in_the_clear_on_a_vaults_disk(federation: Federation, tmp_path: Path) -> None:
    result = await a_result(federation)
    await result.settled(0, 1, 2)
    values = [share.value for share in result.shares]
    values += [each.part.value for answer in result.session.answers for each in answer.shares]
    stored = on_disk(tmp_path)
    assert result.settle.task.encode() in stored  # what lies there in the clear is found
    for piece in (value[start : start + 15] for value in values for start in (0, 15)):
        assert not any(form in stored for form in (piece, piece.hex().encode(), b64encode(piece)))


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

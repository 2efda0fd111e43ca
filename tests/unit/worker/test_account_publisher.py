"""A settled result reaches the chain whatever fails for a moment; what cannot change ends the job with its reason."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain.views import ContributionStatus
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ContractReverted, HostFailed, InputRefused, NodesDisagree, ServiceUnavailable
from sealgrid.units import to_address
from sealgrid.wire.pool import ForwardReply
from sealgrid.worker.account_publisher import REPEAT_SECONDS, AccountPublisher
from tests.unit.worker.job_scene import JOB

HUB, ACCOUNT, PILOT = to_address(b"\x0c" * 20), to_address(b"\x0d" * 20), SigningKey.from_bytes(b"\x31" * 32)
SILENT = ServiceUnavailable("it does not answer.")
REVERTED = ContractReverted("the delegation was revoked.")


@dataclass
class Scene:
    """A chain and a pool that give planned answers, or raise them; the last one is repeated."""

    views: list[Any] = field(default_factory=lambda: [ContributionStatus.UNSET])
    simulations: list[Any] = field(default_factory=lambda: ["0x"])
    answers: list[Any] = field(default_factory=lambda: [ForwardReply()])
    chain_seconds: int = 1000
    now: float = 1000.0
    given: list[tuple[AccountCall, bytes]] = field(default_factory=list)

    async def view_contribution(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(status=planned(self.views))

    async def block(self) -> SimpleNamespace:
        return SimpleNamespace(timestamp=self.chain_seconds)

    async def rpc(self, *_: object, **__: object) -> str:
        return planned(self.simulations)

    async def forward(self, task: object, fence: int, call: AccountCall, signature: bytes) -> ForwardReply:
        self.given.append((call, signature))
        assert len(self.given) < 20, "it would ask until the deadline"
        return planned(self.answers)

    def clock(self) -> float:
        self.now += REPEAT_SECONDS
        return self.now

    async def publish(self) -> None:
        node = SimpleNamespace(rpc=self.rpc, block=self.block)
        hub = SimpleNamespace(node=node, address=HUB, view_contribution=self.view_contribution)
        publisher = AccountPublisher(hub, ACCOUNT, PILOT, self, chain=31337, clock=self.clock, poll=0.0)  # type: ignore[arg-type]
        await publisher.wallet(JOB).send(HUB, b"result")


def planned(answers: list[Any]) -> Any:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def then_published(*before: object) -> list[Any]:
    return [*before, ContributionStatus.PROVED]


UNSET = ContributionStatus.UNSET


async def test_a_pool_that_fails_once_gets_the_result_again() -> None:
    scene = Scene(views=then_published(UNSET, UNSET), answers=[SILENT, ForwardReply()])
    await scene.publish()
    assert len(scene.given) == 2


@pytest.mark.parametrize("failure", [SILENT, NodesDisagree("chain.3", "two nodes disagree.")])
async def test_a_node_that_fails_once_does_not_end_the_job(failure: Exception) -> None:
    scene = Scene(views=then_published(failure, UNSET, failure, UNSET), simulations=[failure, "0x"])
    await scene.publish()
    assert len(scene.given) == 1


async def test_a_signature_holds_until_the_deadline_of_the_job() -> None:
    scene = Scene(views=then_published(UNSET))
    await scene.publish()
    ((call, signature),) = scene.given
    assert call == AccountCall(call=b"result", expiry=JOB.contribution_deadline)
    assert call.signer(Domain(chain=31337, broker=ACCOUNT), signature) == PILOT.address


async def test_a_result_that_the_chain_refuses_is_not_given_to_the_pool() -> None:
    scene = Scene(simulations=[REVERTED])
    with pytest.raises(ContractReverted, match="revoked"):
        await scene.publish()
    assert scene.given == []


async def test_a_simulation_that_reverts_while_the_pool_sends_the_result_is_no_refusal() -> None:
    scene = Scene(views=then_published(UNSET, UNSET, UNSET), simulations=["0x", REVERTED])
    await scene.publish()
    assert len(scene.given) == 3


async def test_a_pool_whose_answer_was_lost_may_have_sent_the_result() -> None:
    scene = Scene(views=then_published(UNSET, UNSET), simulations=["0x", REVERTED], answers=[SILENT, ForwardReply()])
    await scene.publish()


async def test_a_refusal_that_both_the_chain_and_the_pool_report_ends_the_job_with_its_reason() -> None:
    scene = Scene(simulations=["0x", REVERTED], answers=[ForwardReply(), ForwardReply(refusal="it reverted")])
    with pytest.raises(ContractReverted, match="revoked"):
        await scene.publish()


async def test_a_pool_that_could_not_send_the_result_once_gets_it_again() -> None:
    refusals = [ForwardReply(), ForwardReply(refusal="the node was behind"), ForwardReply()]
    scene = Scene(views=then_published(UNSET, UNSET, UNSET), answers=refusals)
    await scene.publish()
    assert len(scene.given) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ForwardReply(refusal="it needs 9 gas, and the pool pays 1 at most", final=True), HostFailed),
        (InputRefused("the task is not assigned to you: it needs 9 gas"), InputRefused),
    ],
)
async def test_a_refusal_of_the_pool_that_cannot_change_ends_the_job(answer: Any, error: type[Exception]) -> None:
    scene = Scene(answers=[answer])
    with pytest.raises(error, match="needs 9 gas"):
        await scene.publish()
    assert len(scene.given) == 1


async def test_after_the_deadline_nothing_is_tried() -> None:
    for scene in (Scene(chain_seconds=JOB.contribution_deadline), Scene(views=[SILENT], now=JOB.contribution_deadline)):
        with pytest.raises(HostFailed, match="contribution deadline"):
            await scene.publish()
        assert scene.given == []

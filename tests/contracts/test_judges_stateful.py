"""No sequence of admin and task calls lets a task finalise without t distinct current vaults; PoCo's accounts always sum.

Real PoCo and real judges in titanoboa's EVM, beside a model of what they should accept.
"""

from collections import Counter
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace as but

from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.pool_gate import encode_proof_without_enclave
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.errors import ContractReverted
from sealgrid.poco import ids
from sealgrid.poco.constants import KITTY_ADDRESS
from sealgrid.units import ZERO_ADDRESS, Digest, to_digest
from tests.contracts.gate_market import OPERATOR, GatedMarket, gated, operator_signs
from tests.contracts.judge_model import Federation, Model
from tests.contracts.memory_chain import MemoryNode, now
from tests.contracts.scene import RUNTIME, TERMS, VAULTS, Attempt, Market, open_market
from tests.examples import examples

pytestmark = pytest.mark.chain
NOTICE = 100
OTHER_RUNTIME = to_digest(b"\x16" * 32)
POCO = Path(__file__).parents[2] / ".cache/poco"
KEYS = tuple(
    sorted((*VAULTS, *(development_key(name) for name in ("worker2", "worker3"))), key=lambda key: key.address)
)
STRANGER = development_key("stranger")
HOLDERS = tuple(development_key(name).address for name in ("requester", "pool", "owner", "developer", "worker"))


def federation_of(keys: frozenset[SigningKey]) -> Federation:
    return Federation(tuple(sorted(keys, key=lambda key: key.address)), (len(keys) + 1) // 2)


federations = st.sampled_from((1, 3)).flatmap(
    lambda size: st.frozensets(st.sampled_from(KEYS), min_size=size, max_size=size).map(federation_of)
)
FLAWS = (
    *(None, "one vault twice", "one too few", "another signer", "a former federation", "another runtime"),
    *("a runtime allowed just now", "too late"),
)


@lru_cache
def opened(who: str) -> Market:
    market = now(open_market(MemoryNode(), POCO, but(TERMS, notice=NOTICE)))
    return market if who == "broker" else now(gated(market, but(TERMS, notice=NOTICE)))


class Judged(RuleBasedStateMachine):
    """Everything that owner, guardian, vaults, pool, worker and stranger can do to one judge."""

    who = "broker"
    answers: ClassVar[Counter[bool]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.market = opened(self.who)
        self.node: MemoryNode = self.market.node
        self.taken_back = ExitStack()
        self.taken_back.enter_context(self.node.anchored())
        self.broker, self.admin = self.market.broker, self.market.wallet("admin")
        self.model = Model(Federation(VAULTS, 2), self.market.vault_set, NOTICE, {RUNTIME: 0})
        self.open: dict[int, Attempt] = {}
        self.paid: set[int] = set()

    def teardown(self) -> None:
        self.check()
        self.taken_back.close()

    @property
    def clock(self) -> int:
        return now(self.node.block()).timestamp

    def tries(self, work, *, expected: bool) -> None:
        """Send it; it must go through exactly when the model says so."""
        try:
            now(work)
        except ContractReverted:
            assert not expected
        else:
            assert expected

    # --- the owner, and accounts that claim to be

    @rule(federation=federations, waited=st.sampled_from((NOTICE, NOTICE, NOTICE - 1)), withdrawn=st.booleans())
    def replace_the_vaults(self, federation: Federation, waited: int, withdrawn: bool) -> None:
        vaults = [key.address for key in federation.vaults]
        now(self.broker.announce_federation(self.admin, vaults, federation.threshold))
        self.model.announced = federation, self.clock + NOTICE
        self.node.advance(waited)
        self.change()
        if withdrawn:
            self.tries(self.broker.withdraw_federation(self.admin), expected=self.model.announced is not None)
            self.model.announced = None

    @rule()
    def change(self) -> None:
        expected = self.model.may_change(self.clock)
        self.tries(self.broker.change_federation(self.market.wallet("stranger")), expected=expected)
        if expected:
            self.model.changed(now(self.broker.vault_set()))
        assert now(self.broker.vaults()) == tuple(key.address for key in self.model.federation.vaults)
        assert now(self.broker.threshold()) == self.model.federation.threshold

    @rule(runtime=st.sampled_from((RUNTIME, OTHER_RUNTIME)), forbid=st.booleans())
    def change_trust(self, runtime: Digest, forbid: bool) -> None:
        if forbid:
            now(self.broker.forbid_runtime(self.admin, runtime))
            self.model.runtime_since.pop(runtime, None)
        else:
            now(self.broker.allow_runtime(self.admin, runtime))
            self.model.runtime_since.setdefault(runtime, self.clock + NOTICE)

    @rule(paused=st.sampled_from((True, False, False)), seconds=st.integers(1, NOTICE))
    def pause_and_wait(self, paused: bool, seconds: int) -> None:
        now(self.broker.pause(self.admin) if paused else self.broker.unpause(self.admin))
        self.model.paused = paused
        self.node.advance(seconds)

    @rule(name=st.sampled_from(("stranger", "pool", "worker")), federation=federations)
    def usurp(self, name: str, federation: Federation) -> None:
        wallet, vaults = self.market.wallet(name), [key.address for key in federation.vaults]
        for work in (
            self.broker.announce_federation(wallet, vaults, federation.threshold),
            self.broker.withdraw_federation(wallet),
            self.broker.allow_runtime(wallet, OTHER_RUNTIME),
            self.broker.forbid_runtime(wallet, RUNTIME),
            self.broker.pause(wallet),
            self.broker.unpause(wallet),
        ):
            self.tries(work, expected=False)

    # --- tasks

    def open_task(self) -> None:
        number = len(self.open)
        deal = now(self.market.deal(category="XS", volume=1, salt=to_digest(number.to_bytes(32, "big"))))
        task = now(self.market.hub.initialize(self.market.wallet("pool"), deal, 0))
        deadline = now(self.market.hub.view_task(task)).contribution_deadline
        self.open[number] = Attempt(market=self.market, deal=deal, task=task, expiry=deadline)

    @rule(data=st.data())
    def publish_rightly(self, data: st.DataObject) -> None:
        """Whatever happened before, a task that begins now and has nothing against it is accepted."""
        now(self.broker.unpause(self.admin))
        self.model.paused = False
        if not self.model.allowed(RUNTIME, self.clock):
            self.change_trust(RUNTIME, forbid=False)
            self.node.advance(NOTICE)
        self.open_and_publish(None, data)
        assert max(self.open) in self.paid

    @rule(flaw=st.sampled_from(FLAWS), data=st.data())
    def open_and_publish(self, flaw: str | None, data: st.DataObject) -> None:
        self.open_task()
        self.publish(max(self.open), flaw, data)

    @precondition(lambda self: self.open)
    @rule(flaw=st.sampled_from(FLAWS), data=st.data())
    def publish_an_old_one(self, flaw: str | None, data: st.DataObject) -> None:
        self.publish(data.draw(st.sampled_from(sorted(self.open))), flaw, data)

    def publish(self, number: int, flaw: str | None, data: st.DataObject) -> None:
        """Send enough verdicts of current vaults, or almost."""
        federation, name, runtime = self.model.federation, self.model.name, RUNTIME
        vaults = data.draw(st.permutations(federation.vaults))[: federation.threshold]
        match flaw:
            case "one vault twice":
                vaults = [vaults[0]] * max(2, len(vaults))
            case "one too few" if len(vaults) > 1:
                vaults = vaults[1:]
            case "another signer":
                others = [key for key in (*KEYS, STRANGER) if key not in federation.vaults]
                vaults = [*vaults[1:], data.draw(st.sampled_from(others))]
            case "a former federation":
                name = data.draw(st.sampled_from((name, *self.model.former)))
            case "another runtime":
                runtime = OTHER_RUNTIME
            case "a runtime allowed just now":
                self.change_trust(runtime := OTHER_RUNTIME, forbid=False)
            case "too late":
                self.node.advance(max(0, self.open[number].expiry - self.clock))
        self.send(number, tuple(vaults), name, runtime)

    def send(self, number: int, vaults: tuple[SigningKey, ...], name: Digest, runtime: Digest) -> None:
        task = self.open[number].but(signers=vaults, vault_set=name, runtime=runtime, issued=(1,) * len(vaults))
        accepted = self.model.accepts(vaults, name, runtime, expiry=task.expiry, at=self.clock)
        assert (now(task.judged()) == 0) is accepted
        active = now(self.market.hub.view_task(task.task)).status is TaskStatus.ACTIVE
        self.tries(task.publish(), expected=accepted and active)
        self.answers[accepted] += 1
        if accepted and active:
            self.paid.add(number)
        self.check()

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def publish_on_the_pools_word(self, data: st.DataObject) -> None:
        task = self.open[data.draw(st.sampled_from(sorted(self.open)))]
        self.tries(task.publish(operator_signs(task.digest)), expected=False)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        task = now(self.market.hub.view_task(self.open[number].task))
        due = task.status is TaskStatus.ACTIVE and self.clock >= task.final_deadline
        self.tries(self.market.hub.claim(self.market.wallet("stranger"), self.open[number].task), expected=due)
        self.check()

    # --- what always holds

    def check(self) -> None:
        """Nothing but what current vaults judged is completed, and accounts sum to what was deposited."""
        for number, task in self.open.items():
            completed = now(self.market.hub.view_task(task.task)).status is TaskStatus.COMPLETED
            assert completed is (number in self.paid)
        hub, token = self.market.hub, interface("Token")
        balance = now(self.node.call(self.market.deployment.token, token.call_data("balanceOf", hub.address)))
        accounts = [now(hub.account(each)) for each in (*HOLDERS, KITTY_ADDRESS, self.broker.address)]
        assert sum(account.stake + account.locked for account in accounts) == token.decode("balanceOf", balance)


class Gated(Judged):
    """The same at a gate, and what its operator can do besides."""

    who = "gate"
    market: GatedMarket

    @rule(amount=st.integers(1, 10**6))
    def operator_withdraws(self, amount: int) -> None:
        now(self.market.gate.withdraw(self.market.wallet(OPERATOR), amount))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def publish_without_an_enclave(self, data: st.DataObject) -> None:
        task = self.open[data.draw(st.sampled_from(sorted(self.open)))]
        digest = personal_digest(ids.authorisation_message(task.worker, task.task, ZERO_ADDRESS))
        proof = encode_proof_without_enclave(
            worker=task.worker, deal=task.deal, index=0, pool_signature=operator_signs(digest)
        )
        assert now(self.market.gate.judge(digest, proof)) == 13


@pytest.mark.parametrize("machine", [Judged, Gated])
def test_only_t_distinct_current_vaults_let_a_task_finalise(machine: type[Judged]) -> None:
    machine.answers = Counter()
    sometimes = settings(max_examples=examples(16, 60), stateful_step_count=20, deadline=None)
    run_state_machine_as_test(machine, settings=sometimes)
    assert min(machine.answers[True], machine.answers[False]) > 4  # else it proved little

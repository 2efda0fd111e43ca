"""The TeeBroker contract and the encoding of its proofs (docs/protocol/broker.md)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from eth_abi.abi import encode

from sealgrid.attestation.statements import Verdict
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import Domain, personal_digest
from sealgrid.errors import ContractReverted, InputRefused, ProofRefused
from sealgrid.poco.ids import authorisation_message
from sealgrid.units import Address, DealId, Digest, TaskId, to_bytes, to_digest

#: ABI of a proof, which PoCo passes on as ``authorizationSign``.
PROOF: Final = (
    *("address", "bytes32", "uint256", "address", "bytes"),  # worker, deal, index, enclave, the pool's signature
    "(bytes32,uint8,bytes32,bytes32,uint64)",  # runtime, platform, session, settle, expiry
    *("uint64[]", "bytes[]"),  # issued and signature, by ascending vault
)

#: Reason of a refusal, by the number of the check in contracts/lib/judgement.vy.
CHECKS: Final = {
    1: "The proof has no verdicts: it is a bare signature, or cut short.",
    2: "The proof is about another worker, task or enclave than the contribution.",
    3: "The deal does not exist on the hub.",
    4: "The pool's owner did not authorise this worker and enclave for this task.",
    5: "The verdict has expired.",
    6: "The broker does not accept this platform.",
    7: "The broker does not accept this runtime.",
    8: "Fewer vaults signed than the broker requires, or a time of issue is missing or after the expiry.",
    9: "A vault's signature is not valid.",
    10: "A signature is not by a listed vault over this task, worker, enclave and app under the present federation.",
    11: "The vaults do not ascend, or one of them is there twice.",
    12: "All proofs are refused: owner or guardian paused the contract.",
    13: "A pool's signature without an enclave is not enough for a deal that requires one.",
}


class AnnouncedFederation(msgspec.Struct, frozen=True):
    """A federation that replaces the present one later."""

    vaults: tuple[Address, ...]  #: ascending
    threshold: int
    effective: int  #: Unix seconds; from then on anyone can put it in force


class Broker:
    """One TeeBroker on one chain."""

    CONTRACT: ClassVar = "TeeBroker"

    def __init__(self, node: Node, address: Address) -> None:
        self.node = node
        self.address = address

    async def domain(self) -> Domain:
        """Return the EIP-712 domain of this broker's statements."""
        return Domain(chain=await self.node.chain(), broker=self.address)

    async def judge(self, digest: bytes, proof: bytes, *, at: Digest | None = None) -> int:
        """Return 0 if the broker accepts a proof, else the number of the check in ``CHECKS`` that refuses it.

        Raises ContractReverted if the proof cannot be decoded.
        """
        return int(await self._read("judge", digest, proof, at=at))

    async def check_proof(self, worker: Address, task: TaskId, enclave: Address, proof: bytes) -> None:
        """Raise ProofRefused, with the check's number, if the broker refuses a proof."""
        try:
            check = await self.judge(personal_digest(authorisation_message(worker, task, enclave)), proof)
        except ContractReverted as error:
            raise ProofRefused("The broker cannot decode the proof.", check=1) from error
        if check:
            raise ProofRefused(f"The broker refused, check ({check}): {CHECKS[check]}", check=check)

    async def vaults(self, *, at: Digest | None = None) -> tuple[Address, ...]:
        """Return the federation, ascending."""
        return tuple(await self._read("vaults", at=at))

    async def threshold(self, *, at: Digest | None = None) -> int:
        """Return the number of vaults that must sign."""
        return int(await self._read("threshold", at=at))

    async def vault_set(self, *, at: Digest | None = None) -> Digest:
        """Return the digest of the federation in force, which every verdict repeats."""
        return to_digest(await self._read("vault_set", at=at))

    async def listed(self, vault_set: Digest, vault: Address, *, at: Digest | None = None) -> bool:
        """Return whether an account is a vault of a present or former federation."""
        return bool(await self._read("listed", vault_set, vault, at=at))

    async def announced_federation(self, *, at: Digest | None = None) -> AnnouncedFederation | None:
        """Return the announced federation that is not in force yet; None if there is none."""
        vaults, threshold, effective = await self._read("announced_federation", at=at)
        return AnnouncedFederation(tuple(vaults), threshold, effective) if effective else None

    async def notice_period(self, *, at: Digest | None = None) -> int:
        """Return the seconds between the announcement of a change of trust and its effect."""
        return int(await self._read("notice_period", at=at))

    async def paused(self, *, at: Digest | None = None) -> bool:
        """Return whether the broker refuses all proofs."""
        return bool(await self._read("paused", at=at))

    async def hub(self, *, at: Digest | None = None) -> Address:
        """Return the hub of the deals."""
        return Address(await self._read("hub", at=at))

    async def platforms(self, *, at: Digest | None = None) -> int:
        """Return the bitmap of platforms that may attest."""
        return int(await self._read("platforms", at=at))

    async def insecure(self, *, at: Digest | None = None) -> bool:
        """Return whether the broker may accept simulated evidence or a shorter notice on a public chain."""
        return bool(await self._read("insecure", at=at))

    async def owner(self, *, at: Digest | None = None) -> Address:
        """Return the account that changes vaults and runtimes."""
        return Address(await self._read("owner", at=at))

    async def is_valid_signature(self, digest: bytes, proof: bytes, *, at: Digest | None = None) -> bytes:
        """Return the broker's four-byte ERC-1271 answer."""
        return bytes(await self._read("isValidSignature", digest, proof, at=at))

    async def runtime_allowed(self, runtime: Digest, *, at: Digest | None = None) -> bool:
        """Return whether a runtime may attest now."""
        return bool(await self._read("runtime_allowed", runtime, at=at))

    async def allow_runtime(self, wallet: Wallet, runtime: Digest) -> TransactionReceipt:
        """Let a runtime attest after the notice period. The wallet is the owner's."""
        return await self._send(wallet, "allow_runtime", runtime, action="Allowing a runtime")

    async def forbid_runtime(self, wallet: Wallet, runtime: Digest) -> TransactionReceipt:
        """Stop a runtime from attesting, at once. The wallet is the owner's."""
        return await self._send(wallet, "forbid_runtime", runtime, action="Forbidding a runtime")

    async def announce_federation(
        self, wallet: Wallet, vaults: Sequence[Address], threshold: int
    ) -> TransactionReceipt:
        """Announce another federation; its vaults may come in any order. The wallet is the owner's."""
        return await self._send(
            wallet, "announce_federation", sorted(vaults), threshold, action="Announcing a federation"
        )

    async def withdraw_federation(self, wallet: Wallet) -> TransactionReceipt:
        """Withdraw the announced federation. The wallet is the owner's."""
        return await self._send(wallet, "withdraw_federation", action="Withdrawing the announced federation")

    async def change_federation(self, wallet: Wallet) -> TransactionReceipt:
        """Put the announced federation in force, after the notice period. Anyone may call this."""
        return await self._send(wallet, "change_federation", action="Changing the federation")

    async def change_guardian(self, wallet: Wallet, guardian: Address) -> TransactionReceipt:
        """Set the account that may pause besides the owner. The wallet is the owner's."""
        return await self._send(wallet, "change_guardian", guardian, action="Changing the guardian")

    async def pause(self, wallet: Wallet) -> TransactionReceipt:
        """Refuse all proofs until the owner unpauses. The wallet is the owner's or the guardian's."""
        return await self._send(wallet, "pause", action="Pausing")

    async def unpause(self, wallet: Wallet) -> TransactionReceipt:
        """End the pause. The wallet is the owner's."""
        return await self._send(wallet, "unpause", action="Unpausing")

    async def _read(self, function: str, *arguments: object, at: Digest | None = None) -> Any:
        abi = interface(self.CONTRACT)
        data = abi.call_data(function, *arguments)
        answer = await self.node.call(self.address, data, at=at, action=f"Reading {function} from the {self.CONTRACT}")
        return abi.decode(function, answer)

    async def _send(self, wallet: Wallet, function: str, *arguments: object, action: str) -> TransactionReceipt:
        return await wallet.call(self.address, self.CONTRACT, function, *arguments, action=action)


def encode_proof(
    *,
    deal: DealId,
    index: int,
    pool_signature: bytes,
    verdicts: Sequence[tuple[Address, Verdict, bytes]],
) -> bytes:
    """Encode a proof (PoCo's ``authorizationSign``) from (vault, verdict, signature) in any order.

    Raises InputRefused unless the verdicts are equal in all fields but ``issued``, which is each vault's clock.
    """
    if not verdicts:
        raise InputRefused("A proof needs at least one verdict.")
    ordered = sorted(verdicts, key=lambda each: each[0])
    first = ordered[0][1]
    if len({msgspec.structs.replace(verdict, issued=0) for _, verdict, _ in ordered}) != 1:
        raise InputRefused("The vaults' verdicts are about different results.")
    issued = [verdict.issued for _, verdict, _ in ordered]
    signatures = [signature for _, _, signature in ordered]
    head = (first.worker, to_bytes(deal, 32), index, first.enclave, pool_signature)
    runtime, session, settle = (to_bytes(each, 32) for each in (first.runtime, first.session, first.settle))
    return encode(PROOF, (*head, (runtime, first.platform, session, settle, first.expiry), issued, signatures))

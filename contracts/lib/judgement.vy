# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title judgement: checks that t of n independent vaults verified an enclave's attestation
@license Apache-2.0
@notice The numbered checks of docs/protocol/broker.md, shared by TeeBroker and PoolGate.
@dev Proof = abi.encode(worker, deal, index, enclave, pool signature, (runtime, platform, session, settle, expiry),
     issued[], vault signatures[]). Each vault reads its own clock, so each has its own `issued`. A proof that cannot be
     decoded reverts, which PoCo's signature check treats as a refusal.

     (1) The proof is long enough to hold verdicts; a bare signature is not. A proof that cannot be decoded reverts.
     (2) The digest is PoCo's message for this worker, task and enclave, and there is an enclave.
     (3) The deal exists on the hub.
     (4) The pool's owner authorised exactly this message, verified as PoCo verifies it.
     (5) The verdict has not expired.
     (6) Its platform may attest here.
     (7) Its runtime may attest here now.
     (8) There are at least t signatures, each with its time of issue, none after the expiry.
     (9) Each is strict: 65 bytes, v 27 or 28, low s, and recovers an account over the Verdict about this task,
         worker, enclave, the checksum of the deal's app, and the federation in force.
     (10) Each signer is a listed vault.
     (11) The signers ascend, so that no vault counts twice.
     (12) The contract is not paused.
"""
from . import admission
from . import federation
from . import signatures

uses: federation
uses: admission


interface Hub:
    def viewDealABILegacy_pt1(
        deal: bytes32,
    ) -> (address, address, uint256, address, address, uint256, address, address, uint256): view


interface App:
    def m_appChecksum() -> bytes32: view


MIN_PROOF: constant(uint256) = 480  # twelve words of head, three of empty tails
MAX_PROOF: constant(uint256) = 4096
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
VERDICT_TYPE: constant(bytes32) = keccak256(
    "Verdict(bytes32 task,address worker,address enclave,bytes32 app,bytes32 runtime,uint8 platform,bytes32 vaultSet,bytes32 session,bytes32 settle,uint64 issued,uint64 expiry)"
)


# The fields of a Verdict that are equal for all vaults and cannot be recomputed on chain. `issued` differs per vault.
struct Verdict:
    runtime: bytes32
    platform: uint8
    session: bytes32
    settle: bytes32
    expiry: uint64


struct Proof:
    worker: address
    deal: bytes32
    index: uint256
    enclave: address
    pool_signature: Bytes[signatures.MAX_SIGNATURE]
    verdict: Verdict
    issued: DynArray[uint64, federation.MAX_VAULTS]
    signatures: DynArray[Bytes[65], federation.MAX_VAULTS]


@pure
@internal
def _read(proof: Bytes[MAX_PROOF]) -> Proof:
    return abi_decode(proof, Proof, unwrap_tuple=False)


@pure
@internal
def _is_about(digest: bytes32, proof: Proof) -> bool:
    return digest == self._poco_digest(proof.worker, self._task(proof), proof.enclave)


@pure
@internal
def _task(proof: Proof) -> bytes32:
    return keccak256(concat(proof.deal, convert(proof.index, bytes32)))


@pure
@internal
def _poco_digest(worker: address, task: bytes32, enclave: address) -> bytes32:
    message: bytes32 = keccak256(concat(convert(worker, bytes20), task, convert(enclave, bytes20)))
    return keccak256(concat(b"\x19Ethereum Signed Message:\n32", message))


@view
@internal
def _parties(deal: bytes32) -> (address, address):
    # Return the deal's app and its pool's owner at the match; both zero for an unknown deal.
    parts: (address, address, uint256, address, address, uint256, address, address, uint256) = (
        staticcall Hub(federation.hub).viewDealABILegacy_pt1(deal)
    )
    return parts[0], parts[7]


@view
@internal
def _judge_verdicts(proof: Proof, app: address) -> uint256:
    # Checks (5) to (12) of a proof that passed (1) to (4).
    verdict: Verdict = proof.verdict
    if block.timestamp >= convert(verdict.expiry, uint256):
        return 5
    if not admission._platform_allowed(verdict.platform):
        return 6
    if not admission._runtime_allowed(verdict.runtime):
        return 7
    if len(proof.signatures) < federation.threshold or len(proof.signatures) != len(proof.issued):
        return 8
    for issued: uint64 in proof.issued:
        if issued > verdict.expiry:
            return 8
    refusal: uint256 = self._judge_signatures(proof, staticcall App(app).m_appChecksum())
    if refusal == 0 and admission.paused:
        return 12
    return refusal


@view
@internal
def _judge_signatures(proof: Proof, checksum: bytes32) -> uint256:
    task: bytes32 = self._task(proof)
    vault_set: bytes32 = federation.vault_set
    domain: bytes32 = self._domain()
    last: uint256 = 0
    for i: uint256 in range(len(proof.signatures), bound=federation.MAX_VAULTS):
        struct_hash: bytes32 = self._verdict_hash(proof, task, checksum, vault_set, proof.issued[i])
        digest: bytes32 = keccak256(concat(0x1901, domain, struct_hash))
        vault: address = signatures._recover(digest, proof.signatures[i])
        if vault == empty(address):
            return 9
        if not federation.listed[vault_set][vault]:
            return 10
        if convert(vault, uint256) <= last:
            return 11
        last = convert(vault, uint256)
    return 0


@view
@internal
def _domain() -> bytes32:
    # Not cached: after a fork that changes the chain's id, old verdicts must be refused.
    return keccak256(abi_encode(DOMAIN_TYPE, keccak256("Sealgrid"), keccak256("1"), chain.id, self))


@pure
@internal
def _verdict_hash(
    proof: Proof, task: bytes32, checksum: bytes32, vault_set: bytes32, issued: uint64
) -> bytes32:
    verdict: Verdict = proof.verdict
    return keccak256(
        abi_encode(
            VERDICT_TYPE,
            task,
            proof.worker,
            proof.enclave,
            checksum,
            verdict.runtime,
            verdict.platform,
            vault_set,
            verdict.session,
            verdict.settle,
            issued,
            verdict.expiry,
        )
    )

# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title TeeBroker: an enclave's result counts only if t of n independent vaults verified its attestation
@license Apache-2.0
@notice PoCo calls its `teebroker`, through ERC-1271, to check that a worker and its enclave may contribute to a task.
        This broker accepts a proof if the pool's owner authorised both and t listed vaults signed a Verdict about them.
@dev The proof and its checks: lib/judgement.vy and docs/protocol/broker.md. The owner can pause the broker, and can
     change vaults and runtimes after a public notice. No change accepts a proof without t vaults of the federation in
     force.
@custom:kill Owner or guardian pause: then check (12) refuses all proofs. The hub's owner may also unset the broker.
"""
from .lib import admission
from .lib import federation
from .lib import judgement
from .lib import notice
from .lib import ownable
from .lib import signatures

initializes: ownable
initializes: notice
initializes: federation[ownable := ownable, notice := notice]
initializes: admission[ownable := ownable, notice := notice]
initializes: judgement[federation := federation, admission := admission]
exports: (
    ownable.owner,
    ownable.pending_owner,
    ownable.transfer_ownership,
    ownable.accept_ownership,
    ownable.renounce_ownership,
    notice.__interface__,
    federation.__interface__,
    admission.__interface__,
)


@deploy
def __init__(
    hub_: address,
    vaults_: DynArray[address, federation.MAX_VAULTS],
    threshold_: uint256,
    platforms_: uint256,
    runtimes_: DynArray[bytes32, admission.MAX_RUNTIMES],
    notice_: uint256,
    insecure_: bool,
):
    """
    @notice The deployer becomes the owner.
    @param hub_ The PoCo hub; it must have code.
    @param vaults_ The vaults' addresses, nonzero and strictly ascending.
    @param threshold_ How many of them must sign: n = 2t - 1.
    @param platforms_ Bitmap of platforms that may attest; bit 255 is the simulated one.
    @param runtimes_ Runtime identities that may attest from the start.
    @param notice_ Seconds between the announcement of a change of trust and its effect; at least a day.
    @param insecure_ Allow simulated evidence and a shorter notice on a public chain; readable by everyone.
    """
    ownable.__init__()
    notice.__init__(notice_, insecure_)
    federation.__init__(hub_, vaults_, threshold_)
    admission.__init__(platforms_, runtimes_)


@view
@external
def isValidSignature(digest: bytes32, proof: Bytes[judgement.MAX_PROOF]) -> bytes4:
    """
    @notice ERC-1271: return whether PoCo may accept this worker and enclave for this task.
    @param digest PoCo's digest: EIP-191 of keccak256(worker, task, enclave).
    @param proof See lib/judgement.vy.
    @return The magic value 0x1626ba7e, or 0xffffffff.
    """
    return signatures.ACCEPTED if self._judge(digest, proof) == 0 else signatures.REFUSED


@view
@external
def judge(digest: bytes32, proof: Bytes[judgement.MAX_PROOF]) -> uint256:
    """
    @notice Return the check that refuses a proof.
    @param digest PoCo's digest.
    @param proof See lib/judgement.vy.
    @return 0 if the proof is accepted, else the number of the first check that refuses it.
    """
    return self._judge(digest, proof)


@view
@internal
def _judge(digest: bytes32, raw: Bytes[judgement.MAX_PROOF]) -> uint256:
    if len(raw) < judgement.MIN_PROOF:
        return 1
    proof: judgement.Proof = judgement._read(raw)
    if proof.enclave == empty(address) or not judgement._is_about(digest, proof):
        return 2
    app: address = empty(address)
    pool_owner: address = empty(address)
    app, pool_owner = judgement._parties(proof.deal)
    if app == empty(address) or pool_owner == empty(address):
        return 3
    if not signatures._is_signed_by(pool_owner, digest, proof.pool_signature):
        return 4
    return judgement._judge_verdicts(proof, app)

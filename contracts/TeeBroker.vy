# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title TeeBroker: an enclave's result counts only if t of n independent vaults verified its attestation
@license Apache-2.0
@notice PoCo asks its `teebroker`, through ERC-1271, whether a worker and its enclave may contribute to a task. This one
        says yes to a proof that the pool owner authorised them and that t listed vaults signed a Verdict about them.
@dev Proof = abi.encode(worker, deal, index, enclave, pool signature, (runtime, platform, session, settle, expiry),
     issued[], vault signatures[]); see docs/protocol/broker.md. Each vault reads its own clock, so each has its own
     `issued`. A proof that cannot be decoded reverts, which PoCo's signature check takes for a refusal.
@custom:kill The admin forbids every runtime: from then on check (7) refuses all proofs.
"""
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

initializes: ownable
initializes: ownable_2step[ownable := ownable]
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    ownable_2step.renounce_ownership,
)


interface Hub:
    def viewDealABILegacy_pt1(
        deal: bytes32,
    ) -> (address, address, uint256, address, address, uint256, address, address, uint256): view


interface App:
    def m_appChecksum() -> bytes32: view


MAX_VAULTS: constant(uint256) = 8
MAX_RUNTIMES: constant(uint256) = 16
MAX_POOL_SIGNATURE: constant(uint256) = 1024
MIN_PROOF: constant(uint256) = 480  # twelve words of head, three of empty tails
SIMULATED: constant(uint256) = 255
LOCAL_CHAIN: constant(uint256) = 31337
# Half of secp256k1's group order: above it, every signature has a second form (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
ACCEPTED: constant(bytes4) = 0x1626ba7e
REFUSED: constant(bytes4) = 0xffffffff
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
VERDICT_TYPE: constant(bytes32) = keccak256(
    "Verdict(bytes32 task,address worker,address enclave,bytes32 app,bytes32 runtime,uint8 platform,bytes32 session,bytes32 settle,uint64 issued,uint64 expiry)"
)

# @notice The PoCo hub whose deals are judged here.
hub: public(immutable(address))
# @notice How many distinct vaults must have signed.
threshold: public(immutable(uint256))
# @notice One bit for each platform that may attest; the bit's number is the platform's.
platforms: public(immutable(uint256))
# @notice Whether this was deployed knowing that it may accept simulated evidence on a public chain.
insecure: public(immutable(bool))
_VAULTS: immutable(DynArray[address, MAX_VAULTS])


# What every vault signs alike; task, worker, enclave and app are recomputed, `issued` is each vault's own.
struct Verdict:
    runtime: bytes32
    platform: uint8
    session: bytes32
    settle: bytes32
    expiry: uint64


# @notice Runtimes that may attest now, whichever the platform.
runtime_allowed: public(HashMap[bytes32, bool])


event RuntimeAllowed:
    runtime: indexed(bytes32)


event RuntimeForbidden:
    runtime: indexed(bytes32)


@deploy
def __init__(
    hub_: address,
    vaults_: DynArray[address, MAX_VAULTS],
    threshold_: uint256,
    platforms_: uint256,
    runtimes_: DynArray[bytes32, MAX_RUNTIMES],
    insecure_: bool,
):
    """
    @notice Fix the federation; only the list of runtimes can change later, by the deployer or who follows it.
    @param hub_ The PoCo hub; it must have code.
    @param vaults_ The vaults' addresses, nonzero and strictly ascending.
    @param threshold_ How many of them must sign: n = 2t - 1.
    @param platforms_ Bitmap of platforms that may attest; bit 255 is the simulated one.
    @param runtimes_ Runtime identities that may attest from the start.
    @param insecure_ Say so openly when simulated evidence shall count on another chain than a local one.
    """
    assert hub_.is_contract, "TeeBroker: the hub has no code"
    assert threshold_ != 0, "TeeBroker: threshold 0 would accept everything"
    assert len(vaults_) == 2 * threshold_ - 1, "TeeBroker: a federation has n = 2t - 1 vaults"
    assert platforms_ != 0, "TeeBroker: no platform may attest"
    if platforms_ >> SIMULATED == 1:
        assert insecure_ or chain.id == LOCAL_CHAIN, "TeeBroker: simulated evidence needs the insecure flag here"
    last: address = empty(address)
    for vault: address in vaults_:
        assert self._above(vault, last), "TeeBroker: vaults must be nonzero and strictly ascending"
        last = vault
    ownable.__init__()
    ownable_2step.__init__()
    hub = hub_
    threshold = threshold_
    platforms = platforms_
    insecure = insecure_
    _VAULTS = vaults_
    for runtime: bytes32 in runtimes_:
        self._allow(runtime)


@external
def allow_runtime(runtime: bytes32):
    """
    @notice Let a runtime attest. Data owners still decide for themselves in their policies.
    @param runtime The runtime identity of docs/protocol/evidence.md.
    """
    ownable._check_owner()
    self._allow(runtime)


@external
def forbid_runtime(runtime: bytes32):
    """
    @notice Stop a runtime from attesting; results that it already settled stay.
    @param runtime The runtime identity.
    """
    ownable._check_owner()
    self.runtime_allowed[runtime] = False
    log RuntimeForbidden(runtime=runtime)


@view
@external
def isValidSignature(digest: bytes32, proof: Bytes[4096]) -> bytes4:
    """
    @notice ERC-1271: whether PoCo may accept this worker and enclave for this task.
    @dev The proof is accepted when all of these hold; `judge` tells the number of the first that does not.
         (1) It is no bare signature but long enough for verdicts; what then cannot be decoded reverts.
         (2) The digest is PoCo's message for this worker, task and enclave, and there is an enclave.
         (3) The hub knows the deal.
         (4) The pool's owner authorised exactly this message, as PoCo itself would check it.
         (5) The verdict has not expired.
         (6) Its platform may attest here.
         (7) Its runtime may attest here.
         (8) There are at least t signatures, each with its time of issue, and none issued after the expiry.
         (9) Each is strict: 65 bytes, v 27 or 28, low s, and recovers an account over the Verdict about this task,
             worker, enclave and the checksum of the deal's app.
         (10) Each is by a listed vault.
         (11) Each vault stands above the one before it, so none counts twice.
    @param digest What PoCo hashed: EIP-191 of keccak256(worker, task, enclave).
    @param proof See the head of this contract.
    @return The magic value 0x1626ba7e, or 0xffffffff.
    """
    return ACCEPTED if self._judge(digest, proof) == 0 else REFUSED


@view
@external
def judge(digest: bytes32, proof: Bytes[4096]) -> uint256:
    """
    @notice Say which check of isValidSignature refuses a proof.
    @param digest What PoCo hashed.
    @param proof See the head of this contract.
    @return 0 when the proof is accepted, else the number of the first check that refused it.
    """
    return self._judge(digest, proof)


@view
@external
def vaults() -> DynArray[address, MAX_VAULTS]:
    """
    @notice The federation, ascending.
    @return The vaults' addresses.
    """
    return _VAULTS


@internal
def _allow(runtime: bytes32):
    assert runtime != empty(bytes32), "TeeBroker: a runtime identity is never zero"
    self.runtime_allowed[runtime] = True
    log RuntimeAllowed(runtime=runtime)


@view
@internal
def _judge(digest: bytes32, proof: Bytes[4096]) -> uint256:
    # (1)
    if len(proof) < MIN_PROOF:
        return 1
    worker: address = empty(address)
    deal: bytes32 = empty(bytes32)
    index: uint256 = 0
    enclave: address = empty(address)
    authorisation: Bytes[MAX_POOL_SIGNATURE] = b""
    verdict: Verdict = empty(Verdict)
    issued: DynArray[uint64, MAX_VAULTS] = []
    signatures: DynArray[Bytes[65], MAX_VAULTS] = []
    worker, deal, index, enclave, authorisation, verdict, issued, signatures = abi_decode(
        proof,
        (
            address,
            bytes32,
            uint256,
            address,
            Bytes[MAX_POOL_SIGNATURE],
            Verdict,
            DynArray[uint64, MAX_VAULTS],
            DynArray[Bytes[65], MAX_VAULTS],
        ),
    )

    # (2)
    task: bytes32 = keccak256(concat(deal, convert(index, bytes32)))
    if enclave == empty(address) or digest != self._poco_digest(worker, task, enclave):
        return 2
    # (3)
    app: address = empty(address)
    pool_owner: address = empty(address)
    app, pool_owner = self._parties(deal)
    if app == empty(address) or pool_owner == empty(address):
        return 3
    # (4)
    if not self._authorised(pool_owner, digest, authorisation):
        return 4
    # (5)
    if block.timestamp >= convert(verdict.expiry, uint256):
        return 5
    # (6)
    if (platforms >> convert(verdict.platform, uint256)) & 1 == 0:
        return 6
    # (7)
    if not self.runtime_allowed[verdict.runtime]:
        return 7
    # (8)
    if len(signatures) < threshold or len(signatures) != len(issued):
        return 8
    for at: uint64 in issued:
        if at > verdict.expiry:
            return 8
    checksum: bytes32 = staticcall App(app).m_appChecksum()
    last: address = empty(address)
    for i: uint256 in range(len(signatures), bound=MAX_VAULTS):
        # (9)
        signed: bytes32 = self._verdict_digest(task, worker, enclave, checksum, verdict, issued[i])
        vault: address = self._recover(signed, signatures[i])
        if vault == empty(address):
            return 9
        # (10)
        if vault not in _VAULTS:
            return 10
        # (11)
        if not self._above(vault, last):
            return 11
        last = vault
    return 0


@pure
@internal
def _above(account: address, last: address) -> bool:
    return convert(account, uint160) > convert(last, uint160)


@pure
@internal
def _poco_digest(worker: address, task: bytes32, enclave: address) -> bytes32:
    message: bytes32 = keccak256(concat(convert(worker, bytes20), task, convert(enclave, bytes20)))
    return keccak256(concat(b"\x19Ethereum Signed Message:\n32", message))


@view
@internal
def _parties(deal: bytes32) -> (address, address):
    # The deal's app and the owner that its pool had when the orders were matched; both zero for an unknown deal.
    parts: (address, address, uint256, address, address, uint256, address, address, uint256) = (
        staticcall Hub(hub).viewDealABILegacy_pt1(deal)
    )
    return parts[0], parts[7]


@view
@internal
def _authorised(account: address, digest: bytes32, signature: Bytes[MAX_POOL_SIGNATURE]) -> bool:
    # As PoCo's SignatureVerifier: an account with code answers for itself, whatever key it may also have.
    if not account.is_contract:
        return len(signature) == 65 and self._recover(digest, slice(signature, 0, 65)) == account
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        account,
        abi_encode(digest, signature, method_id=ACCEPTED),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == convert(ACCEPTED, bytes32)


@view
@internal
def _verdict_digest(
    task: bytes32, worker: address, enclave: address, app: bytes32, verdict: Verdict, issued: uint64
) -> bytes32:
    # EIP-712. The domain is not cached: after a fork that changes the chain's id, old verdicts must not count.
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, keccak256("Sealgrid"), keccak256("1"), chain.id, self))
    content: bytes32 = keccak256(
        abi_encode(
            VERDICT_TYPE,
            task,
            worker,
            enclave,
            app,
            verdict.runtime,
            verdict.platform,
            verdict.session,
            verdict.settle,
            issued,
            verdict.expiry,
        )
    )
    return keccak256(concat(0x1901, domain, content))


@pure
@internal
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    # Strict, so that each signature has one form only; zero says that nobody signed.
    if len(signature) != 65:
        return empty(address)
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint8 = convert(slice(signature, 64, 1), uint8)
    if s > HALF_ORDER or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, v, r, s)

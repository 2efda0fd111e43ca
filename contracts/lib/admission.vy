# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title admission: accepted platforms and runtimes, and a pause
@license Apache-2.0
@notice Trust is added after a notice period and withdrawn at once: an allowed runtime may attest after the notice
        period, a forbidden runtime is refused from the same block on. Owner and guardian can pause; only the owner can
        unpause.
@dev The bitmap of platforms is fixed at deployment. The simulated platform does not protect an enclave from its host.
"""
from . import notice
from . import ownable

uses: notice
uses: ownable


MAX_RUNTIMES: constant(uint256) = 16
SIMULATED: constant(uint256) = 255

# @notice One bit for each platform that may attest, at the platform's number.
platforms: public(immutable(uint256))

# @notice The Unix second from which a runtime may attest; zero if it may not.
runtime_since: public(HashMap[bytes32, uint256])
# @notice Whether all proofs are refused.
paused: public(bool)
# @notice The account that may pause besides the owner; zero for none.
guardian: public(address)


event RuntimeAllowed:
    runtime: indexed(bytes32)
    since: uint256


event RuntimeForbidden:
    runtime: indexed(bytes32)


event Paused:
    by: indexed(address)


event Unpaused:
    pass


event GuardianChanged:
    guardian: indexed(address)


@deploy
def __init__(platforms_: uint256, runtimes_: DynArray[bytes32, MAX_RUNTIMES]):
    """
    @param platforms_ Bitmap of platforms that may attest; bit 255 is the simulated one.
    @param runtimes_ Runtime identities that may attest from the start.
    """
    assert platforms_ != 0, "admission: no platform may attest"
    if platforms_ >> SIMULATED == 1:
        assert notice._may_be_insecure(), "admission: simulated evidence needs the insecure flag here"
    platforms = platforms_
    for runtime: bytes32 in runtimes_:
        self._allow(runtime, block.timestamp)


@external
def allow_runtime(runtime: bytes32):
    """
    @notice Let a runtime attest after the notice period. Data owners still choose runtimes in their own policies. No
            effect on a runtime that is allowed already.
    @param runtime The runtime identity of docs/protocol/evidence.md.
    """
    ownable._check_owner()
    if self.runtime_since[runtime] == 0:
        self._allow(runtime, notice._effective())


@external
def forbid_runtime(runtime: bytes32):
    """
    @notice Stop a runtime from attesting. Results that were settled before stay.
    @param runtime The runtime identity.
    """
    ownable._check_owner()
    self.runtime_since[runtime] = 0
    log RuntimeForbidden(runtime=runtime)


@external
def change_guardian(guardian_: address):
    """
    @notice Set the account that may pause besides the owner.
    @param guardian_ The account; zero for none.
    """
    ownable._check_owner()
    self.guardian = guardian_
    log GuardianChanged(guardian=guardian_)


@external
def pause():
    """
    @notice Refuse all proofs until the owner unpauses. Owner or guardian only.
    """
    assert msg.sender == self.guardian or msg.sender == ownable.owner, "admission: only owner and guardian may pause"
    self.paused = True
    log Paused(by=msg.sender)


@external
def unpause():
    """
    @notice End the pause. Owner only.
    """
    ownable._check_owner()
    self.paused = False
    log Unpaused()


@view
@external
def runtime_allowed(runtime: bytes32) -> bool:
    """
    @notice Return whether a runtime may attest now, on any accepted platform.
    @param runtime The runtime identity.
    @return Whether the runtime was allowed, its notice period is over, and it was not forbidden.
    """
    return self._runtime_allowed(runtime)


@internal
def _allow(runtime: bytes32, since: uint256):
    assert runtime != empty(bytes32), "admission: a runtime identity is never zero"
    self.runtime_since[runtime] = since
    log RuntimeAllowed(runtime=runtime, since=since)


@view
@internal
def _runtime_allowed(runtime: bytes32) -> bool:
    since: uint256 = self.runtime_since[runtime]
    return since != 0 and block.timestamp >= since


@view
@internal
def _platform_allowed(platform: uint8) -> bool:
    return (platforms >> convert(platform, uint256)) & 1 == 1

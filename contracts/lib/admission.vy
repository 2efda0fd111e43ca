# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title admission: which platforms and runtimes may attest, and whether anything is accepted at all
@license Apache-2.0
@notice Trust is added slowly and withdrawn at once: a runtime may attest when the notice period is over, it is forbidden
        in the same block; owner and guardian can pause, only the owner goes on.
@dev The bitmap of platforms is fixed at deployment. The simulated one protects nothing from its host.
"""
from . import notice
from . import ownable

uses: notice
uses: ownable


MAX_RUNTIMES: constant(uint256) = 16
SIMULATED: constant(uint256) = 255

# @notice One bit for each platform that may attest; the bit's number is the platform's.
platforms: public(immutable(uint256))

# @notice The Unix second from which a runtime may attest; zero for one that may not.
runtime_since: public(HashMap[bytes32, uint256])
# @notice Whether everything is refused for now.
paused: public(bool)
# @notice Who may pause beside the owner; zero for nobody.
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
    @notice Let a runtime attest once the notice period is over. Data owners still decide for themselves. Nothing changes
            for one that was allowed before and not forbidden since.
    @param runtime The runtime identity of docs/protocol/evidence.md.
    """
    ownable._check_owner()
    if self.runtime_since[runtime] == 0:
        self._allow(runtime, notice._effective())


@external
def forbid_runtime(runtime: bytes32):
    """
    @notice Stop a runtime from attesting; results that it already settled stay.
    @param runtime The runtime identity.
    """
    ownable._check_owner()
    self.runtime_since[runtime] = 0
    log RuntimeForbidden(runtime=runtime)


@external
def change_guardian(guardian_: address):
    """
    @notice Say who may pause beside the owner.
    @param guardian_ Its address; zero for nobody.
    """
    ownable._check_owner()
    self.guardian = guardian_
    log GuardianChanged(guardian=guardian_)


@external
def pause():
    """
    @notice Refuse everything until the owner goes on; owner or guardian.
    """
    assert msg.sender == self.guardian or msg.sender == ownable.owner, "admission: only owner and guardian may pause"
    self.paused = True
    log Paused(by=msg.sender)


@external
def unpause():
    """
    @notice Go on accepting; the owner only.
    """
    ownable._check_owner()
    self.paused = False
    log Unpaused()


@view
@external
def runtime_allowed(runtime: bytes32) -> bool:
    """
    @notice Whether a runtime may attest now, whichever the platform.
    @param runtime The runtime identity.
    @return Whether its time has come and it was not forbidden.
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

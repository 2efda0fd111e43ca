# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title federation: the vaults of a hub, replaced after a public announcement
@license Apache-2.0
@notice n = 2t - 1 vaults, of which t must sign. The owner announces another set; after the notice period anyone may
        put it in force. Until then the owner may withdraw it.
@dev Every verdict names its federation by the digest that an enclave carries in its evidence
     (docs/protocol/evidence.md, `vault_set`). After a change, verdicts of the former federation are refused.
"""
from . import notice
from . import ownable

uses: notice
uses: ownable


MAX_VAULTS: constant(uint256) = 8
MAX_PACKED: constant(uint256) = 192  # eight vaults: four bytes of length and twenty of address each

# @notice The PoCo hub of the deals.
hub: public(immutable(address))


struct Announced:
    vaults: DynArray[address, MAX_VAULTS]
    threshold: uint256
    effective: uint256


# @notice The number of vaults that must sign.
threshold: public(uint256)
# @notice The digest of chain, hub, this contract, threshold and vaults.
vault_set: public(bytes32)

# @notice Whether an account is a vault of a federation that is or was in force, by the federation's digest.
listed: public(HashMap[bytes32, HashMap[address, bool]])

_vaults: DynArray[address, MAX_VAULTS]
_announced: Announced


event FederationAnnounced:
    vaults: DynArray[address, MAX_VAULTS]
    threshold: uint256
    effective: uint256


event FederationWithdrawn:
    pass


event FederationChanged:
    vault_set: indexed(bytes32)
    vaults: DynArray[address, MAX_VAULTS]
    threshold: uint256


@deploy
def __init__(hub_: address, vaults_: DynArray[address, MAX_VAULTS], threshold_: uint256):
    """
    @param hub_ The PoCo hub; it must have code.
    @param vaults_ The first vaults, nonzero and strictly ascending.
    @param threshold_ How many of them must sign: n = 2t - 1.
    """
    assert hub_.is_contract, "federation: the hub has no code"
    hub = hub_
    self._check(vaults_, threshold_)
    self._install(vaults_, threshold_)


@external
def announce_federation(vaults_: DynArray[address, MAX_VAULTS], threshold_: uint256):
    """
    @notice Announce another federation; it replaces one that was announced before.
    @param vaults_ The vaults, nonzero and strictly ascending.
    @param threshold_ How many of them must sign: n = 2t - 1.
    """
    ownable._check_owner()
    self._check(vaults_, threshold_)
    effective: uint256 = notice._effective()
    self._announced = Announced(vaults=vaults_, threshold=threshold_, effective=effective)
    log FederationAnnounced(vaults=vaults_, threshold=threshold_, effective=effective)


@external
def withdraw_federation():
    """
    @notice Take an announcement back before it is in force.
    """
    ownable._check_owner()
    assert self._announced.effective != 0, "federation: nothing is announced"
    self._announced = empty(Announced)
    log FederationWithdrawn()


@external
def change_federation():
    """
    @notice Put the announced federation in force; anyone may, once the notice period is over.
    """
    announced: Announced = self._announced
    assert announced.effective != 0, "federation: nothing is announced"
    assert block.timestamp >= announced.effective, "federation: the notice period is not over"
    self._announced = empty(Announced)
    self._install(announced.vaults, announced.threshold)


@view
@external
def vaults() -> DynArray[address, MAX_VAULTS]:
    """
    @notice Return the federation in force, ascending.
    @return The vaults' addresses.
    """
    return self._vaults


@view
@external
def announced_federation() -> Announced:
    """
    @notice Return the announced federation that is not in force yet.
    @return Vaults, threshold, and the Unix second from which it can be put in force; all zero if none is announced.
    """
    return self._announced


@pure
@internal
def _check(vaults_: DynArray[address, MAX_VAULTS], threshold_: uint256):
    assert threshold_ != 0, "federation: threshold 0 would accept everything"
    assert len(vaults_) == 2 * threshold_ - 1, "federation: a federation has n = 2t - 1 vaults"
    last: uint256 = 0
    for vault: address in vaults_:
        number: uint256 = convert(vault, uint256)
        assert number > last, "federation: vaults must be nonzero and strictly ascending"
        last = number


@internal
def _install(vaults_: DynArray[address, MAX_VAULTS], threshold_: uint256):
    digest: bytes32 = self._digest(vaults_, threshold_)
    for vault: address in vaults_:
        self.listed[digest][vault] = True
    self._vaults = vaults_
    self.threshold = threshold_
    self.vault_set = digest
    log FederationChanged(vault_set=digest, vaults=vaults_, threshold=threshold_)


@view
@internal
def _digest(vaults_: DynArray[address, MAX_VAULTS], threshold_: uint256) -> bytes32:
    # SHA-256 of "sealgrid/vaults/1", then chain, hub, contract, t and each vault, each after its length in four bytes.
    packed: Bytes[MAX_PACKED] = b""
    for vault: address in vaults_:
        packed = convert(concat(packed, 0x00000014, convert(vault, bytes20)), Bytes[MAX_PACKED])
    chain_id: bytes8 = convert(convert(chain.id, uint64), bytes8)
    t: bytes8 = convert(convert(threshold_, uint64), bytes8)
    return sha256(
        concat(
            b"sealgrid/vaults/1",
            0x00000008,
            chain_id,
            0x00000014,
            convert(hub, bytes20),
            0x00000014,
            convert(self, bytes20),
            0x00000008,
            t,
            packed,
        )
    )

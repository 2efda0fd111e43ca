# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Owner: the ownership facet of a local PoCo hub, which iExec's npm package lacks
@license Apache-2.0
@notice Part of the hub's diamond. PoCo compares `owner()` with the sender of every configuration call. The local hub's
        owner is fixed at deployment.
@custom:kill Nothing to stop: a local chain is wiped.
"""

# Immutable, because a facet runs on the diamond's storage and must not touch it.
_OWNER: immutable(address)


@deploy
def __init__(owner: address):
    """
    @param owner The account that may configure the local hub.
    """
    _OWNER = owner


@view
@external
def owner() -> address:
    """
    @notice Return the account that may configure the local hub.
    @return Its address.
    """
    return _OWNER

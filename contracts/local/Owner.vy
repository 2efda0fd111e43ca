# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Owner: the one facet that a local PoCo hub needs and iExec's npm package lacks
@license Apache-2.0
@notice Cut into the hub's diamond; PoCo asks `owner()` before it lets anyone configure it. The local hub's owner is
        fixed at deployment.
@custom:kill Nothing to switch off: a local chain is wiped.
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
    @notice Who may configure the local hub.
    @return Its address.
    """
    return _OWNER

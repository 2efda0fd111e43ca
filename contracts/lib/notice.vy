# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title notice: how long before a change of trust takes effect
@license Apache-2.0
@notice Whoever does not like a change that was announced has this long to leave. Less than a day, and simulated
        evidence, are for local chains, or for whoever says openly that they are insecure.
"""

LOCAL_CHAIN: constant(uint256) = 31337
SHORTEST: constant(uint256) = 86_400

# @notice Seconds from the announcement of a change until it takes effect.
notice_period: public(immutable(uint256))
# @notice Whether this was deployed knowing that its changes or its evidence do not protect anyone on a public chain.
insecure: public(immutable(bool))


@deploy
def __init__(period: uint256, insecure_: bool):
    """
    @param period Seconds; at least a day, but for local chains and under the insecure flag.
    @param insecure_ Say so openly.
    """
    notice_period = period
    insecure = insecure_
    assert period >= SHORTEST or self._may_be_insecure(), "notice: less than a day needs the insecure flag here"


@view
@internal
def _may_be_insecure() -> bool:
    return insecure or chain.id == LOCAL_CHAIN


@view
@internal
def _effective() -> uint256:
    return block.timestamp + notice_period

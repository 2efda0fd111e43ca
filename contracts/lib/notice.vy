# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title notice: period between the announcement of a change of trust and its effect
@license Apache-2.0
@notice Users who reject an announced change can leave within this period. A period of less than a day, and simulated
        evidence, are accepted on local chains only, or with the public `insecure` flag.
"""

LOCAL_CHAIN: constant(uint256) = 31337
SHORTEST: constant(uint256) = 86_400

# @notice Seconds from the announcement of a change until it takes effect.
notice_period: public(immutable(uint256))
# @notice Whether a short notice or simulated evidence is accepted on a public chain, where neither protects users.
insecure: public(immutable(bool))


@deploy
def __init__(period: uint256, insecure_: bool):
    """
    @param period Seconds; at least a day, except on local chains and with the insecure flag.
    @param insecure_ The insecure flag.
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

"""Constructor arguments of a broker."""

from sealgrid.chain.deploy import BrokerConfig
from sealgrid.units import to_address

HUB, *VAULTS = (to_address(bytes([number]) * 20) for number in (9, 3, 1, 2))


def test_vaults_ascend_and_platforms_are_a_bitmap():
    config = BrokerConfig(vaults=tuple(VAULTS), threshold=2, platforms=(1, 3, 3))
    assert config.arguments(HUB) == (HUB, sorted(VAULTS), 2, 0b1010, (), 86_400, False)

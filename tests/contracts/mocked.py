"""Test doubles from contracts/mocks, compiled when a test first wants one."""

from functools import lru_cache
from pathlib import Path

from sealgrid.chain.abi import ContractAbi
from sealgrid.chain.artifacts.generate import compiled
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.wallet import Wallet
from sealgrid.units import Address

MOCKS = Path(__file__).parents[2] / "contracts/mocks"


class Mock:
    """A deployed test double; anybody may call it."""

    def __init__(self, name: str, wallet: Wallet, address: Address) -> None:
        self.face, self.wallet, self.address = _interface(name), wallet, address

    @classmethod
    async def deploy(cls, name: str, wallet: Wallet, *arguments: object) -> "Mock":
        made = _compiled(name)
        address = await wallet.deploy(bytes.fromhex(made["bytecode"][2:]), made["abi"], *arguments)
        return cls(name, wallet, address)

    async def call(self, function: str, *arguments: object) -> TransactionReceipt:
        return await self.wallet.send(self.address, self.face.call_data(function, *arguments))

    async def read(self, function: str) -> object:
        return self.face.decode(function, await self.wallet.node.call(self.address, self.face.call_data(function)))


@lru_cache
def _compiled(name: str) -> dict[str, object]:
    return compiled(MOCKS / f"{name}.vy")


@lru_cache
def _interface(name: str) -> ContractAbi:
    return ContractAbi(_compiled(name)["abi"])

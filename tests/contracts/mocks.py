"""Test doubles from contracts/mocks, compiled at their first use."""

from functools import lru_cache
from pathlib import Path

from sealgrid.chain.abi import ContractAbi
from sealgrid.chain.artifacts.generate import compile_contract
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.wallet import Wallet
from sealgrid.units import Address

MOCKS = Path(__file__).parents[2] / "contracts/mocks"


class Mock:
    """A deployed test double. Anyone may call it."""

    def __init__(self, name: str, wallet: Wallet, address: Address) -> None:
        self.abi, self.wallet, self.address = _interface(name), wallet, address

    @classmethod
    async def deploy(cls, name: str, wallet: Wallet, *arguments: object) -> "Mock":
        artifact = _compiled(name)
        address = await wallet.deploy(bytes.fromhex(artifact["bytecode"][2:]), artifact["abi"], *arguments)
        return cls(name, wallet, address)

    async def call(self, function: str, *arguments: object) -> TransactionReceipt:
        return await self.wallet.send(self.address, self.abi.call_data(function, *arguments))

    async def read(self, function: str) -> object:
        return self.abi.decode(function, await self.wallet.node.call(self.address, self.abi.call_data(function)))


@lru_cache
def _compiled(name: str) -> dict[str, object]:
    return compile_contract(MOCKS / f"{name}.vy")


@lru_cache
def _interface(name: str) -> ContractAbi:
    return ContractAbi(_compiled(name)["abi"])

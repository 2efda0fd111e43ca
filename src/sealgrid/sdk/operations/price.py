"""The price of a run by its parts, and whether an escrow covers it."""

from dataclasses import dataclass

from sealgrid.errors import InputRefused
from sealgrid.poco.orders import AppOrder, DatasetOrder, WorkerpoolOrder
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address

Offers = tuple[AppOrder, DatasetOrder, WorkerpoolOrder]


@dataclass(frozen=True, slots=True)
class RunPrice:
    """The price of the tasks of one deal; its text has the total and the parts."""

    app: Amount  #: of one task, like the two below
    model: Amount | None  #: None for a run without a model
    computing: Amount
    tasks: int = 1

    @property
    def total(self) -> Amount:
        """Return the price of all tasks together."""
        return Amount(self.tasks * (self.app + (self.model or 0) + self.computing))

    def __str__(self) -> str:
        parts = {"app": self.app, "model": self.model, "computing": self.computing}
        listed = ", ".join(f"{name} {price or 'free'}" for name, price in parts.items() if price is not None)
        return f"{self.total} ({listed}{f', times {self.tasks} tasks' if self.tasks > 1 else ''})"


@dataclass(frozen=True, slots=True)
class BagPrice:
    """The price of the tasks of several deals; its text has the total and each deal's price."""

    deals: tuple[RunPrice, ...]

    @property
    def total(self) -> Amount:
        """Return the price of all tasks together."""
        return Amount(sum(each.total for each in self.deals))

    def __str__(self) -> str:
        if len(self.deals) == 1:
            return str(self.deals[0])
        return f"{self.total} in {len(self.deals)} deals: {'; '.join(map(str, self.deals))}"


def price_of(offers: Offers, tasks: int) -> RunPrice:
    """Return the price of a deal on these offers."""
    app, dataset, pool = offers
    model = None if dataset.dataset == ZERO_ADDRESS else Amount(dataset.price)
    return RunPrice(Amount(app.price), model, Amount(pool.price), tasks)


async def check_escrow(conn: Connection, price: RunPrice | BagPrice, payer: Address) -> None:
    """Raise InputRefused while the payer's escrow does not cover the price; PoCo would refuse the deal."""
    free = Amount((await conn.hub.account(payer)).stake)
    if free >= price.total:
        return
    missing, whose = Amount(price.total - free), "" if payer == conn.address else f" of the sponsor {payer}"
    raise InputRefused(
        f"this run costs {price}, and {free} are free in the escrow{whose}: {missing} are missing; deposit them first "
        f'(sealgrid account deposit "{missing}").'
    )

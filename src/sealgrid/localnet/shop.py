"""Goods that a fresh local network offers: the shipped apps, a licence-plate model, and a table."""

import tempfile
from pathlib import Path

from sealgrid.localnet.layout import cache_folder
from sealgrid.localnet.network_accounts import KeyOf
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import deploy, publish

RLC = 10**9  #: nRLC
APP_PRICES = (  #: folder and price of each app
    ("plate_reader", RLC // 2),
    ("onnx_runner", 0),
    ("hash_file", 0),
    ("csv_statistics", RLC // 4),
)
PLATES, PLATES_PRICE = "plate_reader.zip", 3 * RLC
RIDES_SEED, RIDES_PRICE = 1, 2 * RLC


async def list_goods(network: Network, key_of: KeyOf) -> bool:
    """Deploy the shipped apps as ``developer``, publish model and table as ``owner``, whose keys ``key_of`` returns."""
    async with connect(network, key_of("developer")) as developer:
        deployed = {}
        for name, price in APP_PRICES:
            folder = shipped_apps.app_folder(name)
            if folder is not None:
                deployed[name] = await deploy.deploy(developer, folder, price=price)
    async with connect(network, key_of("owner")) as owner:
        model = cache_folder() / "models" / PLATES
        if "plate_reader" in deployed and model.is_file():
            allowed = [deployed["plate_reader"].address]
            await publish.publish(
                owner,
                model,
                name="licence plates",
                apps=allowed,
                price=PLATES_PRICE,
                card=_card("plate_reader", "model_card.md"),
            )
        if "csv_statistics" in deployed:
            await _sell_rides(owner, deployed["csv_statistics"])
    return True


async def _sell_rides(owner: Connection, app: deploy.DeployedApp) -> None:
    from sealgrid.shipped_apps.csv_statistics.rides import draw_rides  # noqa: PLC0415  only where the shipped apps are

    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        table = Path(folder) / "rides.csv"
        table.write_bytes(draw_rides(RIDES_SEED))
        await publish.publish(
            owner,
            table,
            name="bicycle rides",
            apps=[app.address],
            price=RIDES_PRICE,
            card=_card("csv_statistics", "rides_card.md"),
        )


def _card(app: str, name: str) -> str:
    folder = shipped_apps.app_folder(app)
    assert folder is not None, "the app was deployed"
    return (folder / name).read_text(encoding="utf-8")

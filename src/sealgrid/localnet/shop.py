"""What a newcomer finds for sale on a fresh local network: the shipped apps, and a model that reads licence plates."""

from sealgrid.chain.accounts import development_key
from sealgrid.localnet.layout import cache_folder
from sealgrid.sdk import apps, models, shipped
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network

RLC = 10**9  #: nRLC
SHELF = (("plate_reader", RLC // 2), ("onnx_runner", 0), ("hash_file", 0))  #: folder and price of each app
PLATES, PLATES_PRICE = "plate_reader.zip", 3 * RLC


async def stock(network: Network) -> bool:
    """Deploy the shipped apps as ``developer`` and sell the plate model as ``owner``, once for each network."""
    async with connect(network, development_key("developer")) as developer:
        made = {}
        for name, price in SHELF:
            folder = shipped.app_folder(name)
            if folder is not None:
                made[name] = await apps.deploy(developer, folder, wheels=shipped.wheels_for(folder), price=price)
    model = cache_folder() / "models" / PLATES
    if "plate_reader" in made and model.is_file():
        async with connect(network, development_key("owner")) as owner:
            await models.publish(
                owner, model, name="licence plates", apps=[made["plate_reader"].address], price=PLATES_PRICE
            )
    return True

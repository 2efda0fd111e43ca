"""The public network file is served without what concerns its own machine."""

import msgspec
from litestar import Litestar
from litestar.testing import TestClient

from sealgrid.sdk.network import Network
from sealgrid.web import network_document
from tests.unit.sdk.network_file import network


class SiteOf:
    """The part of a site that the handler uses."""

    def __init__(self, network: Network) -> None:
        self.network = network


def test_the_public_file_has_the_pins_and_no_path_of_this_machine(tmp_path):
    private = msgspec.structs.replace(network(folder=str(tmp_path)), platform_url="http://127.0.0.1:1")
    with TestClient(Litestar(route_handlers=network_document.handlers(SiteOf(private)))) as client:
        reply = client.get("/network.json")
    public = msgspec.json.decode(reply.content, type=Network)
    assert (public.folder, public.platform_url) == ("", "")
    assert (public.genesis, public.vaults) == (private.genesis, private.vaults)
    assert str(tmp_path) not in reply.text

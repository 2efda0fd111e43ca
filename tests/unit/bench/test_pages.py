from pathlib import Path

from bench.bazaar import Bazaar
from bench.pages import pages_of
from sealgrid.units import Address

WEB = Path(__file__).resolve().parents[3] / "src" / "sealgrid" / "web"
FROM_DATA = {"hash-file", "a table", "/tasks/0x"}  #: what the bench itself puts on sale or runs


def test_every_page_of_the_bench_is_recognised_by_words_that_the_pages_have() -> None:
    bazaar = Bazaar(apps=(Address("0xa"),), datasets=(Address("0xd"),), pools=(Address("0xp"),))
    sources = "".join(file.read_text() for file in WEB.rglob("*") if file.suffix in {".html", ".py"})
    missing = [
        page.what for page in pages_of(bazaar, ["0xt"]) if page.shows not in sources and page.shows not in FROM_DATA
    ]
    assert not missing

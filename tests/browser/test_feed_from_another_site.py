"""The market's feed from a page of another origin, under the browser's cross-origin rules."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from visitor import LocalSite

from sealgrid.localnet.layout import cache_folder
from tests.e2e.shell import Shell

LIBRARY = "iexec_client/node_modules/socket.io-client/dist/socket.io.min.js"
PAGE = """<!doctype html><title>a dApp</title><script src="library.js"></script>"""
SUBSCRIBE_SCRIPT = """([url, chain]) => new Promise((done, fail) => {
  window.events = [];
  const socket = io(url, { path: '/ws' });
  socket.on('connect_error', (error) => fail(new Error(`${error.message} ${error.description}`)));
  socket.onAny((event, message) => window.events.push([event, message]));
  socket.on('connect', () => socket.emit('join', { chainId: chain, topic: 'orders' }, done));
})"""


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Do not log."""


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE)
    (folder / "library.js").write_bytes((cache_folder() / LIBRARY).read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def test_a_page_of_another_site_receives_an_offer(browser: Browser, site: LocalSite, other_site: str, tmp_path: Path):
    network = site.network.network
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.py").write_text("print('heard')")
    (tmp_path / "app/app.toml").write_text('name = "heard"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    page = browser.new_page()
    page.goto(other_site)
    assert page.evaluate(SUBSCRIBE_SCRIPT, [network.market_url, network.chain]) is True
    shell = Shell(tmp_path, site.network.layout.root)
    with ThreadPoolExecutor(1) as developer:  # Playwright's event loop runs in this thread
        arguments = ("app", "deploy", "./app", "--price", "1", "--account", "developer")
        app = developer.submit(shell.output, *arguments).result().split()[0]
    event_of_app = f"window.events.find(([event, message]) => message.order?.app?.toLowerCase() === '{app}')"
    page.wait_for_function(event_of_app)
    event, message = page.evaluate(event_of_app)
    assert (event, message["order"]["appprice"], message["status"]) == ("apporder_published", 10**9, "open")
    page.close()

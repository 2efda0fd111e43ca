"""A real broker on loopback, for the tests of messages."""

import socket
import subprocess
from pathlib import Path

import aiomqtt
import pytest

from sealgrid.ados.watch.mqtt_source import parse_broker

MOSQUITTO = Path(__file__).resolve().parents[4] / ".cache" / "mosquitto"
TOPIC = "stations/a"


@pytest.fixture(scope="package")
def broker(tmp_path_factory):
    """Start Debian's mosquitto, which keeps messages of clients that are away."""
    folder = tmp_path_factory.mktemp("broker")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen((MOSQUITTO, "-c", settings), stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "running" in line:
            break
    yield parse_broker(f"mqtt://127.0.0.1:{port}/stations/%23")
    process.terminate()
    process.communicate(timeout=10)


@pytest.fixture
async def publish(broker):
    """Return a function that publishes a message and waits until the broker has it."""
    async with aiomqtt.Client(broker.host, broker.port) as client:

        async def send(text, **options):
            await client.publish(TOPIC, text, qos=1, **options)

        yield send

"""A confidential guest as a process: ``guest_for_tests.py FOLDER APP_DIGEST CONTEXT``, with a test's chip.

Started as the recipe's launch.sh is; listens at FOLDER/CONTEXT in place of vsock.
"""

import socket
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sealgrid.platform import guest
from sealgrid.platform.hardware_quotes import RawQuote
from tests.unit.attestation import snp_machine

folder, app, context = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
chip = load_pem_private_key((folder / "chip.pem").read_bytes(), None)
snp_machine.leaf_key = lambda name="chip": chip


class Chip:
    """Signs reports about a guest that was launched for this app."""

    def quote(self, report_data):
        return RawQuote(snp_machine.report(report_data=report_data, host_data=bytes.fromhex(app[2:]), cpuid=(0x19, 1)))


def start(relay, quoting):
    boot = Path(__file__).with_name("boot_for_tests.py")
    packages = str(Path(guest.__file__).parents[2])
    command = [sys.executable, str(boot), str(relay.fileno()), str(quoting.fileno()), packages]
    return guest.start_process(command, relay, quoting)


listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(str(folder / context))
listener.listen(2)
sys.exit(guest.serve(listener, Chip(), start))

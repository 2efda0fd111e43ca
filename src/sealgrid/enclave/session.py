"""One confidential task inside an enclave, from its first breath to the signature that gets it paid.

Follows docs/protocol/release.md: make keys, prove, obtain, close the quoting interface, run, seal, settle, deliver.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Platform
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.enclave.job import app_job
from sealgrid.enclave.job.seal import seal_result
from sealgrid.enclave.protocol import attest
from sealgrid.enclave.protocol.attest import EnclaveKeys, TrustedVaults
from sealgrid.enclave.protocol.quote_port import QuotePort
from sealgrid.enclave.protocol.settle import SettlementTerms, settle
from sealgrid.enclave.sandbox.exit_cause import shield_of
from sealgrid.errors import CheckFailed, ContentDiffers, HostFailed, SealgridError, ServiceUnavailable
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.relay import EnclaveFailure, RelayClient, RelayHello, RelayWelcome, VaultThroughRelay
from sealgrid.wire.vault import VaultClient

Clock = Callable[[], int]


async def main(relay_socket: socket.socket, quote_socket: socket.socket, folder: Path, clock: Clock) -> None:
    """Run the one task that the platform launched this enclave for, and tell the worker how it ended."""
    port = QuotePort(quote_socket)
    launch = port.launch()
    relay = RelayClient(*await asyncio.open_unix_connection(sock=relay_socket))
    try:
        await _run(launch, relay, port, folder, clock)
    except CheckFailed as error:
        await _tell(relay, EnclaveFailure(kind="refused", reason=error.message, check=error.check))
    except (HostFailed, ServiceUnavailable, ContentDiffers) as error:  # the worker's own words, nothing of the app's
        await _tell(relay, EnclaveFailure(kind="host", reason=error.message))
    except Exception as error:  # noqa: BLE001  whatever it is, its message may hold what the app saw
        await _tell(relay, EnclaveFailure(kind="host", reason=f"the runtime failed ({type(error).__name__})."))
    finally:
        await relay.close()


async def _run(launch: LaunchRequest, relay: RelayClient, port: QuotePort, folder: Path, clock: Clock) -> None:
    started = clock()
    me = EnclaveKeys(signing=SigningKey.generate(), hpke=HpkeKey.generate())
    welcome = msgspec.msgpack.decode(
        await relay.ask("hello", body=msgspec.msgpack.encode(RelayHello(enclave=me.signing.address))), type=RelayWelcome
    )
    vaults = _federation(launch, relay)
    # The app that is locked into the evidence is laid out while the vaults are asked; it starts only after that.
    preparing = asyncio.create_task(app_job.prepare(relay, launch.app_digest, folder))
    try:
        proof = await attest.attest(launch, me, welcome, vaults, port)
        port.close()
        await relay.ask("stage", path="attested")
        agreed = await attest.obtain(launch, me, welcome, vaults, proof)
        await relay.ask("stage", path="released")
        prepared = None if agreed.facts.refusal else await preparing
    finally:
        await _ended(preparing)
    shield = shield_of(Platform(proof.quote.platform))
    outcome = (
        app_job.refused(agreed.facts)
        if prepared is None
        else await app_job.perform(relay, agreed, prepared, shield=shield)
    )
    rsa = None if welcome.result_key is None else welcome.result_key.value.encode()
    sealed = seal_result(outcome.archive, agreed.request, agreed.facts, vaults.addresses, vaults.threshold, rsa=rsa)
    result = SettlementTerms(me, vaults, proof, agreed, outcome, sealed, started, finished=clock())
    delivery = await settle(result, relay)
    await relay.ask("deliver", body=msgspec.msgpack.encode(delivery))


async def _ended(task: "asyncio.Task[app_job.PreparedApp]") -> None:
    # Whatever ended the session first is what the worker is told; the other error must not be lost unheard either.
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


def _federation(launch: LaunchRequest, relay: RelayClient) -> TrustedVaults:
    clients = tuple(VaultClient(VaultThroughRelay(relay, index)) for index in range(len(launch.vaults)))
    domain = Domain(chain=launch.chain, broker=launch.broker)
    return TrustedVaults(addresses=launch.vaults, clients=clients, threshold=launch.threshold, domain=domain)


async def _tell(relay: RelayClient, failure: EnclaveFailure) -> None:
    with suppress(SealgridError):  # a worker that is gone cannot be told
        await relay.ask("fail", body=msgspec.msgpack.encode(failure))

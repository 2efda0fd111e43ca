"""Main routine of an enclave: attest, obtain keys, run the app, seal, settle, deliver (docs/protocol/release.md)."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Platform
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.enclave.job import app_job
from sealgrid.enclave.job.app_preparation import AppPreparation
from sealgrid.enclave.job.seal import seal_result
from sealgrid.enclave.protocol.attest import EnclaveKeys, TrustedVaults, attest
from sealgrid.enclave.protocol.quote_port import QuotePort
from sealgrid.enclave.protocol.release import obtain
from sealgrid.enclave.protocol.settle import Settlement, settle
from sealgrid.enclave.sandbox.exit_cause import protection_of
from sealgrid.errors import CheckFailed, ContentDiffers, HostFailed, SealgridError, ServiceUnavailable
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.relay import EnclaveFailure, RelayClient, RelayedVaultTransport, RelayHello, RelayWelcome
from sealgrid.wire.vault import VaultClient

Clock = Callable[[], int]


@dataclass(frozen=True)
class _Session:
    """What an enclave has before its task."""

    keys: EnclaveKeys
    relay: RelayClient
    port: QuotePort
    preparation: AppPreparation


async def main(relay_socket: socket.socket, quote_socket: socket.socket, folder: Path, clock: Clock) -> None:
    """Run the one task that the platform gives this enclave; report a failure to the worker.

    The enclave may have started before its task is known: it makes its keys, lays out the app that the worker expects,
    and waits.
    """
    port = QuotePort(quote_socket)
    relay = RelayClient(*await asyncio.open_unix_connection(sock=relay_socket))
    keys = EnclaveKeys(signing=SigningKey.generate(), hpke=HpkeKey.generate())
    session = _Session(keys, relay, port, AppPreparation(relay, folder))
    try:
        launched = asyncio.create_task(asyncio.to_thread(port.launch))
        await session.preparation.begin_expected(launched)
        await _run(await launched, session, clock)
    except CheckFailed as error:
        await _report_failure(relay, EnclaveFailure(kind="refused", reason=error.message, check=error.check))
    except (HostFailed, ServiceUnavailable, ContentDiffers) as error:  # such a message never holds data of the app
        await _report_failure(relay, EnclaveFailure(kind="host", reason=error.message))
    except Exception as error:  # noqa: BLE001  only its type is reported: its message may hold data of the app
        await _report_failure(
            relay, EnclaveFailure(kind="host", reason=f"the runtime failed ({type(error).__name__}).")
        )
    finally:
        await relay.close()


async def _run(launch: LaunchRequest, session: _Session, clock: Clock) -> None:
    started = clock()
    keys, relay, port = session.keys, session.relay, session.port
    hello = msgspec.msgpack.encode(RelayHello(enclave=keys.signing.address))
    welcome = msgspec.msgpack.decode(await relay.call("hello", body=hello), type=RelayWelcome)
    vaults = TrustedVaults(
        addresses=launch.vaults,
        clients=tuple(VaultClient(RelayedVaultTransport(relay, index)) for index in range(len(launch.vaults))),
        threshold=launch.threshold,
        domain=Domain(chain=launch.chain, broker=launch.broker),
    )
    # The app that is locked into the evidence is laid out during attestation and release; it starts only after them.
    preparing = asyncio.create_task(session.preparation.prepared(launch.app_digest))
    try:
        attested = await attest(launch, keys, welcome, vaults, port)
        port.close()
        await relay.call("stage", path="attested")
        quorum = await obtain(launch, keys, welcome, vaults, attested)
        await relay.call("stage", path="released")
        prepared = None if quorum.facts.refusal else await preparing
    finally:
        # An error of the preparation is consumed here: the worker gets the error that ended the session.
        preparing.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await preparing
    protection = protection_of(Platform(attested.quote.platform))
    outcome = (
        app_job.refused(quorum.facts)
        if prepared is None
        else await app_job.perform(relay, quorum, prepared, protection=protection)
    )
    rsa = None if welcome.result_key is None else welcome.result_key.value.encode()
    sealed = seal_result(outcome.archive, quorum.request, quorum.facts, vaults.addresses, vaults.threshold, rsa=rsa)
    settlement = Settlement(keys, vaults, attested, quorum, outcome, sealed, started, finished=clock())
    delivery = await settle(settlement, relay)
    await relay.call("deliver", body=msgspec.msgpack.encode(delivery))


async def _report_failure(relay: RelayClient, failure: EnclaveFailure) -> None:
    with suppress(SealgridError):  # the worker may be gone
        await relay.call("fail", body=msgspec.msgpack.encode(failure))

"""The settings file, keys and roots of a new vault of a network (docs/howto/run-a-vault.md)."""

from pathlib import Path
from typing import Final

import msgspec

from sealgrid.attestation.policy import Platform
from sealgrid.chain.network_identity import LOCAL_CHAIN
from sealgrid.sdk.network import Network
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Address
from sealgrid.vault.keys import KEYS_FOLDER, load_key_files
from sealgrid.wire.settings_file import require_new, toml

DEFAULT_PORT: Final = 8564


def create_vault_file(path: Path, network: Network) -> Address:
    """Write a vault's settings for a network, its roots and new keys beside them; return the vault's address.

    All names begin with that of the TOML file: another vault's file may be in its folder. Key files that exist stay.
    Raises InputRefused if the TOML file exists.
    """
    require_new(path)
    base = path.parent
    base.mkdir(parents=True, exist_ok=True)
    folder = f"{path.stem}-data"
    address = load_key_files(base / folder).address
    values = {
        "folder": folder,
        "keys": f"{folder}/{KEYS_FOLDER}",
        "port": DEFAULT_PORT,
        "public_url": "",
        "trusted_proxies": [],
        "rpc_urls": [network.rpc_url],
        "chain": network.chain,
        "genesis": network.genesis,
        "hub": network.hub,
        "broker": network.broker,
        "storage_url": network.storage_url,
        "storage_copies": network.storage_copies,
        "threshold": network.threshold,
        "vaults": [vault.address for vault in network.vaults],
        "insecure_allow_simulated": network.allow_simulated,
    }
    comments = {
        "keys": "put them on another disk than the database, and back them up",
        "public_url": "where clients reach it through a TLS proxy",
        "rpc_urls": "" if network.chain == LOCAL_CHAIN else "add a second node, of another operator",
        "vaults": "the federation; the broker's owner adds this vault",
    }
    lines = [f"{name} = {toml(value)}{_comment(comments.get(name, ''))}" for name, value in values.items()]
    lines += ["", "[peers]"]
    lines += [f'"{vault.address}" = {toml(vault.url)}' for vault in network.vaults if vault.address != address]
    for number, root in enumerate(network.roots):
        certificate = f"{path.stem}-root-{number}.der"
        write_file(base / certificate, root.root_ca_der, mode=0o644)
        lines += ["", "[[roots]]", f"platform = {toml(Platform(root.platform).name.lower())}"]
        lines += [f"certificate = {toml(certificate)}", f"traits = {toml(root.traits)}"]
        lines += [f"statuses = {toml(root.statuses)}"]
        lines += [f"least_tcb = {{ {_fields(root.least_tcb)} }}"]
    write_file(path, ("\n".join([_HEAD, *lines]) + "\n").encode(), replace=False)
    return address


def _comment(text: str) -> str:
    return f"  # {text}" if text else ""


def _fields(value: object) -> str:
    return ", ".join(f"{name} = {toml(each)}" for name, each in msgspec.to_builtins(value).items())


_HEAD: Final = "# Settings of a vault; docs/howto/run-a-vault.md explains them. `sealgrid vault run` runs it."

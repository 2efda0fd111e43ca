"""The address at which other machines reach a shared network, and its certificate."""

import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import InputRefused
from sealgrid.wire.service_access import LOOPBACK


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """An address or name of this machine."""

    host: str
    ip: str  #: the address that services listen on
    certificate: Path | None = None  #: PEM file with the certificate chain; None for plain HTTP
    certificate_key: Path | None = None

    @property
    def url_host(self) -> str:
        """Return the host as in URLs: IPv6 addresses in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def scheme(self) -> str:
        """Return the scheme of the services' URLs."""
        return "https" if self.certificate else "http"

    @property
    def network_name(self) -> str:
        """Return the name of the network for those who join it."""
        return re.sub(r"[^a-z0-9.-]+", "-", self.host.lower()).strip("-.")[:40]


ON_LOOPBACK = PublicAddress(LOOPBACK, LOOPBACK)


def public_address(
    host: str = "", certificate: Path | None = None, certificate_key: Path | None = None
) -> PublicAddress:
    """Return the address of a shared network; an empty ``host`` is loopback, for a proxy of this machine.

    Raises InputRefused for a host that is not an address of this machine, and for a certificate that cannot be used.
    """
    host = host or LOOPBACK
    if (certificate is None) != (certificate_key is None):
        raise InputRefused("give both --certificate and --certificate-key, or neither.", money="")
    if certificate is not None:
        _check_certificate(certificate, certificate_key)
    return PublicAddress(host, _own_ip(host), certificate, certificate_key)


def _own_ip(host: str) -> str:
    try:
        ip = str(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4][0])
        if ipaddress.ip_address(ip).is_unspecified:
            raise InputRefused(
                f"{host} is not an address that others can use; give the one by which they reach this machine, as "
                "`ip address` lists it, or a name of it.",
                money="",
            )
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((ip, 0))
    except (OSError, UnicodeError) as error:  # a name with an empty or long label cannot be encoded for DNS
        reason = error.strerror if isinstance(error, OSError) else "not a valid name"
        raise InputRefused(
            f"{host} is not an address of this machine ({reason}); `ip address` lists them.", money=""
        ) from error
    return ip


def _check_certificate(certificate: Path, key: Path | None) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InputRefused(
            f"the certificate {certificate} with the key {key} cannot be used ({error}); give PEM files, the key "
            "without a password.",
            money="",
        ) from error

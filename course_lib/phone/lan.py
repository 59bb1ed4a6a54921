"""The local network: this machine's addresses in it, a certificate for them, and codes to scan.

>>> svg("https://192.168.0.7:8765/").startswith("<svg")
True
>>> svg("http://localhost:8765/")
Traceback (most recent call last):
ValueError: http://localhost:8765/ leads a phone to itself: a code needs an address in the network
"""

import datetime
import hashlib
import io
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# Networks inside of this machine, and tunnels, which a phone is not in.
ELSEWHERE = re.compile(r"docker|br-|veth|virbr|vmnet|vboxnet|utun|tun|tap|wg|zt|lxc|cni|vEthernet")
DAYS = 30  # that a certificate is valid; phones distrust long ones


@dataclass(frozen=True, eq=False)
class Certificate:
    """A certificate made on the spot, for this run alone; its key is nowhere but in memory."""

    context: ssl.SSLContext
    names: tuple[str, ...]  # addresses and names that it is for
    fingerprint: str  # SHA-256, as browsers show it


def lan_addresses() -> tuple[str, ...]:
    """This machine's IPv4 addresses in local networks, the one on the way out first.

    >>> any(is_loopback(f"http://{address}/") for address in lan_addresses())
    False
    """
    import psutil

    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    first = _way_out()
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for each in addresses:
            if name not in up or each.family != socket.AF_INET:
                continue
            number = ipaddress.ip_address(each.address)
            if not number.is_loopback and not number.is_link_local:
                rank = (each.address != first, bool(ELSEWHERE.match(name)))
                found.append((rank, each.address))
    return tuple(dict.fromkeys(address for _, address in sorted(found)))


def _way_out() -> str:
    """The address that packets to elsewhere carry; none is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation, nobody's
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def certificate(addresses: Sequence[str]) -> Certificate:
    """A certificate for these addresses and this machine's names, by the library trustme.

    Raises ImportError, with what to install, where that is missing.
    """
    trustme = _import("trustme")
    host = socket.gethostname().split(".")[0]
    own = [host, f"{host}.local"] if re.fullmatch(r"[A-Za-z0-9-]{1,63}", host) else []
    names = tuple(dict.fromkeys([*addresses, *own, "localhost", "127.0.0.1"]))
    now = datetime.datetime.now(datetime.UTC)
    made = trustme.CA(organization_name="The plant app, made for this run").issue_cert(
        *names,
        organization_name="The plant app",
        not_before=now - datetime.timedelta(days=1),  # a phone's clock may be late
        not_after=now + datetime.timedelta(days=DAYS),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    made.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())
    digest = hashlib.sha256(der).hexdigest().upper()
    return Certificate(context, tuple(name.lower() for name in names), ":".join(_pairs(digest)))


def _pairs(digits: str) -> list[str]:
    return [digits[i : i + 2] for i in range(0, len(digits), 2)]


# Codes


def terminal(address: str) -> str:
    """A code that leads a phone's camera app to this address, in letters for a terminal.

    Raises ValueError for an address that leads a phone to itself.
    """
    text = io.StringIO()
    _code(address).terminal(text, compact=True)
    return text.getvalue()


def svg(address: str, scale: float = 5) -> str:
    """The same code as a drawing, for a notebook or a slide: the text of an <svg>."""
    return str(_code(address).svg_inline(scale=scale, light="#fff", title=address))


def _code(address: str) -> Any:
    if is_loopback(address):
        raise ValueError(
            f"{address} leads a phone to itself: a code needs an address in the network"
        )
    return _import("segno").make(address, micro=False, error="m")


def is_loopback(address: str) -> bool:
    """Whether an address leads to the very machine that opens it.

    >>> is_loopback("http://localhost:8765/"), is_loopback("https://192.168.0.7:8765/")
    (True, False)
    """
    name = (urlsplit(address).hostname or "").rstrip(".").lower()
    if not name or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(number, "ipv4_mapped", None) or number
    return mapped.is_loopback or mapped.is_unspecified


def _import(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError(
            f"{name} is missing: `python course.py setup` brings it, or in an environment of your "
            f'own `pip install -e ".[app]"`'
        ) from None

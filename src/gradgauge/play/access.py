"""Who may come in: by which names this server is called, and what each token allows."""

from __future__ import annotations

import hmac
import secrets
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address

from gradgauge.errors import InvalidValue, Problem

LOOPBACK = "127.0.0.1"
_LETTERS = 18
_LAST_PORT = 65_535


class AccessProblem(Problem):
    """An address that cannot be served at."""

    table = "play_access"


def _token() -> str:
    return secrets.token_urlsafe(_LETTERS)


@dataclass(frozen=True)
class Access:
    """Names and tokens.

    Attributes:
        host: what is bound.
        port: the port.
        shown: the host that stands in the address.
        shared: whether others on the local network may look.
        drive, look: the presenter's token and the viewers'.
    """

    host: str
    port: int
    shown: str
    shared: bool
    drive: str = field(default_factory=_token)
    look: str = field(default_factory=_token)

    @property
    def hosts(self) -> frozenset[str]:
        """What a Host header may be. A page that reaches us by any other name was led here."""
        names = {LOOPBACK, "localhost", "[::1]", _bracketed(self.host), _bracketed(self.shown)}
        return frozenset(f"{name}:{self.port}" for name in names)

    def is_our_host(self, header: str | None) -> bool:
        """Whether a request calls us by a name of ours."""
        return header is not None and header.lower() in self.hosts

    def is_our_origin(self, header: str | None) -> bool:
        """Whether a request comes from a page of ours."""
        return header is not None and header.lower().removeprefix("http://") in self.hosts

    def role(self, token: str | None) -> bool | None:
        """True for the presenter's token, False for the viewers', None for any other."""
        given = (token or "").encode()
        if hmac.compare_digest(given, self.drive.encode()):
            return True
        looks = hmac.compare_digest(given, self.look.encode())
        return False if looks and self.shared else None

    def address(self, driving: bool, shown: str | None = None) -> str:
        """The address to open."""
        token = self.drive if driving else self.look
        return f"http://{_bracketed(shown or self.shown)}:{self.port}/?token={token}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def listening(host: str | None, port: int | None, share: bool) -> tuple[socket.socket, Access]:
    """A bound socket, and who may come in by it.

    Args:
        host: to bind; None: loopback, or every address where it is shared.
        port: to bind; None: PORT where it is free, else any.
        share: whether the local network may look.

    Raises:
        AccessProblem: another host than loopback without sharing, or one that cannot be bound.
        InvalidValue: no such port.
    """
    if port is not None and not 0 <= port <= _LAST_PORT:
        raise InvalidValue("port", port, "port", most=_LAST_PORT)
    bound = host or ("0.0.0.0" if share else LOOPBACK)
    if not share and not _is_loopback(bound):
        raise AccessProblem("not_loopback", host=bound)
    wanted = [port] if port is not None else [PORT, 0]
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    for place, number in enumerate(wanted):
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((bound, number))
            taken.listen(256)
        except OSError as error:
            taken.close()
            if place + 1 == len(wanted):
                why = error.strerror or str(error)
                raise AccessProblem("not_free", host=bound, port=number, why=why) from None
            continue
        shown = _own_address() if bound in ("0.0.0.0", "::") else bound
        return taken, Access(bound, taken.getsockname()[1], shown, share)
    raise AssertionError


PORT = 8470
"""Where the page is served if nobody says otherwise."""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _own_address() -> str:
    """This machine's address on the local network; loopback where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: only the route is looked up.
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return LOOPBACK

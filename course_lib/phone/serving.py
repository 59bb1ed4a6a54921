"""Serve the page's folder: to this machine alone, or, asked for it, to the phones in the network.

>>> import tempfile, urllib.request
>>> with tempfile.TemporaryDirectory() as folder:
...     _ = (Path(folder) / "index.html").write_text("<p>leaves</p>")
...     with serve(folder, port=0) as server:
...         answer = urllib.request.urlopen(server.address).read()
>>> answer, server.address.startswith("http://127.0.0.1:")
(b'<p>leaves</p>', True)

Only files of that folder are given out, by GET and HEAD; nothing is ever written or run.
"""

import contextlib
import os
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from course_lib.phone.lan import Certificate, certificate, lan_addresses
from course_lib.phone.web_files import Served, read

PORT = 8765
MOVED = (
    "HTTP/1.1 301 Moved Permanently\r\nLocation: {}\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n"
)
PATIENCE = 20  # seconds that a connection may be silent
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'"
)
# Notebooks show the page inside of theirs, which has another port or lives in an editor.
NOTEBOOKS = ("'self'", "http://localhost:*", "http://127.0.0.1:*", "vscode-webview:")


class Server:
    """A folder that is being served, until `stop()`; usable as a context manager."""

    def __init__(
        self, web: "_Web", certificate: Certificate | None, addresses: Sequence[str]
    ) -> None:
        self._web, self.certificate = web, certificate
        self.addresses = tuple(addresses)  # of other machines' way here; empty on loopback alone
        self.folder, self.port = web.folder, web.server_address[1]
        self._thread = threading.Thread(target=web.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the page."""
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/"

    @property
    def is_running(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving; the port is free again. May be called twice."""
        self._web.shutdown()
        self._web.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Serve until Ctrl-C (or until `stop` is called elsewhere), then stop."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Server({', '.join((self.address, *self.addresses))})"


def serve(
    folder: str | Path,
    port: int | None = None,
    lan: bool = False,
    frame_ancestors: Sequence[str] = ("'self'",),
) -> Server:
    """Serve a folder in the background.

    port: None takes 8765, or any free one if that is taken; 0 any free one.
    lan: to the whole local network, by HTTPS with a certificate made on the spot, because phones
    give a camera to secure addresses alone. Else to this machine alone.
    frame_ancestors: which pages may show this one inside of theirs, in the words of the Content
    Security Policy; `NOTEBOOKS` are those of notebooks on this machine.
    Raises NotADirectoryError if there is no such folder, ValueError for a port that is taken, or,
    with `lan`, if this machine is in no network.
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; app.build(FOLDER) makes one")
    found = lan_addresses() if lan else ()
    if lan and not found:
        raise ValueError(
            "this machine is in no local network: connect it to the one of the phone, or open a "
            "hotspot on the phone and connect to that"
        )
    made = certificate(found) if lan else None
    policy = f"{PAGE_POLICY}; frame-ancestors {' '.join(frame_ancestors)}"
    web = _bound("0.0.0.0" if lan else "127.0.0.1", port, place, policy, made)
    hosts = {"127.0.0.1", "localhost", *found, *(made.names if made else ())}
    web.hosts = frozenset(hosts)
    shown = [f"https://{address}:{web.server_address[1]}/" for address in found]
    return Server(web, made, shown)


def _bound(
    host: str, port: int | None, folder: Path, policy: str, made: Certificate | None
) -> "_Web":
    if port is not None and not 0 <= port <= 65535:
        raise ValueError(f"port must be 0 (any free one) to 65535, got {port}; {PORT} is usual")
    for wanted in (PORT, 0) if port is None else (port,):
        try:
            return _Web((host, wanted), folder, policy, made.context if made else None)
        except OSError as error:
            reason = error
    raise ValueError(
        f"port {port} cannot be used ({reason.strerror or reason}): leave it out to take a free one"
    )


class _Web(ThreadingHTTPServer):
    """The server itself: one thread a connection, and the handshake in that thread."""

    daemon_threads = True
    # On Windows the same setting would let two servers have one port.
    allow_reuse_address = os.name == "posix"
    hosts: frozenset[str] = frozenset()

    def __init__(
        self, address: tuple[str, int], folder: Path, policy: str, context: ssl.SSLContext | None
    ) -> None:
        self.folder, self.policy, self.context = folder, policy, context
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's asks a name server, for seconds
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(PATIENCE)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        if request.recv(1, socket.MSG_PEEK) not in (b"\x16", b""):  # no TLS: "http://" was typed
            with contextlib.suppress(OSError):
                there = f"https://{request.getsockname()[0]}:{self.server_port}/"
                request.sendall(MOVED.format(there).encode())
            return
        with self.context.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A phone that goes away, or does not trust the certificate yet, is no error of ours.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    server: _Web
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # what follows is no next request
        if not self._for_us(self.headers.get("Host", "")):
            own = self.server.server_address[1]
            self.send_error(
                HTTPStatus.MISDIRECTED_REQUEST, f"open http://127.0.0.1:{own}/ on this machine"
            )
            return
        path = located(self.server.folder, self.path)
        try:
            found = read(path) if path else None
        except OSError:
            found = None
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        zipped = _takes_gzip(self.headers.get("Accept-Encoding", ""))
        content = found.zipped if zipped and found.zipped is not None else found.content
        tag = found.tag(content is found.zipped)
        same = _names(self.headers.get("If-None-Match", ""), tag)
        self.send_response(HTTPStatus.NOT_MODIFIED if same else HTTPStatus.OK)
        self._headers(found, tag, content is found.zipped)
        if not same:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body and not same:
            self.wfile.write(content)

    def _for_us(self, host: str) -> bool:
        """Is it our own name that was asked for? Another's page must not read from this machine."""
        try:
            name = urlsplit(f"//{host}").hostname if not set(host) & set("/?#@\\") else None
        except ValueError:  # half of an IPv6 address
            name = None
        return name is not None and name.lower() in self.server.hosts

    def _headers(self, found: Served, tag: str, zipped: bool) -> None:
        self.send_header("Content-Type", found.kind)
        self.send_header("ETag", tag)
        self.send_header("Vary", "Accept-Encoding")
        if zipped:
            self.send_header("Content-Encoding", "gzip")

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Permissions-Policy", "camera=(self)")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A short text; what was asked for is not repeated in it."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:  # how the base class calls other methods
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD"
        elif status not in (HTTPStatus.MISDIRECTED_REQUEST,):
            message = None
        text = f"{status.value} {status.phrase}{f': {message}' if message else ''}\n".encode()
        self.close_connection = status is not HTTPStatus.NOT_FOUND or self.close_connection
        self.send_response(status)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def version_string(self) -> str:
        return "course"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: a class of phones would fill the terminal."""


def located(folder: Path, asked: str) -> Path | None:
    """The file that a request's path means, or None if it is none of this folder's.

    Hidden files, `..`, links that lead out, and every odd way to write them are nobody's file.

    >>> located(Path("/srv/page"), "/../etc/passwd"), located(Path("/srv/page"), "/%2e%2e/x")
    (None, None)
    """
    path = asked.split("?", 1)[0].split("#", 1)[0]
    if not path.startswith("/"):
        return None
    try:
        parts = unquote(path, errors="strict").split("/")[1:]
    except UnicodeDecodeError:
        return None
    if parts[-1] == "":
        parts[-1] = "index.html"
    for part in parts:
        # A colon is a drive or a stream on Windows, a backslash a slash.
        if not part or part.startswith(".") or set(part) & set('\\:"<>|*?') or min(part) < " ":
            return None
    try:
        found = folder.joinpath(*parts).resolve(strict=True)
        inside = found.relative_to(folder.resolve()).parts  # a ValueError for what is outside
        whole = found.is_file() and not any(part.startswith(".") for part in inside)
    except (OSError, ValueError, RuntimeError):
        return None
    return found if whole else None


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _names(tags: str, tag: str) -> bool:
    found = {each.strip().removeprefix("W/") for each in tags.split(",")}
    return tag in found or "*" in found

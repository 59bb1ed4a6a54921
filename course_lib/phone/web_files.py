"""The files of the page as a web server gives them: type, checksum, and smaller on the way.

>>> zipped(b"leaf " * 1000)[:2] == bytes([31, 139]), len(zipped(b"leaf " * 1000)) < 100
(True, True)
"""

import contextlib
import gzip
import hashlib
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from course_lib import cache
from course_lib.deploy import packing

KINDS = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json", ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm", ".plants": "application/octet-stream",
    ".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml", ".ico": "image/x-icon",
    ".pdf": "application/pdf", ".txt": "text/plain; charset=utf-8", "": "text/plain; charset=utf-8",
}  # fmt: skip
UNKNOWN = "application/octet-stream"
ZIPPED = {".html", ".css", ".js", ".mjs", ".json", ".webmanifest", ".wasm", ".svg", ".txt"}
SMALLEST = 500  # bytes; less is not worth it
SLOW = 2**20  # bytes; what takes long to compress is kept in the cache


@dataclass(frozen=True)
class Served:
    """A file as it is sent; zipped: the same through gzip, None where that saves nothing."""

    kind: str
    content: bytes = field(repr=False)
    zipped: bytes | None = field(repr=False)
    checksum: str

    def tag(self, zipped: bool) -> str:
        """The ETag: another one for other bytes on the way."""
        return f'"{self.checksum}{"-gz" if zipped else ""}"'


_kept: dict[Path, tuple[tuple[int, int], Served]] = {}
_one_at_a_time = threading.Lock()


def served(path: Path) -> Served:
    """A file, read, and compressed where that pays. Raises OSError."""
    content, suffix = path.read_bytes(), path.suffix.lower()
    small = zipped(content) if suffix in ZIPPED and len(content) >= SMALLEST else content
    return Served(
        KINDS.get(suffix, UNKNOWN),
        content,
        small if len(small) < len(content) else None,
        hashlib.sha256(content).hexdigest()[:20],
    )


def read(path: Path) -> Served:
    """The same, kept in memory until the file changes. Raises OSError."""
    with _one_at_a_time:
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_size)
        kept = _kept.get(path)
        if kept is None or kept[0] != stamp:
            _kept[path] = kept = stamp, served(path)
        return kept[1]


def zipped(content: bytes) -> bytes:
    """The content through gzip; that of large files is kept in the cache."""
    if len(content) < SLOW:
        return gzip.compress(content, 9, mtime=0)
    name = f"page-zipped-{hashlib.sha256(content).hexdigest()[:20]}.gz"
    with contextlib.suppress(OSError, EOFError, zlib.error):  # not there, or damaged
        small = (cache.cache_dir() / name).read_bytes()
        if gzip.decompress(small) == content:
            return small
    small = gzip.compress(content, 9, mtime=0)
    place = cache.writable_dir()
    if place is not None:
        with contextlib.suppress(OSError):  # a full disk; then it is made again next time
            packing.write(place / name, small)
    return small

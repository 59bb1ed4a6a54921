"""The plant app: a phone page that names plants from the camera, before and after compressing.

`build` makes its folder, which any web host serves; `serving.serve` serves it here, `in_notebook`
shows it in a notebook. Networks and pictures stay on the phone: the page sends nothing anywhere.

>>> picture = np.zeros((48, 64, 3), np.uint8)  # a camera's: 64 wide, 48 high
>>> prepare(picture, 16).shape  # its middle square, 48x48, shrunk
(16, 16, 3)
"""

import base64
import contextlib
import hashlib
import importlib.metadata
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from course_lib import cache
from course_lib.images import data, photos
from course_lib.images.data import ImageData
from course_lib.phone import lan, page_folder, page_models, page_modes, page_runtime, serving
from course_lib.phone.page_folder import Built, build, check
from course_lib.phone.page_modes import Mode, write_models
from course_lib.recipes import recipe

__all__ = ["Built", "Mode", "build", "check", "in_notebook", "prepare", "write_models"]

LINKED = 200_000  # bytes of a model file that a notebook's output may hold


def prepare(picture: Image.Image | NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A picture as the network gets it: its middle square, (size, size, 3), bytes.

    picture: of PIL, or bytes (height, width, 3) in red, green, blue. The page does the same in
    the phone, to within one grey level. Raises ValueError for anything else.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}; a network's own is shape[1]")
    if isinstance(picture, Image.Image):
        return photos.square(picture, size).copy()  # PIL's own memory is read-only
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(
            f"picture must be bytes (height, width, 3), got {picture.dtype} of {picture.shape}"
        )
    return prepare(Image.fromarray(picture), size)


# In a notebook


@dataclass(frozen=True)
class Shown:
    """The page inside a notebook, or the way to it. `stop()` ends its server.

    Where the kernel is gone, a kept notebook shows a picture of the page instead.
    """

    text: str
    html: str = field(repr=False)
    built: Built | None = None  # None where no page was built
    server: serving.Server | None = field(default=None, repr=False)

    def stop(self) -> None:
        """Stop serving the page; nothing happens where none is served."""
        if self.server is not None:
            self.server.stop()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)

    def _repr_html_(self) -> str:
        return self.html

    def _repr_png_(self) -> bytes | None:
        return page_folder.PICTURE.read_bytes() if self.server is not None else None


_running: dict[Path, serving.Server] = {}


def in_notebook(
    folder: str | Path | None = None, height: int = 780, modes: Sequence[str] = ("leaves",)
) -> Shown:
    """Show the page in a notebook; where that cannot be, say so and what to do instead.

    folder: a page that `build` made, or what `compress` wrote (built in the cache then), or None
    for the leaves that ship; modes: as `build` takes them ("plants" takes a minute, once).
    Served on this machine alone; running the cell again keeps the server.
    On Colab a page served there opens in no phone: the browser downloads the `.plants` files
    instead, and the published page opens them. Without the page's runtime, what is shown is how
    to get it.
    """
    if "google.colab" in sys.modules:
        return _hand_over(folder)
    place = Path(folder).resolve() if folder is not None else None
    try:
        if place is not None and page_folder.listed(place) is not None:
            built = check(place)
        else:
            built = _built_in_cache(place, None, modes)
    except page_runtime.Missing as problem:
        return Shown(str(problem), f"<p>{escape(str(problem))}</p>")
    place = built.folder
    server = _running.get(place)
    if server is None or not server.is_running:
        server = serving.serve(place, frame_ancestors=serving.NOTEBOOKS)
        _running[place] = server
    text = f"The plant app is at {server.address} as long as this kernel runs."
    html = (
        f'<iframe src="{server.address}" title="The plant app" allow="camera; fullscreen" '
        f'style="border:0;width:100%;max-width:480px;height:{int(height)}px"></iframe>'
        f'<p><a href="{server.address}" target="_blank" rel="noopener">Open it in a tab</a>. '
        f"Nothing there? Then this kernel runs on another machine (on Binder it does): download "
        f"{_downloads(built)}, and open it{_hosted_link()}, with “Open my model”.</p>"
    )
    return Shown(text, html, built, server)


def hosted_page() -> str | None:
    """The address of the published page, from the package's `page` in [project.urls], or None."""
    try:
        urls = importlib.metadata.metadata("pruning-course").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    named = dict(url.split(", ", 1) for url in urls if ", " in url)
    return named.get("page")


def _hand_over(folder: str | Path | None) -> Shown:
    """On Colab: download the model files; the sentence says what opens them."""
    files = sys.modules["google.colab"].files
    found = _model_files(folder)
    for path in found:
        files.download(str(path))
    names = " and ".join(path.name for path in found)
    address = hosted_page()
    there = f"at {address}" if address else "(`python -m course_lib app` on your own machine)"
    text = f"{names} went to your downloads: open the page {there}, and there “Open my model”."
    html = f"<p>{escape(text)}</p>"
    if address:
        html = html.replace(escape(address), f'<a href="{escape(address)}">{escape(address)}</a>')
        with contextlib.suppress(ImportError):  # Colab has no segno unless it was asked for
            html += lan.svg(address)
    return Shown(text, html)


def _model_files(folder: str | Path | None) -> list[Path]:
    """The .plants files of a built page, of what `compress` wrote, or of the shipped leaves."""
    if folder is None:
        mode = page_modes.leaf_mode()
        place = Path(tempfile.mkdtemp(prefix="leaves-"))
        pair = [("before", mode.before), ("after", mode.after)]
        return [
            page_models.save(model, place / f"leaves-{role}{page_models.SUFFIX}")
            for role, model in pair
            if model is not None
        ]
    place = Path(folder)
    if page_folder.listed(place) is None and not list(place.glob(f"*{page_models.SUFFIX}")):
        write_models(place)
    return sorted((*place.glob(f"*{page_models.SUFFIX}"), *place.glob("models/*")), reverse=True)


def _downloads(built: Built) -> str:
    """Links that hold the small model files themselves: whoever sees the notebook can take them."""
    small = [built.folder / name for name, size in built.models.items() if size < LINKED]
    links = [
        f'<a download="{escape(path.name)}" href="data:application/octet-stream;base64,'
        f'{base64.b64encode(path.read_bytes()).decode()}">{escape(path.name)}</a>'
        for path in small
    ]
    return " or ".join(links) or "one of the folder's .plants files"


def _hosted_link() -> str:
    address = hosted_page()
    return f' at <a href="{escape(address)}">{escape(address)}</a>' if address else ""


# The command line


def command(asked: Namespace) -> int:
    """`python -m course_lib app`: build, and serve unless only building was asked for."""
    images = _images(asked)
    try:
        if asked.what == "build":
            print(build(asked.out, asked.model, data=images))
            print("Any web host with https serves this folder; phones then give it the camera.")
            return 0
        print(_built_in_cache(asked.model, images))
        server = serving.serve(_cache_place(asked.model, None), asked.port, asked.lan)
    except (page_runtime.Missing, ImportError) as problem:
        print(f"app: {problem}", file=sys.stderr)
        return 1
    print("\n" + how_to_open(server), flush=True)
    server.wait()
    return 0


def how_to_open(server: serving.Server) -> str:
    """What the command line says of a running server: where it is, and what a phone needs."""
    lines = [f"On this machine: {server.address} (Ctrl-C stops it)"]
    if server.certificate is None:
        return "\n".join([
            *lines,
            "A phone gives its camera to secure addresses only. --lan serves one in this network;",
            "`app build --out FOLDER` makes a folder for any web host. Without one, the page takes",
            "photos instead.",
        ])  # fmt: skip
    first, *others = server.addresses
    lines += [
        f"A phone in the same network: {first}",
        *(f"  or, if that is another network: {address}" for address in others),
        "",
        lan.terminal(first),
        "The phone will warn of an unknown certificate: it was made here, for this run, and nobody",
        "vouches for it. Go on by Advanced, Proceed (Android) or Show Details, visit this website",
        "(iPhone). In a network that you do not trust, compare its SHA-256 fingerprint first:",
        f"  {server.certificate.fingerprint}",
        "No answer? Allow this program in the firewall; networks for guests keep devices apart.",
    ]
    return "\n".join(lines)


def _images(asked: Namespace) -> ImageData | None:
    """The images that were named; compressed first, where a folder for that was named too."""
    if asked.what == "build" and not asked.out:
        raise ValueError("`app build` needs --out FOLDER, where the page goes")
    if asked.what == "build" and (asked.lan or asked.port is not None):
        raise ValueError("`app build` only builds; --lan and --port belong to `app`")
    if asked.what == "serve" and asked.out and not asked.data:
        raise ValueError(
            "--out is where the networks of --data go; `app build --out FOLDER` writes the page"
        )
    if asked.data is None:
        return None
    found = data.load(asked.data)
    if found.shape[0] != 3:
        raise ValueError(
            f"a phone sees in colour, and {found.name!r} has images of {found.shape}; take photos"
        )
    if asked.what == "serve" and asked.out:
        if asked.model:
            raise ValueError("--out compresses --data anew, --model shows what is there: name one")
        print(recipe.compress(found, folder=asked.out))
        write_models(asked.out, found)
        asked.model = asked.out
        print(f"\nThe files are in {asked.out}; `app --model {asked.out}` shows them again.")
    if not asked.model:
        raise ValueError("--data needs --out DIR, to compress it to, or --model DIR, if it is")
    return found


def _cache_place(model: str | Path | None, modes: Sequence[str] | None) -> Path:
    """Where the page is built that is only to be served."""
    folder = cache.writable_dir()
    if folder is None:
        raise ValueError("no folder to build the page in: set COURSE_CACHE to one")
    if model is None:
        return folder / "pages" / "-".join(modes or page_folder.MODES)
    whole = str(Path(model).resolve()).encode(errors="surrogateescape")
    return folder / "pages" / hashlib.sha256(whole).hexdigest()[:12]


def _built_in_cache(
    model: str | Path | None,
    images: ImageData | None = None,
    modes: Sequence[str] | None = None,
) -> Built:
    place = _cache_place(model, modes)
    if place.exists() and page_folder.listed(place) is None:
        shutil.rmtree(place)  # in the cache, what is damaged is made again
    return build(place, model, modes, images)

"""Leaf cards to print: the drawn species, several specimens each, that no network has seen.

The app, pointed at a card or at a screen that shows one, names it. Each card has a number, and
the last page says which species it is, so that a class can guess first.

>>> images, labels = pictures(specimens=1, size=64)
>>> images.shape[1:], sorted(labels.tolist()) == list(range(len(SPECIES)))
((64, 64, 3), True)
"""

import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib import files
from course_lib.images import leaves
from course_lib.images.leaves import GENERA, SPECIES
from course_lib.units import in_words

SEED = 36  # of the cards' leaves
TAKEN = (1, 2, 3)  # seeds of the images to train on, to choose by and to test on
MOST = 8  # specimens of each species

WIDE, HIGH = 210.0, 297.0  # A4; all lengths here are mm, from the lower left corner
CARD, PICTURE = 86.0, 74.0  # sides of a card and of its picture
LEFT, TOP = 19.0, 272.0  # of the first card; two stand side by side, three below each other
INK, MUTED, FAINT = "0.13 0.13 0.13", "0.42 0.42 0.42", "0.75 0.75 0.75"
TRAITS = ("lobes", "margin", "veins", "tip")
HOW = (
    "Open the app and point it at a card, so that its square fills the frame.",
    "A laptop's screen that shows this page does as well.",
)


def pictures(
    specimens: int = 3, seed: int = SEED, size: int = 400
) -> tuple[np.ndarray, np.ndarray]:
    """The cards' pictures in their order: uint8 (n, size, size, 3) and species, int64 (n,).

    They are sharp and without noise: the phone that looks at a card adds both. `specimens` of
    each species, 1 to 8. ValueError for other numbers, and for a seed that the course's own
    images are made from.
    """
    if not 1 <= specimens <= MOST:
        raise ValueError(f"specimens must be 1 to {MOST} of each species, got {specimens}")
    if seed in TAKEN:
        raise ValueError(
            f"seed must not be among {', '.join(map(str, TAKEN))}, got {seed}: a network may have "
            f"seen these leaves; {SEED} is usual"
        )
    with _sharp():
        return leaves.render(len(SPECIES) * specimens, seed, size, workers=1)


def write(path: str | Path, specimens: int = 3, seed: int = SEED) -> Path:
    """Write the cards as a PDF to print on A4, six a page; the last page is the key.

    The same arguments give the same bytes. Raises what `pictures` raises.
    """
    images, labels = pictures(specimens, seed)
    sheets = [images[start : start + 6] for start in range(0, len(images), 6)]
    pages = [_cards(sheet, 6 * place, len(sheets) + 1) for place, sheet in enumerate(sheets)]
    pages.append(_key(labels.tolist(), len(sheets) + 1))
    return files.write(path, _pdf(pages, "Leaf cards"))


@contextlib.contextmanager
def _sharp() -> Iterator[None]:
    """Leaves as they are, not as the course's camera sees them."""
    kept = leaves.BLUR, leaves.NOISE
    leaves.BLUR, leaves.NOISE = (0.05, 0.05), (0.0, 0.0)
    try:
        yield
    finally:
        leaves.BLUR, leaves.NOISE = kept


# The pages


@dataclass
class _Page:
    """What is drawn on a page, in PDF's language, and the pictures that it needs."""

    drawn: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)

    def text(
        self, x: float, y: float, words: str, size: float, font: str = "F1", ink: str = INK
    ) -> None:
        """Words at a place: F1 upright, F2 bold, F3 italic; the size in points."""
        safe = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.drawn.append(
            f"BT {ink} rg /{font} {size} Tf {_points(x)} {_points(y)} Td ({safe}) Tj ET"
        )

    def picture(self, x: float, y: float, side: float, image: np.ndarray) -> None:
        encoded = io.BytesIO()
        Image.fromarray(image).save(encoded, "JPEG", quality=90)
        self.pictures.append(encoded.getvalue())
        wide = _points(side)
        self.drawn.append(
            f"q {wide} 0 0 {wide} {_points(x)} {_points(y)} cm /I{len(self.pictures)} Do Q"
        )

    def line(self, x: float, y: float, to_x: float, to_y: float) -> None:
        ends = f"{_points(x)} {_points(y)} m {_points(to_x)} {_points(to_y)} l S"
        self.drawn.append(f"{FAINT} RG 0.5 w {ends}")

    def frame(self, title: str, lines: Sequence[str], number: int, count: int) -> None:
        """Title, a word on use, and the page's number."""
        self.text(LEFT, 283.5, title, 17, "F2")
        for place, words in enumerate(lines):
            self.text(LEFT + 44, 286 - 4.6 * place, words, 9.5, ink=MUTED)
        self.text(LEFT, 7, f"{number} of {count}", 8, ink=MUTED)


def _cards(images: np.ndarray, first: int, count: int) -> _Page:
    """Up to six cards, numbered from `first` + 1."""
    page = _Page()
    page.frame("Leaf cards", HOW, first // 6 + 1, count)
    for place, image in enumerate(images):
        x, y = LEFT + CARD * (place % 2), TOP - CARD * (place // 2 + 1)
        page.picture(x + (CARD - PICTURE) / 2, y + 8, PICTURE, image)
        page.text(x + (CARD - PICTURE) / 2, y + 3.2, str(first + place + 1), 10, "F2", MUTED)
    for x in (LEFT, LEFT + CARD, LEFT + 2 * CARD):  # where to cut
        for y in (TOP, TOP - CARD, TOP - 2 * CARD, TOP - 3 * CARD):
            page.line(x - 2, y, x + 2, y)
            page.line(x, y - 2, x, y + 2)
    return page


def _key(labels: list[int], count: int) -> _Page:
    """Each species, a genus a row: what tells it from its relatives, the numbers of its cards."""
    page = _Page()
    page.frame(
        "The key",
        (f"All {in_words(len(SPECIES))} species are invented: they differ in their shape alone.",
         "To make it a quiz, keep this page until the end."),
        count, count,
    )  # fmt: skip
    table = leaves.trait_table()
    apart = 180 / max(Counter(species.genus for species in SPECIES).values())
    for index, species in enumerate(SPECIES):
        genus = [traits for traits in table if traits["genus"] == species.genus]
        own = genus.index(table[index])
        x, y = LEFT + apart * own, TOP + 1 - 65 * GENERA.index(species.genus)
        page.picture(x, y - 40, 40, leaves.specimen(index, seed=SEED, size=240))
        page.text(x, y - 45, species.name, 12, "F3")
        page.text(x, y - 49, species.common, 8.5, ink=MUTED)
        differ = (key for key in TRAITS if len({traits[key] for traits in genus}) > 1)
        told = "; ".join(f"{key}: {table[index][key]}" for key in differ)
        page.text(x, y - 52.6, told, 7, ink=MUTED)
        numbers = [str(place + 1) for place, label in enumerate(labels) if label == index]
        page.text(x, y - 57.4, "  ".join(numbers), 10, "F2")
    return page


# The file


def _pdf(pages: Sequence[_Page], title: str) -> bytes:
    """A PDF of A4 pages: three of the fonts that every viewer has, pictures as JPEG.

    Written here, since matplotlib's and PIL's would be larger or without letters to search for.
    """
    objects: list[bytes] = [b"", b""]  # the catalogue and the list of pages are told at the end
    fonts = {"F1": "Helvetica", "F2": "Helvetica-Bold", "F3": "Times-Italic"}
    for font in fonts.values():
        about = f"/Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding"
        objects.append(f"<< {about} >>".encode())
    named = " ".join(f"/{name} {3 + place} 0 R" for place, name in enumerate(fonts))
    kids = []
    for page in pages:
        places: list[str] = []
        for picture in page.pictures:
            wide, high = Image.open(io.BytesIO(picture)).size
            about = (
                f"/Type /XObject /Subtype /Image /Width {wide} /Height {high} "
                f"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"
            )
            objects.append(_stream(about, picture))
            places.append(f"/I{len(places) + 1} {len(objects)} 0 R")
        objects.append(_stream("", "\n".join(page.drawn).encode("cp1252")))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_points(WIDE)} {_points(HIGH)}] "
            f"/Contents {len(objects)} 0 R /Resources << /Font << {named} >> "
            f"/XObject << {' '.join(places)} >> >> >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>"
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    objects.append(f"<< /Title ({title}) /CreationDate (D:20260101000000Z) >>".encode())
    content, starts = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, held in enumerate(objects, 1):
        starts.append(len(content))
        content += f"{number} 0 obj\n".encode() + held + b"\nendobj\n"
    table = "".join(f"{start:010d} 00000 n \n" for start in starts)
    size = len(objects) + 1
    return (
        content
        + (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}"
            f"trailer\n<< /Size {size} /Root 1 0 R /Info {len(objects)} 0 R >>\n"
            f"startxref\n{len(content)}\n%%EOF\n"
        ).encode()
    )


def _stream(about: str, content: bytes) -> bytes:
    return f"<< {about} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _points(mm: float) -> str:
    return f"{mm * 72 / 25.4:.2f}"

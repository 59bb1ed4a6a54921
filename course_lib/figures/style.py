"""The one look of the course: colours, type, and a `Picture` that shows and describes itself.

>>> made = picture(alt="nothing yet")
>>> made.bundle()["text/plain"]
'nothing yet'
"""

import io

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with every common kind of colour blindness.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#B22222",
    "#CC79A7",
    "#56B4E9",
)
INK, MUTED, FAINT = "#222222", "#6b6b6b", "#d9d9d9"
TITLE: dict = {"fontsize": 11, "fontweight": "bold"}
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
STYLE: dict = {
    "figure.dpi": 110,
    "font.size": 10.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "lines.linewidth": 2.2,
    "legend.frameon": False,
}


class Picture(Figure):
    """A figure that shows itself wherever it is named, with a sentence for who can't see it.

    Not tied to pyplot: nothing is drawn twice and nothing has to be closed.
    """

    alt: str = "a picture"

    def png(self) -> bytes:
        buffer = io.BytesIO()
        with rc_context(STYLE):
            # Straight to the canvas: savefig draws twice, and a slider waits for this.
            FigureCanvasAgg(self).print_png(buffer, pil_kwargs={"compress_level": 3})
        return buffer.getvalue()

    def bundle(self) -> dict[str, object]:
        """The picture by MIME type, and its description."""
        return {"image/png": self.png(), "text/plain": self.alt}

    def _repr_mimebundle_(self, include=None, exclude=None):
        # What pages are made with (nbconvert) reads the alternative text from there.
        return self.bundle(), {"image/png": {"alt": self.alt}}


def picture(width: float = 6.4, height: float = 3.4, alt: str = "") -> Picture:
    """An empty picture in the course's style; sizes in inches (6.4 is 704 pixels)."""
    with rc_context(STYLE):
        made = Picture(figsize=(width, height), layout="constrained")
    made.alt = alt
    return made


def axes(made: Picture, *place, **options) -> Axes:
    """Axes in the course's style."""
    with rc_context(STYLE):
        return made.add_subplot(*place, **options)


def placed(made: Picture, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a fixed place, in shares of the picture."""
    with rc_context(STYLE):
        return made.add_axes((left, bottom, width, height))


def set_title(panel: Axes, text: str, **options) -> None:
    """A title in the course's style; matplotlib reads that style only when the title is set."""
    panel.set_title(text, loc="left", **{**TITLE, **options})

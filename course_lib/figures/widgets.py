"""Interactive pictures. Each is its static twin in `figures` with controls beside it.

With no kernel behind the page (GitHub, the site, a printout) the static twin stands there.
"""

import gc
import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np

from course_lib import figures
from course_lib.figures.style import MUTED, Picture

# Shown by JupyterLab alone, which says on the page that its kernel is busy; not while a picture
# that takes a moment is drawn.
WAITS = (
    "<style>"
    ".course-waits {visibility: hidden}"
    '.jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="busy"]) .course-waits '
    "{visibility: visible; transition: visibility 0s .7s}"
    "</style>"
    f'<span class="course-waits" style="color:{MUTED};font-size:12px">'
    "Cells are running: the picture follows when they are done.</span>"
)
# For those who hear the page: ipywidgets' images have no text of their own.
UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"


class Interactive:
    """Controls, and the picture that one drawing function makes of their values.

    draw: called with the controls' values by name; returns a Picture.
    An error in it is shown in place of the picture, and raised: nothing is swallowed.
    controls: without a description of its own a control is called by its name. Below the picture
    stands what it was drawn for: while other cells run, it comes later than the slider moves, and
    a line beside the controls says so.
    """

    def __init__(self, draw: Callable[..., Picture], **controls: ipywidgets.Widget):
        self.draw, self.controls = draw, controls
        # As large as the picture in the notebook: a box would stretch it to the page's width.
        own_size = ipywidgets.Layout(align_self="flex-start", max_width="100%")
        self.image = ipywidgets.Image(format="png", layout=own_size)
        self.message = ipywidgets.HTML()
        bar = ipywidgets.HBox(
            [*controls.values(), ipywidgets.HTML(WAITS)],
            layout=ipywidgets.Layout(flex_flow="row wrap"),
        )
        self.view = ipywidgets.VBox([bar, self.image, self.message])
        for name, control in controls.items():
            control.description = control.description or name
            control.style.description_width = "initial"  # as wide as its words
            control.observe(lambda _change: self.redraw(), names="value")
        self.redraw()
        # Else some pictures wait while Python looks through all that torch has imported.
        gc.collect()
        gc.freeze()

    def redraw(self) -> None:
        try:
            self.picture = self.draw(**{name: c.value for name, c in self.controls.items()})
        except Exception as error:
            self.message.value = (
                f"<b>This picture could not be drawn:</b> {html.escape(str(error))}"
            )
            raise
        drawn_for = ", ".join(f"{c.description} {_chosen(c)}" for c in self.controls.values())
        self.message.value = (
            f'<span style="color:{MUTED};font-size:12px">{html.escape(drawn_for)}</span>'
            f'<span style="{UNSEEN}">{html.escape(self.picture.alt)}</span>'
        )
        self.image.value = self.picture.png()

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Written out, since ipywidgets 7 (Colab's) has no mime bundle of its own.
        live = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        data, metadata = self.picture._repr_mimebundle_()
        return {**data, "application/vnd.jupyter.widget-view+json": live}, metadata


def _chosen(control: ipywidgets.Widget) -> str:
    """What a control is set to, as it shows it."""
    chosen = getattr(control, "label", None)
    if chosen is None:
        chosen = f"{control.value:g}" if isinstance(control.value, float) else control.value
    return str(chosen)


class Points:
    """A picture whose points answer: hover over one to read about it, click for more.

    picture: a picture with one panel. places: (x, y) of each point in the panel's units.
    hover: a line on each. click: given a point's number, returns what to show below.
    """

    def __init__(
        self,
        picture: Picture,
        places: Sequence[tuple[float, float]],
        hover: Sequence[str],
        click: Callable[[int], Any],
    ):
        self.picture, self.click = picture, click
        content = picture.png()  # draws it, so that the panel knows where its points are
        width, height = (picture.get_size_inches() * picture.dpi).round()
        place = picture.axes[0].transData.transform(np.asarray(places, dtype=float))
        self.buttons = []
        for number, ((x, y), text) in enumerate(zip(place.tolist(), hover, strict=True)):
            layout = ipywidgets.Layout(
                width="18px", height="18px", padding="0", grid_area="1 / 1",
                align_self="flex-start",
                margin=f"{height - y - 9:.0f}px 0 0 {x - 9:.0f}px",
            )  # fmt: skip
            button = ipywidgets.Button(tooltip=text, layout=layout)
            button.style.button_color = "transparent"
            button.on_click(lambda _button, number=number: self.choose(number))
            self.buttons.append(button)
        image = ipywidgets.Image(
            value=content, format="png", width=width, height=height,
            layout=ipywidgets.Layout(
                grid_area="1 / 1", max_width="none", width=f"{width:.0f}px",
                height=f"{height:.0f}px",
            ),
        )  # fmt: skip
        board = ipywidgets.GridBox(
            [image, *self.buttons],
            layout=ipywidgets.Layout(justify_items="flex-start", align_items="flex-start"),
        )
        self.below = ipywidgets.HTML("<i>Hover over a point, or click it.</i>")
        self.view = ipywidgets.VBox([board, self.below])

    def choose(self, number: int) -> None:
        """Show what belongs to a point below the picture."""
        self.below.value = "<i>Measuring ...</i>"
        shown = self.click(number)
        rich = getattr(shown, "_repr_html_", None)
        self.below.value = rich() if rich else f"<pre>{html.escape(str(shown))}</pre>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        live = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        data, metadata = self.picture._repr_mimebundle_()
        return {**data, "application/vnd.jupyter.widget-view+json": live}, metadata


def jigsaw(
    images: np.ndarray,
    labels: list[str],
    orders: Mapping[str, np.ndarray],
    beliefs: Callable[[int, np.ndarray], Mapping[str, float]],
    curves: Mapping[str, np.ndarray],
    grid: int = 8,
    start: int = 0,
) -> Interactive:
    """Take pieces away from an image with a slider.

    images: (count, height, width[, 3]) uint8; labels: their true names; orders: name of the
    order -> (count, pieces); beliefs: (image number, covered pieces) -> probabilities, the most
    likely first; curves: name of the order -> (count, pieces + 1) confidences in the truth.
    """
    pieces = grid * grid

    def draw(image: int, order: str, removed: int) -> Picture:
        covered = np.zeros(pieces, dtype=bool)
        covered[orders[order][image][:removed]] = True
        return figures.jigsaw(
            images[image],
            covered.reshape(grid, grid),
            beliefs(image, covered),
            labels[image],
            curves[order][image],
            removed,
        )

    return Interactive(
        draw,
        image=ipywidgets.Dropdown(
            options=[(f"{i + 1}: {name}", i) for i, name in enumerate(labels)], description="image"
        ),
        order=ipywidgets.Dropdown(options=list(orders), description="take"),
        removed=ipywidgets.IntSlider(value=start, min=0, max=pieces, description="pieces gone"),
    )

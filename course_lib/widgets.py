"""Interactive pictures. Each is its static twin in `figures` with controls beside it.

With no kernel behind the page (GitHub, the site, a printout) the static twin stands there.
"""

import html
from collections.abc import Callable, Mapping

import ipywidgets
import numpy as np

from course_lib import figures
from course_lib.style import Picture


class Interactive:
    """Controls, and the picture that one drawing function makes of their values.

    draw: called with the controls' values by name; returns a Picture.
    An error in it is shown in place of the picture, and raised: nothing is swallowed.
    """

    def __init__(self, draw: Callable[..., Picture], **controls: ipywidgets.Widget):
        self.draw, self.controls = draw, controls
        self.image = ipywidgets.Image(format="png")
        self.message = ipywidgets.HTML()
        bar = ipywidgets.HBox(
            list(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        self.view = ipywidgets.VBox([bar, self.image, self.message])
        for control in controls.values():
            control.observe(lambda _change: self.redraw(), names="value")
        self.redraw()

    def redraw(self) -> None:
        try:
            self.picture = self.draw(**{name: c.value for name, c in self.controls.items()})
        except Exception as error:
            self.message.value = (
                f"<b>This picture could not be drawn:</b> {html.escape(str(error))}"
            )
            raise
        self.message.value = ""
        self.image.value = self.picture.png()

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Written out, since ipywidgets 7 (Colab's) has no mime bundle of its own.
        live = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        return {
            **self.picture._repr_mimebundle_(),
            "application/vnd.jupyter.widget-view+json": live,
        }


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

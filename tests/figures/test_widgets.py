"""widgets redraw their picture when a control moves, and leave it where no kernel runs."""

import html
import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from course_lib import figures, widgets

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def puzzle():
    orders = {
        "random": np.stack([np.arange(16)] * 3),
        "backwards": np.stack([np.arange(16)[::-1]] * 3),
    }
    return widgets.jigsaw(
        PIXELS,
        ["a", "b", "c"],
        orders,
        lambda i, covered: {"a": 1 - covered.mean(), "b": covered.mean()},
        {how: np.linspace(1, 0, 17)[None].repeat(3, 0) for how in orders},
        grid=4,
    )


def test_moving_the_slider_changes_the_picture(puzzle):
    seen = [puzzle.image.value]
    for value in (1, 8, 16):
        puzzle.controls["removed"].value = value
        assert f"{value} of 16 pieces" in puzzle.picture.alt
        seen.append(puzzle.image.value)
    puzzle.controls["removed"].value = 3
    forwards = puzzle.image.value
    puzzle.controls["order"].value = "backwards"
    seen += [forwards, puzzle.image.value]
    puzzle.controls["image"].value = 2
    assert "the truth is c" in puzzle.picture.alt
    assert len(set(seen)) == len(seen)


def test_the_widget_shows_its_static_twin_where_no_kernel_runs(puzzle):
    bundle, _ = puzzle._repr_mimebundle_()
    assert bundle["image/png"] == puzzle.picture.png()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == puzzle.view.model_id


def test_an_error_in_a_callback_is_shown_and_raised():
    def draw(x):
        if x > 2:
            raise ZeroDivisionError("no picture of this")
        return figures.curves([0, 1], {"x": [0, x]}, "x", "y")

    broken = widgets.Interactive(draw, x=ipywidgets.IntSlider(value=1, min=0, max=5))
    with pytest.raises(ZeroDivisionError):
        broken.controls["x"].value = 3
    assert "no picture of this" in broken.message.value
    broken.controls["x"].value = 2
    assert "no picture of this" not in broken.message.value


def test_below_a_picture_stands_what_it_was_drawn_for():
    def draw(share, layer, bits):
        return figures.curves([0, 1], {"x": [0, share]}, "x", "y")

    made = widgets.Interactive(
        draw,
        share=ipywidgets.FloatSlider(0.25, min=0, max=1, step=0.01),
        layer=ipywidgets.Dropdown(options=[("first <1>", "a"), ("last", "b")], description="of"),
        bits=ipywidgets.IntSlider(3),
    )
    assert [c.description for c in made.controls.values()] == ["share", "of", "bits"]
    assert {c.style.description_width for c in made.controls.values()} == {"initial"}
    assert "share 0.25, of first &lt;1&gt;, bits 3" in made.message.value
    made.controls["layer"].value = "b"
    made.controls["share"].value = 0.5
    assert "share 0.5, of last, bits 3" in made.message.value
    assert f">{html.escape(made.picture.alt)}</span>" in made.message.value


def test_points_answer_where_they_lie():
    places, asked = [(9_000, -0.5), (20_000, 0.1), (50_000, 0.3)], []
    picture = figures.pareto(*zip(*places, strict=True), [0.1, 0.2, 0.3], [True] * 3)
    made = widgets.Points(picture, places, ["small", "middle", "<large>"], asked.append)
    assert [button.tooltip for button in made.buttons] == ["small", "middle", "<large>"]
    pixels = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"), dtype=int)
    for button in made.buttons:
        # The button's middle is on a filled dot of the front, which is blue.
        top, _, _, left = (int(part.removesuffix("px")) for part in button.layout.margin.split())
        red, _, blue = pixels[top + 9, left + 9]
        assert blue > red + 60
    made.buttons[1].click()
    assert asked == [1]
    assert made.below.value == "<pre>None</pre>"
    bundle, _ = made._repr_mimebundle_()
    assert bundle["image/png"] == picture.png()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == made.view.model_id

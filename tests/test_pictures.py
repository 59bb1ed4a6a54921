"""figures draw what they are given; widgets redraw it; predict shows guess beside result."""

import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from course_lib import claims, figures, predict, widgets


def looks(picture):
    """The picture as an array, to see whether two differ."""
    return np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"), dtype=int)


PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
EXAMPLES = {
    "grid": lambda: figures.images_grid(PIXELS, ["a", "b", "c"]),
    "sheet": lambda: figures.contact_sheet(PIXELS[None], ["Acer"], ["maples"]),
    "network": lambda: figures.network_picture([("image", 3, 64), ("first", 64, 32)], ["a", "b"]),
    "curves": lambda: figures.curves([0, 1, 2], {"one": [1, 0.5, 0], "two": [1, 1, 0]}, "x", "y"),
    "jigsaw": lambda: figures.jigsaw(
        PIXELS[0], np.eye(4, dtype=bool), {"a": 0.7, "b": 0.3}, "a", [1, 0.5, 0.2], 1
    ),
    "channels": lambda: figures.channel_map({"layer 1": [0, -3.0], "layer 2": [0.1]}, 0.1),
    "budgets": lambda: figures.budgets(
        {"storage": 4e6, "working memory": 5e5},
        {"phone": {"storage": 6e6}, "chip": {"storage": 1e6, "working memory": 3e5}},
    ),
    "cards": lambda: figures.before_after(
        ["original", "small"], {"bytes": ([4.6e6, 1.2e4], "bytes"), "time": ([2.7, 0.1], "ms")}
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_is_drawn_readable_and_described(name):
    picture = EXAMPLES[name]()
    pixels = looks(picture)
    assert pixels.shape[1] >= 100
    assert (pixels < 128).any(axis=2).mean() > 0.002  # something is on the paper
    bundle = picture._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(bundle["text/plain"]) > 15


def test_descriptions_carry_the_data():
    assert "67% of 3 channels" in EXAMPLES["channels"]().alt
    assert "4 of 16 pieces" in EXAMPLES["jigsaw"]().alt
    assert "working memory: 500 kB needed, chip too small" in EXAMPLES["budgets"]().alt


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999 B"), (4_608_136, "4.61 MB"), (1000, "1 kB"), (2.5e9, "2.5 GB")]
)
def test_bytes_are_decimal(value, text):
    assert figures.short_bytes(value) == text


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
    bundle = puzzle._repr_mimebundle_()
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
    assert broken.message.value == ""


def test_a_guess_stands_beside_the_result_and_never_stops_run_all():
    silent = predict.guess("How many?", None, 0, 10)
    assert "my_guess" in str(silent)
    assert str(silent.reveal(4)) == "Measured: 4. (No guess this time.)"
    shown = predict.guess("How many?", 7, 0, 10, unit="%").reveal(4)
    assert str(shown) == "You guessed 7%, measured: 4%. Off by 3 of 10."
    assert "your guess 7%" in shown._repr_html_()
    assert "your guess" not in silent.reveal(4)._repr_html_()


@pytest.mark.parametrize("wrong", [-1, 11, "many", float("nan")])
def test_an_impossible_guess_is_quoted(wrong):
    with pytest.raises(ValueError, match="from 0 to 10"):
        predict.guess("How many?", wrong, 0, 10)


def test_claims_raise_when_they_must_and_say_so_when_they_may(capsys, monkeypatch):
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    claims.claim("water is wet", True)
    claims.claim("it is fast", False, machine="it is busy", measured="0.5x")
    claims.claim("it is learnt", False, images="digits", measured="40%")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "held: water is wet",
        "not here: it is fast (0.5x). Likely reason: it is busy",
        "not on these images (digits): it is learnt (40%)",
    ]
    with pytest.raises(AssertionError, match="false"):
        claims.claim("it is learnt", False, images="leaves")
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(AssertionError, match=r"0\.5x"):
        claims.claim("it is fast", False, machine="it is busy", measured="0.5x")

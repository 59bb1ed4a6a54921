"""figures draw what they are given, and describe it for who cannot see it."""

import io

import numpy as np
import pytest
from PIL import Image

from course_lib import figures
from course_lib.units import short_bytes


def looks(picture):
    """The picture as an array, to see whether two differ."""
    return np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"), dtype=int)


PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
EXAMPLES = {
    "grid": lambda: figures.images_grid(PIXELS, ["a", "b", "c"]),
    "sheet": lambda: figures.contact_sheet(PIXELS[None], ["Acer"], ["maples"]),
    "network": lambda: figures.network_picture([("image", 3, 64), ("first", 64, 32)], ["a", "b"]),
    "curves": lambda: figures.curves(
        [0, 1, 2], {"one": [1, 0.5, 0], "two": [1, 1, 0]}, "x", "y", "Two"
    ),
    "jigsaw": lambda: figures.jigsaw(
        PIXELS[0], np.eye(4, dtype=bool), {"a": 0.7, "b": 0.3}, "a", [1, 0.5, 0.2], 1
    ),
    "channels": lambda: figures.channel_map({"layer 1": [0, -3.0], "layer 2": [0.1]}, 0.1),
    "budgets": lambda: figures.budgets(
        {"storage": 4e6, "working memory": 5e5},
        {"phone": {"storage": 6e6}, "chip": {"storage": 1e6, "working memory": 3e5}},
    ),
    "waterfall": lambda: figures.waterfall(
        ["the original", "prune", "round"], [4.6e6, 2e5, 1e4], [0.97, 0.1, 0.96]
    ),
    "words": lambda: figures.code_words(
        {-1: 0.1, 0: 0.7, 1: 0.2}, {0: "0", 1: "10", -1: "11"}, 1.16, 1.3
    ),
    "pareto": lambda: figures.pareto(
        [9e3, 1.2e4, 8e3], [-0.5, 0.1, -3], [0.1, 0.2, 0.1], [True, True, False], 1
    ),
    "sizes": lambda: figures.by_size(
        [9e3, 2e3],
        {"genus": [0.99, 0.95], "species": [0.97, 0.6]},
        "Two questions",
        levels={"guessing": {"genus": 0.25, "species": 0.08}},
    ),
    "confusions": lambda: figures.confusions([("saw maple", "blunt maple", 7, PIXELS, PIXELS[:2])]),
    "paying": lambda: figures.paying(
        {
            ("original", "PyTorch"): 1,
            ("pruned", "PyTorch"): 2,
            ("original", "ONNX Runtime, int8"): 3.5,
        },
        "here",
    ),
    "roofline": lambda: figures.roofline(
        {"original": [("0", 4.0, 5e9), ("3", 40.0, 3e10)]}, 5e10, 1e10
    ),
    "operations": lambda: figures.by_operation(
        {"float32": {"convolution": 4.0, "Add": 0.5}, "int8": {"convolution": 1.0, "Add": 0.2}},
        ["convolution"],
        "One image",
    ),
    "frame": lambda: figures.frame_budget(
        {"original": {"capture": 1, "network": 24.5}, "small": {"capture": 1, "network": 2}},
        33,
        "One picture",
    ),
    "sure": lambda: figures.not_sure(
        {
            "leaves": (np.array([0.9, 0.99]), np.array([9.0, 7.0])),
            "hands": (np.array([0.9, 0.5]), np.array([2.0, 6.0])),
        },
        0.6,
        5.0,
    ),
    "pays": lambda: figures.who_pays(["Acer", "Tilia"], [0.98, 0.97], [0.99, 0.9], "Who pays?"),
    "scale": lambda: figures.to_scale(("the original", 4.6e6), ("compressed", 1.1e4)),
    "cards": lambda: figures.before_after(
        ["original", "small"],
        {
            "download": ([4.6e6, 1.2e4], ["4.6 MB", "12 kB"], ["", "383x smaller"]),
            "time": ([2.7, 0.1], ["2.7 ms", "0.1 ms"], ["", "27x faster"]),
        },
    ),
}


UNTITLED = ("sheet", "network")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_is_drawn_readable_and_described(name):
    picture = EXAMPLES[name]()
    pixels = looks(picture)
    assert pixels.shape[1] >= 100
    assert (pixels < 128).any(axis=2).mean() > 0.002  # something is on the paper
    bundle, metadata = picture._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": picture.alt}}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(bundle["text/plain"]) > 15


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_says_above_it_what_it_shows(name):
    picture = EXAMPLES[name]()
    titles = [panel.get_title(loc) for panel in picture.axes for loc in ("left", "center")]
    # Images alone, and what is written into the picture itself, need none.
    assert any([*titles, picture.get_suptitle()]) or name in UNTITLED


def test_descriptions_carry_the_data():
    assert "67% of 3 channels" in EXAMPLES["channels"]().alt
    assert "small 12 kB (383x smaller)" in EXAMPLES["cards"]().alt
    assert "4 of 16 pieces" in EXAMPLES["jigsaw"]().alt
    assert "round 10 kB, 96.0% right" in EXAMPLES["waterfall"]().alt
    assert "70% zero: 2 bits in equal words, 1.30 by Huffman" in EXAMPLES["words"]().alt
    assert "3 trials, 2 on the front" in EXAMPLES["pareto"]().alt
    assert "saw maple taken for blunt maple 7 times" in EXAMPLES["confusions"]().alt
    assert (
        "original: PyTorch 1x, ONNX Runtime, int8 3.5x; pruned: PyTorch 2x"
        in EXAMPLES["paying"]().alt
    )
    assert "int8 1.0 ms convolution" in EXAMPLES["operations"]().alt
    assert "original: 1 of 2 layers right of it" in EXAMPLES["roofline"]().alt
    assert "original: capture 1.00 ms, network 24.50 ms" in EXAMPLES["frame"]().alt
    assert "leaves 100%; hands 0%" in EXAMPLES["sure"]().alt
    assert EXAMPLES["pays"]().alt.startswith("Who pays?: Tilia 97.0% to 90.0%; Acer")
    assert "compressed 11,000" in EXAMPLES["scale"]().alt
    assert "working memory: 500 kB needed, chip too small" in EXAMPLES["budgets"]().alt


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999 B"), (4_608_136, "4.61 MB"), (1000, "1 kB"), (2.5e9, "2.5 GB")]
)
def test_bytes_are_decimal(value, text):
    assert short_bytes(value) == text


def test_names_of_lines_that_run_together_stay_apart():
    lines = {
        "one scale a layer": [0.09, 0.63, 0.95, 0.99, 0.99],
        "one scale a channel": [0.10, 0.95, 0.99, 0.99, 0.99],
        "codebook": [0.48, 0.95, 0.98, 0.98, 0.99],
    }
    made = figures.curves([2, 3, 4, 5, 6], lines, "bits", "accuracy", percent=True)
    made.png()
    boxes = [text.get_window_extent() for text in made.axes[0].texts]
    assert len(boxes) == 3
    for i, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:i] + boxes[i + 1 :])


def test_names_of_points_that_lie_together_stand_apart_and_off_the_roof():
    layers = [("14", 15.0, 2.7e10), ("17", 15.2, 2.7e10), ("20", 15.4, 2.7e10)]
    lower = [(name, at, speed / 3) for name, at, speed in layers]
    made = figures.roofline({"original": layers, "small": lower}, 4e10, 1.65e10)
    looks(made)
    [panel] = made.axes
    names = [text for text in panel.texts if text.get_text().isdigit()]
    assert len(names) == 6
    boxes = [text.get_window_extent() for text in names]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
    roof = panel.transData.transform((15.0, 4e10))[1]
    assert not any(box.y0 < roof < box.y1 for box in boxes)

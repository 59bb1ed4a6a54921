"""Which pictures may be turned and mirrored in training."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import data, models, training
from course_lib.images import orientation


def natural(count):
    """Pieces of two photos with an up: a palace below its sky, a flower on its stalk."""
    from sklearn.datasets import load_sample_image

    rng, pieces = np.random.default_rng(0), []
    for name in ("china.jpg", "flower.jpg"):
        photo = Image.fromarray(load_sample_image(name))
        for _ in range(count):
            side = int(min(photo.size) * rng.uniform(0.4, 1))
            left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
            box = (left, top, left + side, top + side)
            pieces.append(np.asarray(photo.resize((48, 48), box=box)))
    return data.from_arrays(np.stack(pieces), np.arange(2 * count) // count)


def stripes():
    """Lying and standing ones: turned, the set is the same, and each kind is the other."""
    labels = np.arange(160) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (160, 32, 32, 3), dtype=np.uint8)
    pixels[labels == 0, ::4], pixels[labels == 1, :, ::4] = 255, 255
    return data.from_arrays(pixels, labels)


def noise(shape=(32, 32, 3)):
    pixels = np.random.default_rng(0).integers(0, 256, (200, *shape), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(200) % 4)


SETS = {
    "leaves": (lambda: data.load("leaves"), True, True),
    "digits": (lambda: data.load("digits"), False, False),
    "mnist5k": (lambda: data.load("mnist5k"), False, False),
    "natural": (lambda: natural(60), False, False),
    "natural, few": (lambda: natural(15), False, False),
    "stripes": (stripes, False, False),
    "noise": (noise, True, True),
    "noise, wide": (lambda: noise((32, 48, 3)), False, True),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_what_has_an_up_is_known(name):
    given, turns, flips = SETS[name]
    found = orientation.symmetries(given().train)
    assert (found.turns, found.flips) == (turns, flips), found


def test_a_symmetric_set_with_a_side_may_be_turned_nowhere_but_mirrored():
    """Light from above: mirrored it stays above."""
    pixels = noise().train.pixels.clone()
    pixels[:, :, :16] //= 2
    pixels[:, :, :16] += 127
    found = orientation.symmetries(data.Images(pixels, noise().train.labels))
    assert (found.turns, found.flips) == (False, True)
    assert str(found) == (
        f"turned pictures are others (told apart: {found.told_turns:.0%}, by luck 25%), "
        f"mirrored ones the same ({found.told_flips:.0%}, by luck 50%)"
    )
    assert orientation.chosen(True, data.Images(pixels, noise().train.labels)) == {"move", "flip"}


def test_one_picture_tells_nothing():
    assert orientation.symmetries(noise().train.first(1)).told_turns == 1 / 4


def test_it_is_asked_once_and_told_once(monkeypatch, capsys):
    images = stripes().train
    assert orientation.chosen(True, images, tell=True) == {"move"}
    assert "In training, turned pictures are others" in capsys.readouterr().err
    monkeypatch.setattr(orientation, "_told", None)  # a second look would fail
    assert orientation.chosen(True, images, tell=True) == {"move"}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("augment", "how"),
    [(False, set()), ("flip", {"flip"}), (["move", "turn"], {"move", "turn"}), ((), set())],
)
def test_who_knows_says_what_is_done(augment, how):
    assert orientation.chosen(augment, stripes().train) == how


def test_other_names_are_refused():
    with pytest.raises(ValueError, match=r"some of move, turn, flip; got 'rotate'"):
        orientation.chosen(["rotate"], stripes().train)
    with pytest.raises(ValueError, match="got 'rotate'"):
        training.fit(models.LeafNet(4, 2), stripes(), epochs=1, augment="rotate", progress=False)


@pytest.mark.parametrize(
    ("how", "kinds"),
    [((), 1), (("turn",), 4), (("flip",), 2), (("turn", "flip"), 8), (("move", "turn"), None)],
)
def test_nothing_else_is_done(how, kinds):
    image = torch.randn(1, 3, 32, 32).expand(200, 3, 32, 32)
    seen = training.augmented(image, torch.Generator().manual_seed(0), how)
    symmetric = [f.rot90(k, (1, 2)) for k in range(4) for f in (image[0], image[0].flip(2))]
    found = {next((i for i, s in enumerate(symmetric) if torch.equal(s, x)), None) for x in seen}
    assert (None in found) == ("move" in how)
    assert kinds is None or len(found) == kinds


def test_training_turns_what_may_be_turned_alone():
    """Of stripes that were turned in training, half would be taught the other name."""
    network, _ = training.fit(
        models.LeafNet(4, 2), stripes(), epochs=5, batch_size=16, progress=False
    )
    assert training.evaluate(network, stripes().test) > 0.95

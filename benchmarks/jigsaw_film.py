"""The README's moving picture, docs/jigsaw.gif: pieces go, and the network still knows the leaf."""

import argparse
import io

import numpy as np
import torch
from PIL import Image

from _recording import ROOT
from course_lib import data, figures, jigsaw, training
from course_lib.units import show_bytes

PICTURE, GRID, EACH = 1, 8, 2  # which validation image; pieces a side; pieces that go at a time
WIDTH, COLOURS = 760, 96
MILLISECONDS, HOLD = 220, 2500  # of a frame; of the first and the last
TARGET = ROOT / "docs" / "jigsaw.gif"


def main() -> None:
    """Draw the frames, and write the film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="two frames; writes nothing")
    small = parser.parse_args().small
    images = data.load("leaves")
    network = training.original(images).eval()
    one = images.val.subset(slice(PICTURE, PICTURE + 1))
    label = int(one.labels[0])
    inputs = data.normalise(one.pixels)
    order = jigsaw.order(
        jigsaw.importance(network, inputs, one.labels, grid=GRID), jigsaw.ORDERS[0]
    )
    pieces = GRID * GRID
    every = list(range(pieces + 1))
    many = inputs.expand(1, -1, -1, -1)
    sure, _ = jigsaw.removal_curve(network, many, one.labels, order, every)
    last = max(n for n in every if sure[n] > 0.5)  # as long as it is surer of it than of all others
    shown = [*range(0, last, EACH), last]
    frames = []
    for removed in shown[:2] if small else shown:
        covered = np.zeros(pieces, dtype=bool)
        covered[order[0][:removed].numpy()] = True
        with torch.inference_mode():
            hidden = jigsaw.cover(inputs, torch.from_numpy(covered)[None])
            belief = network(hidden).softmax(1)[0]
        most = {images.classes[c]: belief[c].item() for c in belief.argsort(descending=True)[:3]}
        drawn = figures.jigsaw(
            one.pixels[0].permute(1, 2, 0).numpy(), covered.reshape(GRID, GRID), most,
            images.classes[label], sure, removed,
        )  # fmt: skip
        frame = Image.open(io.BytesIO(drawn.png())).convert("RGB")
        height = round(frame.height * WIDTH / frame.width)
        frames.append(frame.resize((WIDTH, height), Image.Resampling.LANCZOS))
    palette = frames[0].quantize(COLOURS)
    coded = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [HOLD, *[MILLISECONDS] * (len(coded) - 2), HOLD]
    print(f"{len(coded)} frames, the last without {shown[-1]} of {pieces} pieces")
    if not small:
        coded[0].save(
            TARGET, save_all=True, append_images=coded[1:], duration=times, loop=0, optimize=True
        )
        print(f"{TARGET.name}: {show_bytes(TARGET.stat().st_size)}")


if __name__ == "__main__":
    main()

"""Films pictures as a hand holds a phone over them: moving, tilted, dimmed, noisy.

Chromium plays the film as its camera (--use-file-for-fake-video-capture=FILE.y4m), over and over.
Beside the middle square, where the page does not look, each frame carries which picture it shows
and how long it has been there, in black and white blocks: a test reads the truth off the frame
itself and needs no clock.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 480, 360
BITS = 8  # of the picture's number, then of the frame's within it
BLOCK = 20  # pixels a side


def film(path: Path, pictures: Sequence[np.ndarray], frames: int = 30, seed: int = 0) -> Path:
    """Write a Y4M film, 30 frames a second, with `frames` of each picture.

    pictures: uint8 (height, width, 3). Uncompressed: Chromium changes the colours of MJPEG.
    """
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode())
        for number, picture in enumerate(pictures):
            rng = np.random.default_rng([seed, number])
            for age, frame in enumerate(shots(picture, frames, rng)):
                mark(frame, number, age)
                file.write(b"FRAME\n" + planes(frame))
    return path


def planes(frame: np.ndarray) -> bytes:
    """A frame as video stores it: brightness, then two colours at half the size (BT.601)."""
    weights = np.array([[65.5, 128.6, 25.0], [-37.8, -74.2, 112.0], [112.0, -93.8, -18.2]]) / 256
    luma, *chroma = np.moveaxis(frame @ weights.T.astype(np.float32), -1, 0)
    half = [each.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)) + 128 for each in chroma]
    return b"".join(np.rint(each).astype(np.uint8).tobytes() for each in (luma + 16, *half))


def shots(picture: np.ndarray, frames: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A card with this picture on a table: (360, 480, 3) frames of one slow movement."""
    edge = len(picture) // 12  # of white paper
    card = np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=250)
    start, table = _pose(rng), rng.integers(60, 130, 3)
    change = rng.uniform(-1, 1, 6) * [0.3, 0.05, 0.5, 0.12, 12, 12]
    dim, noise = rng.uniform(0.6, 1.0, 2), rng.uniform(3, 9)
    grain = rng.normal(0, noise, (HEIGHT, WIDTH, 3)).astype(np.float32)
    slope = np.linspace(0.92, 1.08, WIDTH, dtype=np.float32)[:, None]
    for moment in np.linspace(0, 1, frames):
        smooth = moment * moment * (3 - 2 * moment)
        seen = _warped(card, _corners(*(start + smooth * change)), table)
        seen *= slope * np.float32(np.interp(smooth, (0, 1), dim))
        # Other noise in each frame, without drawing a million numbers anew.
        seen += np.roll(grain, tuple(rng.integers(0, HEIGHT, 2)), (0, 1))
        yield np.clip(seen, 0, 255).astype(np.uint8)


def mark(frame: np.ndarray, number: int, age: int) -> None:
    """Write two numbers into the frame's left margin, in place."""
    for i, bit in enumerate(f"{number:0{BITS}b}{age:0{BITS}b}"):
        frame[i * BLOCK : (i + 1) * BLOCK, :BLOCK] = 255 * int(bit)


READ = f"""() => {{
  const [side, rows] = [{BLOCK}, {2 * BITS}];
  const context = new OffscreenCanvas(side, rows * side).getContext("2d");
  const video = document.querySelector("video");
  context.drawImage(video, 0, 0, side, rows * side, 0, 0, side, rows * side);
  const level = (i) => context.getImageData(side / 2, (i + 0.5) * side, 1, 1).data[0];
  const bits = Array.from({{ length: rows }}, (_, i) => (level(i) > 127 ? 1 : 0));
  const number = (some) => some.reduce((sum, bit) => 2 * sum + bit, 0);
  return [number(bits.slice(0, {BITS})), number(bits.slice({BITS}))];
}}"""  # in the page: [picture, age] of the frame that the camera now shows


def _pose(rng: np.random.Generator) -> np.ndarray:
    """How the card lies: turn, size, axis and angle of its tilt (radians), place (pixels).

    Its square fills the frame, as the cards say.
    """
    return rng.uniform([0, 1.05, 0, 0, -12, -12], [2 * np.pi, 1.2, 2 * np.pi, 0.3, 12, 12])


def _corners(turn: float, size: float, axis: float, tilt: float, x: float, y: float) -> np.ndarray:
    """Where the card's corners are in the frame, (4, 2): clockwise from its upper left.

    size: of its picture, without the paper around it, in heights of the frame.
    """
    corners = (
        size * (1 + 1 / 6) * HEIGHT / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    )
    flat = corners @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    normal = np.array([np.cos(axis), np.sin(axis)])
    deep = (flat @ normal)[:, None]
    flat = (flat - (1 - np.cos(tilt)) * deep * normal) / (1 + np.sin(tilt) * deep / (2.5 * HEIGHT))
    return flat + np.array([WIDTH / 2 + x, HEIGHT / 2 + y])


def _warped(card: np.ndarray, corners: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The card in perspective on a table of one colour, float32 (360, 480, 3)."""
    side = len(card)
    source = np.array([[0, 0], [side, 0], [side, side], [0, side]], float)
    rows, right = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):  # from the frame back to the card
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    back = np.linalg.solve(np.array(rows), np.array(right))
    image = (
        Image.fromarray(card)
        .convert("RGBA")
        .transform(
            (WIDTH, HEIGHT), Image.Transform.PERSPECTIVE, back.tolist(), Image.Resampling.BICUBIC
        )
    )
    frame = Image.new("RGBA", image.size, (*table.tolist(), 255))
    frame.alpha_composite(image)
    return np.asarray(frame.convert("RGB")).astype(np.float32)

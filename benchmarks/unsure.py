"""When the app says "not sure": what is named, what is refused, and what should have been.

    python benchmarks/unsure.py [--plants FOLDER] [--small]

A few minutes on one core. Thresholds are chosen on validation leaves and on some kinds of other
things; judged on test leaves, leaf cards as a phone sees them, other kinds of other things and,
where FOLDER (without it ../shared/data/seedlings) is there, photos of real plants, which none of
the drawn species is. Writes course_lib/recorded/unsure.json.
"""

import argparse
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from _trying import few
from PIL import Image, ImageFilter

from _recording import record
from course_lib import data, engines, models, packing, rejection, scorecard
from course_lib.phone import leaf_cards

PLANTS = Path(__file__).resolve().parents[2] / "shared" / "data" / "seedlings"
SIDE = 480  # of the square in the middle of a frame, in pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plants", type=Path, default=PLANTS)
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    leaves = data.load("leaves")
    if arguments.small:
        leaves = few(leaves, 12, 96, 12)  # a pattern needs five of each species to be named right
    count = 3 if arguments.small else 300
    known = {"test leaves": leaves.test, **cards(1 if arguments.small else leaf_cards.MOST)}
    others = rejection.others_by_kind("judge", count)
    if arguments.plants.exists() and not arguments.small:
        others["real plants"] = data.from_folder(arguments.plants).test
    chosen_on = rejection.others("calibrate", count // 3)
    networks = {
        "original": engines.onnx(models.load_pretrained("leafnet_leaves"), leaves.shape),
        "compressed": packing.load(models.WEIGHTS / "leaves.packed"),
    }
    rows = []
    for name, network in networks.items():
        logits = {
            kind: rejection.answers(network, images, turns=4)
            for kind, images in {**known, **others, "val": leaves.val, "other": chosen_on}.items()
        }
        for way, rule in rules(logits["val"], leaves.val.labels, logits["other"]).items():
            views = {kind: some[: rule.turns] for kind, some in logits.items()}
            row = {"network": name, "rule": way, **short(rule)}
            for kind, images in known.items():
                row[kind] = named(rule, views[kind], images.labels)
            row["accepted of others"] = {kind: believed(rule, views[kind]) for kind in others}
            shares = [each["share"] for each in row["accepted of others"].values()]
            row["mean of others"] = round(float(np.mean(shares)), 4)
            rows.append(row)
    if arguments.small:
        print(rows)
        return
    record("unsure", {"rules": {"accept": 0.95, "rows": rows}}, chapter=True)


def rules(
    logits: torch.Tensor, labels: torch.Tensor, others: torch.Tensor
) -> dict[str, rejection.Rule]:
    """The rules to compare; all accept 95% of the validation leaves that are named right."""
    one, some = logits[:1], others[:1]
    both = rejection.fit(one, labels, some)
    right = both.probabilities(one).argmax(1) == labels
    lowest = both.probabilities(one).amax(1)[right].quantile(0.05, interpolation="lower")
    least = both.evidence_of(one)[right].quantile(0.05, interpolation="lower")
    return {
        "probability": replace(both, probability=float(lowest), evidence=-100.0),
        "evidence": replace(both, probability=0.0, evidence=float(least)),
        "both": both,
        "both, four turns": rejection.fit(logits, labels, others),
        "with pattern": rejection.fit(one, labels, some, pattern=True),
        "with pattern, four turns": rejection.fit(logits, labels, others, pattern=True),
    }


def short(rule: rejection.Rule) -> dict:
    """A rule's numbers, without the tables of its pattern."""
    numbers = {key: value for key, value in rule.as_dict().items() if key != "pattern"}
    return numbers | ({"match": rule.pattern.match} if rule.pattern else {})


def named(rule: rejection.Rule, logits: torch.Tensor, labels: torch.Tensor) -> dict:
    """Of leaves: how many are named at all, how many of those are right, without and with it."""
    found, sure = rule.decide(logits)
    right = found == labels
    return {
        "accepted": share(sure),
        "right of accepted": share(right[sure]) if sure.any() else None,
        "right of all": share(right),
        "right and accepted of right": share(sure[right]),
    }


def believed(rule: rejection.Rule, logits: torch.Tensor) -> dict:
    return share(rule.decide(logits)[1])


def share(hits: torch.Tensor) -> dict:
    low, high = scorecard.wilson(int(hits.sum()), len(hits))
    return {"share": round(float(hits.double().mean()), 4), "low": round(low, 4),
            "high": round(high, 4), "of": len(hits)}  # fmt: skip


def cards(specimens: int) -> dict[str, data.Images]:
    """The cards' pictures as such, and as a phone sees them."""
    pictures, labels = leaf_cards.pictures(specimens)
    rng = np.random.default_rng(0)
    small = [np.asarray(_shrunk(Image.fromarray(picture))) for picture in pictures]
    filmed = [film(picture, rng) for picture in pictures]
    return {
        kind: data.Images(
            torch.from_numpy(np.stack(some).transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)
        )
        for kind, some in (("cards", small), ("cards, filmed", filmed))
    }


def film(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A card on white paper, held by hand: turned, tilted, dimmed, blurred, noisy, as JPEG."""
    wide = len(picture)
    page = Image.new("RGB", (2 * wide, 2 * wide), (250, 250, 248))
    page.paste(Image.fromarray(picture), (wide // 2, wide // 2))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    angle, axis = np.deg2rad(rng.normal(0, 6)), rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = corners @ turn.T
    depth = 1 + rng.uniform(0, 0.25) * (seen @ [np.cos(axis), np.sin(axis)])
    seen = SIDE * (rng.uniform(0.92, 1.15) * seen / depth[:, None] + rng.normal(0, 0.03, 2) + 0.5)
    to = _perspective(seen, wide * (corners + 1))
    frame = page.transform((SIDE, SIDE), Image.Transform.PERSPECTIVE, to, Image.Resampling.BICUBIC,
                           fillcolor=(250, 250, 248))  # fmt: skip
    levels = np.asarray(frame.filter(ImageFilter.GaussianBlur(rng.uniform(1, 4))), np.float32)
    grid, slope = np.linspace(-1, 1, SIDE), rng.uniform(-0.12, 0.12, 2)
    lamp = rng.uniform(0.65, 1.1) * (1 + slope[0] * grid + slope[1] * grid[:, None])
    levels = levels * lamp[..., None] * (1 + rng.normal(0, 0.05, 3))
    levels += rng.uniform(4, 16) * rng.standard_normal(levels.shape)
    taken = io.BytesIO()
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(taken, "JPEG", quality=70)
    return np.asarray(_shrunk(Image.open(taken)))


def _perspective(seen: np.ndarray, page: np.ndarray) -> list[float]:
    """The eight numbers that take points of the frame (4, 2) to those of the page (4, 2)."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, page, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.linalg.solve(np.array(rows), np.array(values)).tolist()


def _shrunk(picture: Image.Image) -> Image.Image:
    return picture.resize((64, 64), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()

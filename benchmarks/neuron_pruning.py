"""What chapter 02 shows and cannot compute within its minute: an hour and a half on two cores.

    python benchmarks/neuron_pruning.py [--only half quarter longer gradual allocation criteria]
                                        [--seeds 0 1 2] [--small]

Writes course_lib/recorded/neuron_pruning.json. A seed is the order of the images, and for a network
from scratch its first weights; the original that is pruned is the one that ships.
"""

import argparse
import dataclasses
import time

import torch
from _judging import difference, mean, right
from _trying import few, narrow

from _recording import record
from course_lib import counting, data, models, neuron_pruning, scorecard, sensitivity, training

ORIGINAL_EPOCHS = 14  # what benchmarks/original.py trained for
TUNING: dict = {"epochs": 2, "learning_rate": 0.02}
SCRATCH_RATE = 0.05  # the original's
FRACTIONS = (0, 0.1, 0.25, 0.5, 0.75)
CUTS = (0.1, 0.2, 0.35, 0.5)  # of every layer, by each criterion
LOOKED_AT = 300  # training images that criteria look at, and as many for the norms


class Setting:
    """The images, the original, and which test images it names correctly."""

    def __init__(self, small: bool):
        images = data.load("leaves")
        self.whole = images
        self.short = dataclasses.replace(images, train=images.train.first(4000),
                                         val=images.val.first(500))  # fmt: skip
        self.test = images.test
        if small:
            self.whole = self.short = few(images, 16, 12, 12)
            self.test = self.whole.test
        self.original = narrow(images) if small else training.original(images)
        self.before = right(self.original, self.test)

    def row(self, way: str, seed: int, network, seen: int, seconds: float) -> dict:
        """One line of a table, and the answers behind it (taken out before it is written)."""
        answers = right(network, self.test)
        row = {
            "way": way,
            "seed": seed,
            "accuracy": mean(answers),
            "against_original": difference(self.before, answers),
            "macs": counting.macs(network, self.whole.shape),
            "images_seen": seen,
            "seconds": round(seconds, 1),
            "answers": answers,
        }
        print({key: value for key, value in row.items() if key != "answers"}, flush=True)
        return row


def timed(train):
    start = time.perf_counter()
    network, _ = train()
    return network, time.perf_counter() - start


def finished(rows: list[dict], first: str) -> list[dict]:
    """Each row against the row `first` of its seed, image by image; answers left out."""
    base = {row["seed"]: row["answers"] for row in rows if row["way"] == first}
    for row in rows:
        if row["way"] != first:
            row[f"against {first}"] = difference(base[row["seed"]], row["answers"])
    return [{key: value for key, value in row.items() if key != "answers"} for row in rows]


def against_scratch(
    setting: Setting, fraction: float, seeds: list[int], whole_budget: bool
) -> dict:
    """Pruned and fine-tuned, and the same widths from scratch (Liu et al. 2019)."""
    rows = []
    cut = neuron_pruning.prune(setting.original, fraction)
    seen = TUNING["epochs"] * len(setting.short.train)
    for seed in seeds:
        ways = [("pruned, fine-tuned", cut, setting.short, TUNING, seen)]
        budgets = [("from scratch, as long", setting.short, TUNING["epochs"], seen)]
        if whole_budget:
            passes = -(-(ORIGINAL_EPOCHS * 8000 + seen) // 8000)  # no fewer images than both
            budgets.append(
                ("from scratch, to the end", setting.whole, passes,
                 passes * len(setting.whole.train))
            )  # fmt: skip
        for way, images, epochs, count in budgets:
            torch.manual_seed(seed)
            fresh = models.LeafNet(cut.widths, len(images.classes), images.shape[0])
            ways.append((way, fresh, images,
                         {"epochs": epochs, "learning_rate": SCRATCH_RATE}, count))  # fmt: skip
        for way, start, images, options, count in ways:
            network, seconds = timed(
                lambda start=start, images=images, options=options, seed=seed: training.fit(
                    start, images, seed=seed, progress=False, **options
                )
            )
            rows.append(setting.row(way, seed, network, count, seconds))
    return {
        "fraction": fraction,
        "widths": list(cut.widths),
        "original": mean(setting.before),
        "test_images": len(setting.test),
        "rows": finished(rows, "pruned, fine-tuned"),
    }


def half(setting: Setting, seeds: list[int]) -> dict:
    return against_scratch(setting, 0.5, seeds, whole_budget=False)


def quarter(setting: Setting, seeds: list[int]) -> dict:
    return against_scratch(setting, 0.75, seeds, whole_budget=True)


def longer(setting: Setting, seeds: list[int]) -> dict:
    """A quarter of the width from scratch: twice as many images, and for one seed again twice."""
    widths, rows = neuron_pruning.prune(setting.original, 0.75).widths, []
    for passes, several in ((30, seeds), (60, seeds[:1])):
        for seed in several:
            torch.manual_seed(seed)
            fresh = models.LeafNet(widths, len(setting.whole.classes), setting.whole.shape[0])
            network, seconds = timed(
                lambda fresh=fresh, passes=passes, seed=seed: training.fit(
                    fresh, setting.whole, passes, learning_rate=SCRATCH_RATE, seed=seed,
                    progress=False,
                )
            )  # fmt: skip
            count = passes * len(setting.whole.train)
            rows.append(
                setting.row(f"from scratch, {count:,} images", seed, network, count, seconds)
            )
            del rows[-1]["answers"]
    return {"fraction": 0.75, "test_images": len(setting.test), "rows": rows}


def criteria(setting: Setting, seeds: list[int]) -> dict:
    """What each criterion leaves of the accuracy, the norms left alone or taken anew.

    A seed is another draw of the images that criteria and norms look at, or of the channels.
    """
    network, shape, rows = setting.original, setting.whole.shape, []
    judged, train = setting.whole.val.first(1000), setting.whole.train
    for seed in seeds:
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed)).numpy()
        looked_at = train.subset(order[:LOOKED_AT])
        others = train.subset(order[-LOOKED_AT:])
        for criterion in neuron_pruning.CRITERIA:
            values = neuron_pruning.importance(network, criterion, looked_at, shape, seed=seed)
            for cut in CUTS:
                small = neuron_pruning.remove(network, neuron_pruning.choose(values, cut))
                row = {
                    "criterion": criterion,
                    "seed": seed,
                    "cut": cut,
                    "norms left alone": training.evaluate(small, judged),
                    "norms taken anew": training.evaluate(
                        training.recalibrated(small, others), judged
                    ),
                }
                print(row, flush=True)
                rows.append(row)
    return {"validation_images": len(judged), "looked_at": LOOKED_AT,
            "uncut": training.evaluate(network, judged), "rows": rows}  # fmt: skip


def gradual(setting: Setting, seeds: list[int]) -> dict:
    """Three of four channels in one cut or in four, the same images seen in all."""
    rows, size = [], len(setting.short.train)
    for seed in seeds:
        for way, steps, last in (("at once", 1, 7), ("in four steps", 4, 4)):
            network, seconds = timed(
                lambda steps=steps, last=last, seed=seed: neuron_pruning.prune_gradually(
                    setting.original, setting.short, 0.75, steps=steps, last_epochs=last,
                    learning_rate=TUNING["learning_rate"], seed=seed, progress=False,
                )
            )  # fmt: skip
            rows.append(setting.row(way, seed, network, (steps - 1 + last) * size, seconds))
    return {"fraction": 0.75, "test_images": len(setting.test), "rows": finished(rows, "at once")}


def allocated(setting: Setting, seeds: list[int]) -> dict:
    """The same MACs, cut alike everywhere or where the layers can spare it; then fine-tuned."""
    network, shape = setting.original, setting.whole.shape
    alike = neuron_pruning.prune(network, 0.3)
    found = sensitivity.sensitivity(network, setting.short.val.first(200), FRACTIONS)
    shares = sensitivity.allocate(network, shape, found, FRACTIONS, counting.macs(alike, shape))
    chosen = neuron_pruning.prune(network, shares)
    rows = []
    for seed in seeds:
        for way, start in (("alike", alike), ("by sensitivity", chosen)):
            options = {**TUNING, "epochs": 1}
            tuned, seconds = timed(
                lambda start=start, options=options, seed=seed: training.fit(
                    start, setting.short, seed=seed, progress=False, **options
                )
            )
            rows.append(setting.row(way, seed, tuned, len(setting.short.train), seconds))
    at_once = {"alike": mean(right(alike, setting.test)),
               "by sensitivity": mean(right(chosen, setting.test))}  # fmt: skip
    return {
        "fraction": 0.3,
        "widths": {"alike": list(alike.widths), "by sensitivity": list(chosen.widths)},
        "at_once": at_once,
        "test_images": len(setting.test),
        "rows": finished(rows, "alike"),
    }


TABLES = {
    "half": half,
    "quarter": quarter,
    "longer": longer,
    "gradual": gradual,
    "allocation": allocated,
    "criteria": criteria,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.seeds = arguments.seeds[:1]
    scorecard.set_threads()
    setting = Setting(arguments.small)
    for table in arguments.only:
        figures = TABLES[table](
            setting, arguments.seeds[:1] if arguments.small else arguments.seeds
        )
        if not arguments.small:
            record("neuron_pruning", {table: figures}, chapter=True)


if __name__ == "__main__":
    main()

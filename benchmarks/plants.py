"""Real plants: what cutting and rounding the bundled network saves, and what it costs.

    python benchmarks/plants.py [--only networks unsure latency browser] [--small]

Five minutes on two cores; needs the extra `efficientnet`. Pictures to judge by are on no learner's
machine: the stamps of Debian's tuxpaint-stamps-default (real photos, cut out; 22 show one of the
classes), and photos of seedlings in ../shared/data, which are none of the classes. Neither was
seen in calibrating. Writes course_lib/recorded/plants.json.
"""

import argparse
import contextlib
import functools
import http.server
import json
import shutil
import tempfile
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from _trying import shortened
from PIL import Image
from torch import Tensor, nn

from _recording import record
from course_lib import engines, packing, rejection, scorecard
from course_lib.deploy import graphs
from course_lib.images import leaf_paint, out_of_distribution
from course_lib.measure.intervals import wilson
from course_lib.networks.folding import fold_batch_norm
from course_lib.phone import page_models, page_runtime, plant_network, plants
from course_lib.techniques import optimal_rounding

STAMPS = Path("/usr/share/tuxpaint/stamps")
SEEDLINGS = Path(__file__).resolve().parents[2] / "shared" / "data" / "seedlings" / "test"
SIDE = plants.SIDES["before"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FILLS = 0.8  # of the picture's side, by a stamp
SIDES = (224, 192, 160, 128)
HARMS = (1e-6, 3e-6, 1e-5, 3e-5)  # at the compressed network's own side
PROBABILITY = 0.5  # least of the best plant, by itself

# Stamps that show a class; "orange" holds the mandarine too, as ImageNet's does.
LABELS = {
    "food/fruit/apple_granny_smith": "Granny Smith apple",
    "food/fruit/apple_green": "Granny Smith apple",
    "food/fruit/banana": "banana",
    "food/fruit/cherimoya": "custard apple",
    "food/fruit/lemon": "lemon",
    "food/fruit/mandarine": "orange",
    "food/fruit/orange": "orange",
    "food/fruit/orange_seville": "orange",
    "food/fruit/pineapple": "pineapple",
    "food/fruit/pomegranate": "pomegranate",
    "food/fruit/sliced_orange": "orange",
    "food/fruit/strawberry": "strawberry",
    "food/fruit/Strawberry2": "strawberry",
    "food/vegetables/broccoli": "broccoli",
    "food/vegetables/corn": "corn",
    "food/vegetables/mushroom": "mushroom",
    "food/vegetables/pepper": "bell pepper",
    "food/vegetables/yellowpepper": "bell pepper",
    "plants/flowers/yellow-flower": "daisy",
    "plants/mushrooms/cep": "bolete",
    "plants/mushrooms/cep-1": "bolete",
    "plants/mushrooms/cep-2": "bolete",
}
DRAWN = {"cartoon", "symbols", "clothes", "flags", "roadsigns", "space", "seasonal",
         "naturalforces", "toys"}  # fmt: skip


# Pictures


@dataclass(frozen=True)
class Pictures:
    """Pictures by kind; labels are -1 where none of the classes is shown."""

    pixels: Tensor
    labels: Tensor
    kinds: np.ndarray
    chooses: np.ndarray  # whether thresholds may be chosen by it; the others judge them

    def __len__(self) -> int:
        return len(self.labels)


def pictures(small: bool) -> Pictures:
    """What there is here; stamps lie on white and once more on a drawn ground."""
    rows = [*stamps(), *seedlings(), *others()]
    if small:
        rows = [row for i, row in enumerate(rows) if row[1] >= 0 or i % 40 == 0]
    pixels = np.stack([row[0] for row in rows]).transpose(0, 3, 1, 2).copy()
    return Pictures(
        torch.from_numpy(pixels),
        torch.tensor([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
    )


def stamps() -> list[tuple]:
    rng = np.random.default_rng(0)
    found = []
    for number, file in enumerate(sorted(STAMPS.rglob("*.png"))):
        place = file.relative_to(STAMPS)
        label = LABELS.get(place.with_suffix("").as_posix())
        if DRAWN & set(place.parts):
            kind = "drawings"
        elif place.parts[0] in ("food", "plants"):
            kind = "plants it knows" if label else "plants it does not know"
        else:
            kind = "animals and things"
        with Image.open(file) as image:
            stamp = image.convert("RGBA")
        index = plants.CLASSES.index(label) if label else -1
        grounds = [Image.new("RGB", (SIDE, SIDE), "white")]
        if kind != "drawings":
            texture = leaf_paint.textures()[rng.integers(3)][rng.integers(3)]
            ground = leaf_paint.patch(texture, rng, SIDE, 1.0)
            grounds.append(leaf_paint.to_image(ground))
        for ground in grounds:
            found.append((laid(stamp, ground), index, kind, number % 2 == 0))
    return found


def laid(stamp: Image.Image, ground: Image.Image) -> np.ndarray:
    """The stamp in the middle of the ground."""
    share = FILLS * SIDE / max(stamp.size)
    width, height = (max(1, round(length * share)) for length in stamp.size)
    small = stamp.resize((width, height), Image.Resampling.BICUBIC)
    whole = ground.convert("RGB")
    whole.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2), small)
    return np.asarray(whole)


def seedlings(count: int = 150) -> list[tuple]:
    files = sorted(SEEDLINGS.glob("*/*.jpg"))
    chosen = np.random.default_rng(0).permutation(len(files))[:count]
    found = []
    for number in chosen:
        with Image.open(files[number]) as image:
            photo = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        found.append((np.asarray(photo), -1, "seedlings", number % 2 == 0))
    return found


def others(count: int = 20) -> list[tuple]:
    """Grounds, print, patterns and shapes as the course draws them; the photos calibrated."""
    return [
        (picture, -1, "grounds and patterns", part == "calibrate")
        for part in ("calibrate", "judge")
        for kind, images in out_of_distribution.others_by_kind(part, count, SIDE).items()
        if kind != "photos"
        for picture in images.pixels.permute(0, 2, 3, 1).numpy()
    ]


def answers(network, shown: Pictures) -> Tensor:
    """Logits (count, classes), of the pictures at the network's own side."""
    side = network.shape[1]
    with torch.inference_mode():
        return torch.cat([
            network(plants.FED(resized(p, side))) for p in shown.pixels.split(8)
        ])  # fmt: skip


def resized(pixels: Tensor, side: int) -> Tensor:
    """As the page prepares them."""
    if pixels.shape[-1] == side:
        return pixels
    found = [
        np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BICUBIC))
        for each in pixels.permute(0, 2, 3, 1).numpy()
    ]
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2)


# Networks


WHOLE, CUT = "ImageNet's 1,000 classes", "plants"
QUANTIZER = "plants, ONNX Runtime's int8"


def networks(ladder: bool, count: int, short: bool) -> dict[str, engines.Onnx]:
    """The whole network, the cut one, and the ways to make that small; ladder: and smaller.

    count: how many pictures they are calibrated with. short: two of their sixteen blocks, for a
    try-out that looks at no answers.
    """
    whole, cut, side = plant_network.imagenet(), plants.network(), plants.SIDES["after"]
    if short:
        shortened(whole)
        cut.blocks, cut.top[0] = cut.blocks[:2], nn.Conv2d(24, 1280, 1)
    made = {WHOLE: engines.onnx(whole, (3, SIDE, SIDE)), CUT: engines.onnx(cut, (3, SIDE, SIDE))}
    made[QUANTIZER] = engines.int8(
        made[CUT], plants.pictures(SIDE, count), plants.RANGED, unsigned=True
    )
    for other in SIDES[1:] if ladder else (side,):
        made[f"plants, {other} pixels"] = engines.onnx(cut, (3, other, other))
    folded, shown = fold_batch_norm(cut), plants.pictures(side, count)
    seen = optimal_rounding.moments(folded, plants.FED(shown.pixels))
    for harm in HARMS if ladder else (plants.HARM,):
        found = plants.rounded(folded, seen, harm)
        made[f"plants, {side} pixels, rounded, {harm:g}"] = plants.stored(folded, found, side)
        if harm == plants.HARM:
            made[f"plants, {side} pixels, integers"] = plants.integers(folded, found, shown)
    return made


def after_name() -> str:
    return f"plants, {plants.SIDES['after']} pixels, rounded, {plants.HARM:g}"


def page_bytes(network: engines.Onnx) -> int:
    """What the page downloads: the .plants file."""
    outputs = network(torch.zeros(1, *network.shape)).shape[1]
    names = plants.CLASSES if outputs == len(plants.CLASSES) else [str(i) for i in range(outputs)]
    model = page_models.of(network, names, "after", plants.UNSURE["after"], name="plants")
    return len(page_models.pack(model))


def compared(made: dict[str, engines.Onnx], shown: Pictures) -> dict:
    """Bytes, names given right, and agreement with the cut network about the best of the plants.

    Named: what the cut network names by its rule. Same side: against the cut network in float32
    at the same number of pixels, what rounding alone changes.
    """
    given = {name: answers(network, shown) for name, network in made.items()}
    given[WHOLE] = given[WHOLE][:, list(plant_network.rows())]
    original, known = given[CUT], shown.labels >= 0
    best, named = plants.UNSURE["before"].decide(original)
    rows = {}
    for name, network in made.items():
        logits, side = given[name], network.shape[1]
        same_side = given.get(f"plants, {side} pixels", original)
        same, alike = logits.argmax(1) == best, logits.argmax(1) == same_side.argmax(1)
        counted = graphs.count(network.content, network.shape)
        right = int((logits.argmax(1) == shown.labels)[known].sum())
        low, high = wilson(right, int(known.sum()))
        noise = (logits - same_side).square().mean()
        rows[name] = {
            "side": side, "macs": counted.macs, "parameters": parameters(network),
            "bytes": len(network.content), "page_bytes": page_bytes(network),
            "packed_bytes": len(packing.pack(network)),
            "right": right, "right_low": low, "right_high": high,
            "agreement": share(same), "agreement_named": share(same[named]),
            "agreement_known": share(same[known]),
            "same_side": {
                "agreement": share(alike),
                "agreement_named": share(alike[named]),
                "agreement_known": share(alike[known]),
                "signal_to_noise_db": None
                if noise < 1e-9
                else float(10 * (same_side.var() / noise).log10()),
            },
        }  # fmt: skip
        print(name, json.dumps(rows[name]), flush=True)
    return {
        "rows": rows, "pictures": len(shown), "named": int(named.sum()),
        "known": int(known.sum()), "known_photos": len(LABELS),
        "by_kind": {kind: int((shown.kinds == kind).sum()) for kind in kinds(shown)},
    }  # fmt: skip


def parameters(network: engines.Onnx) -> int:
    """Weights and biases; scales and zero points are none."""
    large = (a for a in network.initializers.values() if a.ndim > 1 and min(a.shape) > 0)
    return sum(a.size for a in large if a.size > a.shape[0])


def kinds(shown: Pictures) -> list[str]:
    return list(dict.fromkeys(shown.kinds.tolist()))


def share(flags: Tensor) -> float | None:
    return flags.double().mean().item() if len(flags) else None


# Not sure


def not_sure(made: dict[str, engines.Onnx], shown: Pictures) -> dict:
    """How often other things are named, by rules with and without the other classes' outputs."""
    whole = answers(made[WHOLE], shown)
    ours, ear = list(plant_network.rows()), plant_network.imagenet_names().index("ear")
    rest = [i for i in range(1000) if i not in (*ours, ear)]  # an ear is corn, named again
    logits, left = whole[:, ours], whole[:, rest]
    after = answers(made[after_name()], shown)
    evidence = logits.logsumexp(1)
    scores = {
        "evidence of the plants' outputs": evidence,
        "probability among the plants": logits.softmax(1).amax(1),
        "evidence beside all other outputs": evidence - left.logsumexp(1),
        "evidence beside the mean other output": evidence - left.mean(1),
    }
    right = logits.argmax(1) == shown.labels
    # Nine in ten of what is named right stay.
    table = {n: passing(s >= s[right].quantile(0.1), shown) for n, s in scores.items()}
    strong = after.logsumexp(1)
    least = strong[after.argmax(1) == shown.labels].quantile(0.1)
    table["evidence of the compressed network"] = passing(strong >= least, shown)
    judged = {}
    for role, given in (("before", logits), ("after", after)):
        labels, sure = plants.UNSURE[role].decide(given)
        known = torch.from_numpy(~shown.chooses) & (shown.labels >= 0)
        correct = labels == shown.labels
        judged[role] = {
            "rule": plants.UNSURE[role].as_dict(),
            "chosen_now": choose(given, shown).as_dict(),
            "others": passing(sure, shown, ~shown.chooses),
            "known": int(known.sum()), "right": int((correct & known).sum()),
            "named": int((sure & known).sum()), "named_right": int((sure & correct & known).sum()),
        }  # fmt: skip
    plant = torch.isin(whole.argmax(1), torch.tensor([*ours, ear]))
    return {
        "at_nine_in_ten_right": table,
        "best_of_1000_is_a_plant": passing(plant, shown),
        "judged": judged,
    }


def choose(logits: Tensor, shown: Pictures) -> rejection.Rule:
    """The evidence that nine in ten of what is named right have, on the half that chooses."""
    half = torch.from_numpy(shown.chooses)
    right = half & (logits.argmax(1) == shown.labels)
    least = logits.logsumexp(1)[right].quantile(0.1)
    return rejection.Rule(1.0, PROBABILITY, float((4 * least).floor() / 4))


def passing(sure: Tensor, shown: Pictures, which: np.ndarray | None = None) -> dict:
    """{kind: how many pictures, how many of them are named, the share's 95% interval}."""
    which = np.ones(len(shown), bool) if which is None else which
    rows = {}
    for kind in kinds(shown):
        chosen = sure[torch.from_numpy((shown.kinds == kind) & which)]
        named = int(chosen.sum())
        low, high = wilson(named, len(chosen)) if len(chosen) else (0.0, 1.0)
        rows[kind] = {"pictures": len(chosen), "named": named, "low": low, "high": high}
    return rows


# Time


def latency(made: dict[str, engines.Onnx], limit_s: float) -> dict:
    """Milliseconds of one image in ONNX Runtime on one thread, by turns."""
    runs = [each.run(wave(each)) for each in made.values()]
    times = scorecard.latency(*runs, limit_s=limit_s)
    return {
        name: {"ms": time.median_ms, "p90": time.p90_ms, "noisy": time.noisy}
        for name, time in zip(made, times, strict=True)
    }


def wave(network: engines.Onnx) -> Tensor:
    """What PAGE gives the network too."""
    pixels = np.sin(np.arange(np.prod(network.shape), dtype=np.float64) / 97) * 0.9
    return torch.from_numpy(pixels.astype(np.float32)).reshape(1, *network.shape)


PAGE = """<!doctype html><script type="module">
import * as ort from "./ort.wasm.bundle.min.mjs";
ort.env.wasm.numThreads = 1;
window.timed = async (files, sides, runs) => {
  const options = {executionProviders: ["wasm"]}, loaded = [];
  for (const file of files) {
    const start = performance.now(), bytes = await (await fetch(file)).arrayBuffer();
    const session = await ort.InferenceSession.create(new Uint8Array(bytes), options);
    loaded.push({session, ready: performance.now() - start, ms: []});
  }
  const pictures = sides.map((side) => {
    const pixels = new Float32Array(3 * side * side).map((_, i) => Math.sin(i / 97) * 0.9);
    return {images: new ort.Tensor("float32", pixels, [1, 3, side, side])};
  });
  for (let run = 0; run < runs + 3; run++) for (const [at, each] of loaded.entries()) {
    const start = performance.now(), found = await each.session.run(pictures[at]);
    each.logits = Array.from(found.logits.data);
    if (run >= 3) each.ms.push(performance.now() - start);
  }
  return loaded.map(({ready, ms, logits}) => ({ready, ms, logits}));
};
window.here = true;
</script>"""


def browser(made: dict[str, engines.Onnx], runs: int) -> dict:
    """The same in onnxruntime-web, in Chromium: WASM, one thread, one network after the other."""
    from playwright import sync_api

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for file in page_runtime.FILES:
            shutil.copy(page_runtime.folder() / file, place)
        (place / "index.html").write_text(PAGE)
        for number, each in enumerate(made.values()):
            classes = each(wave(each)).shape[1]
            (place / f"{number}.onnx").write_bytes(page_models.for_one_image(each.content, classes))
        with served(place) as address, sync_api.sync_playwright() as started:
            chromium = started.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--disable-background-networking", "--disable-sync",
                      "--disable-component-update", "--no-first-run", "--disable-quic"],
            )  # fmt: skip
            page = chromium.new_page()
            page.goto(address)
            page.wait_for_function("window.here")
            files = [f"{number}.onnx" for number in range(len(made))]
            sides = [each.shape[1] for each in made.values()]
            times = page.evaluate("(given) => timed(...given)", [files, sides, runs])
            found["chromium"] = chromium.version
            chromium.close()
    rows = {}
    for (name, network), timed in zip(made.items(), times, strict=True):
        native, web = network(wave(network))[0], torch.tensor(timed["logits"])
        rows[name] = {
            "ms": float(np.median(timed["ms"])), "p90": float(np.quantile(timed["ms"], 0.9)),
            "ready_ms": timed["ready"],
            "largest_difference": float((native - web).abs().max() / native.abs().max()),
        }  # fmt: skip
        print(name, rows[name], flush=True)
    return {**found, "runs": runs, "runtime": page_runtime.VERSION, "rows": rows}


@contextlib.contextmanager
def served(place: Path):
    """The folder on a free port of this machine."""
    handler = functools.partial(Quiet, directory=str(place))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, *arguments) -> None:
        pass


def missing(table: str) -> str:
    """What a table needs and is not here."""
    if table in ("networks", "unsure") and not STAMPS.exists():
        return "Debian's tuxpaint-stamps-default is not installed, whose photos are judged by"
    if table in ("networks", "unsure") and not SEEDLINGS.exists():
        return "the photos of seedlings are not here"
    if table == "browser" and not (find_spec("playwright") and CHROMIUM):
        return "Chromium or playwright is not installed"
    if table == "browser" and not page_runtime.available():
        return "onnxruntime-web is not here: python -m course_lib.phone.page_runtime"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tables = ["networks", "unsure", "latency", "browser"]
    parser.add_argument("--only", nargs="+", choices=tables, default=tables)
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    if not all(find_spec(name.replace("-", "_")) for name in plant_network.PACKAGES):
        print(f"nothing is measured: {plant_network.COMMAND} brings the network")
        return
    wanting = {table: needs for table in arguments.only if (needs := missing(table))}
    for table, needs in wanting.items():
        print(f"{table}: {needs}; left as it was")
    arguments.only = [table for table in arguments.only if table not in wanting]
    ladder = "networks" in arguments.only and not arguments.small
    shown = pictures(arguments.small) if {"networks", "unsure"} & set(arguments.only) else None
    count = 4 if arguments.small else plants.PICTURES
    made = networks(ladder, count, short=arguments.small and shown is None)
    wanted = (WHOLE, CUT, QUANTIZER, after_name(), after_name().partition(", rounded")[0])
    chosen = {n: each for n, each in made.items() if n in wanted or n.endswith("integers")}
    for table in arguments.only:
        if table == "networks":
            figures = compared(made, shown)
        elif table == "unsure":
            figures = not_sure(made, shown)
        elif table == "latency":
            figures = latency(chosen, 0.2 if arguments.small else 15)
        else:
            figures = browser(chosen, 2 if arguments.small else 60)
        print(json.dumps(figures, indent=2), flush=True)
        if not arguments.small:
            record("plants", {table: figures}, chapter=True)


if __name__ == "__main__":
    main()

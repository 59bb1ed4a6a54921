"""Networks as ONNX files, run by ONNX Runtime: in float32, and in real 8-bit integers."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import files, processor
from course_lib.deploy import graphs
from course_lib.deploy.exported import Exported, check_calibration, needed, quietly
from course_lib.images import normalisation
from course_lib.images.data import Images
from course_lib.images.normalisation import Normalisation
from course_lib.networks import feeding
from course_lib.networks.structure import plain
from course_lib.networks.training import release_memory
from course_lib.techniques.integers import Quantized

PIXELS = 20 * 64 * 64  # that are calibrated on at a time
UNEXPORTED = (
    "PyTorch cannot export this network: its forward does what a graph cannot hold, such as asking "
    "Python about the numbers of a tensor"
)
MOST_STEPS = 2**30  # of a bias, which int32 holds
LARGEST_DIFFERENCE = 1e-3  # between PyTorch's float32 and ONNX Runtime's, relative to the logits


class Onnx(Exported):
    """A network as an ONNX file, run by ONNX Runtime."""

    engine = "onnxruntime"
    suffix = ".onnx"
    packages = ("onnx", "onnxscript", "onnxruntime")

    @classmethod
    def restored(cls, content: bytes, threads: int) -> "Onnx":
        """The network of a file's content."""
        needed("onnx")
        model = graphs.parsed(content)
        return cls(content, None, graphs.image_shape(model), graphs.kind(model), threads)

    @cached_property
    def session(self) -> Any:
        """The loaded network: an onnxruntime.InferenceSession."""
        runtime = needed("onnxruntime")
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

    def try_once(self) -> None:
        """Run one black image; ValueError, in ONNX Runtime's words, if that cannot be."""
        try:
            self(torch.zeros(self.batch or 1, *self.shape))
        except Exception as error:  # ONNX Runtime's own kinds, one for each way to be wrong
            raise ValueError(f"ONNX Runtime cannot run its graph: {str(error)[:200]}") from None

    @cached_property
    def normalisation(self) -> Normalisation:
        """How the file's network is fed; of files that do not say it, the course's way."""
        return graphs.normalisation(graphs.parsed(self.content))

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
        return needed("onnx").load_from_string(self.content).graph

    @property
    def initializers(self) -> dict[str, np.ndarray]:
        """The stored tensors by name: weights, and in int8 their scales and zero points."""
        to_array = needed("onnx.numpy_helper").to_array
        return {tensor.name: to_array(tensor) for tensor in self.graph.initializer}


def onnx(
    network: nn.Module, shape: Sequence[int], threads: int = 1, batch: int | None = None
) -> Onnx:
    """Export a network to ONNX in float32, for images of `shape` (channels, height, width).

    batch: how many images at a time the file is for, as accelerators and web pages want it; None:
    any number. Masks and simulated rounding are written into the weights.
    Raises ValueError if the network can't take such images, and if ONNX Runtime answers otherwise
    than PyTorch.
    """
    needed("onnx")
    needed("onnxscript")
    still, shape = plain(network).cpu(), tuple(shape)
    if batch is not None and batch < 1:
        raise ValueError(f"batch must be at least 1 image, or None for any number, got {batch}")
    images = torch.randn(batch or 2, *shape, generator=torch.Generator().manual_seed(0))
    any_number = ({0: torch.export.Dim("batch", min=1, max=4096)},)
    if feeding.place(still)[1] != torch.float32:
        raise ValueError(
            f"the network's weights are {feeding.place(still)[1]}, engines compute in float32; "
            f"network.float() makes them so"
        )
    try:
        with torch.inference_mode():
            expected = still(images)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(f"the network cannot take an image of shape {shape}: {error}") from None
    if not isinstance(expected, Tensor):
        feeding.check_logits(expected, len(images))
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                still,
                (images,),
                dynamo=True,
                verbose=False,
                dynamic_shapes=any_number if batch is None else None,
                input_names=["images"],
                output_names=["logits"],
            )
    except Exception as error:  # the exporter's own kinds, dozens of coloured lines each
        raise ValueError(f"{UNEXPORTED} ({_cause(error)})") from None
    assert program is not None
    release_memory()
    model = program.model_proto
    graphs.note_normalisation(model, normalisation.of(network))
    exported = Onnx(model.SerializeToString(), still, shape, threads=threads)
    difference = float((exported(images) - expected).abs().max() / expected.abs().max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ValueError(
            f"ONNX Runtime's answers differ from PyTorch's by {difference:.2g} of the largest "
            f"logit, more than {LARGEST_DIFFERENCE:g}: an operation was exported wrongly"
        )
    return exported


def _cause(error: BaseException) -> str:
    """The first line of what the exporter stumbled over."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0][:200]


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
    check_calibration(count, images)
    count = min(count, len(images))
    calibration = images.first(count - count % (exported.batch or 1)).fed_to(exported)
    quantization = needed("onnxruntime.quantization")
    (given,) = exported.session.get_inputs()
    # Large images fill the memory soon.
    at_once = exported.batch or max(1, min(20, PIXELS // math.prod(exported.shape[1:])))
    feeds = ({given.name: inputs.numpy()} for inputs, _ in calibration.batches(at_once))
    # What CalibrationDataReader asks of a subclass: the next batch, None after the last.
    reader = type("Reader", (quantization.CalibrationDataReader,), {
        "get_next": lambda self: next(feeds, None)
    })()  # fmt: skip
    kinds, types = quantization.QuantFormat, quantization.QuantType

    with files.scratch() as folder, quietly():
        paths = [folder / f"{name}.onnx" for name in ("float32", "folded", "int8")]
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
    model = graphs.parsed(content)
    graphs.note_normalisation(model, exported.normalisation)
    content = model.SerializeToString()
    return Onnx(content, exported.network, exported.shape, "int8", exported.threads)


def _with_weights(content: bytes, floats: bytes, weights: Mapping[str, Quantized]) -> bytes:
    """The int8 graph with these integers and scales, and biases to fit, from the float graph."""
    onnx = needed("onnx")
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

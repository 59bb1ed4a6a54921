"""Networks as .pte files, run by ExecuTorch's XNNPACK as in apps on phones; float32 and 8 bits."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.deploy.exported import Exported, check_calibration, needed, quietly
from course_lib.images.data import Images
from course_lib.networks.structure import plain


class Executorch(Exported):
    """A network as ExecuTorch's .pte file, run by XNNPACK, as it does in apps on phones."""

    engine = "executorch"
    suffix = ".pte"
    packages = ("executorch", "torchao")

    @classmethod
    def restored(cls, content: bytes, threads: int) -> "Executorch":
        """The network of a file's content; XNNPACK chooses its threads itself."""
        network = cls(content, None, ())
        (_, *shape) = network.method.metadata.input_tensor_meta(0).sizes()
        return dataclasses.replace(network, shape=tuple(shape))

    @cached_property
    def method(self) -> Any:
        """The loaded network."""
        runtime = needed("executorch.runtime").Runtime.get()
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
    check_calibration(count, images)
    with quietly(), torch.no_grad():
        backend = needed("executorch.backends.xnnpack.partition.xnnpack_partitioner")
        exir = needed("executorch.exir")
        graph: Any = still
        if images is not None:
            pt2e = needed("torchao.quantization.pt2e.quantize_pt2e")
            xnnpack = needed("executorch.backends.xnnpack.quantizer.xnnpack_quantizer")
            scheme = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
            quantizer = xnnpack.XNNPACKQuantizer().set_global(scheme)
            graph = pt2e.prepare_pt2e(torch.export.export(still, (image,)).module(), quantizer)
            for inputs, _ in images.first(count).fed_to(still).batches(1):
                graph(inputs)
            graph = pt2e.convert_pt2e(graph)
        edge = exir.to_edge_transform_and_lower(
            torch.export.export(graph, (image,)), partitioner=[backend.XnnpackPartitioner()]
        )
        content = bytes(edge.to_executorch().buffer)
    return Executorch(content, still, shape, "float32" if images is None else "int8")

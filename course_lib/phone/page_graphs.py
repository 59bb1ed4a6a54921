"""The graph in a `.plants` file: for one image, with the names that the page uses, and harmless.

>>> from course_lib import engines, models
>>> given = engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 64, 64))
>>> made = engines.Onnx(for_one_image(given.content, 3), None, given.shape, given.kind)
>>> check(made, 3)
>>> made.batch
1
"""

from typing import Any

from course_lib.deploy import budgets, graphs
from course_lib.deploy.engines import Onnx
from course_lib.phone.page_shared import VALUES

LIMITS = budgets.Limits(
    bare=VALUES["MOST_BARE"],
    weights=VALUES["LARGEST"],
    memory=VALUES["MOST_MEMORY"],
    steps=VALUES["MOST_STEPS"],
    folded=VALUES["MOST_FOLDED"],
)
FLOAT32 = 1  # ONNX's number of the type


def for_one_image(content: bytes, classes: int) -> bytes:
    """The graph stripped, for a batch of one, with the names that the page uses."""
    model = graphs.parsed(graphs.strip(content))
    graph = model.graph
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ValueError(
            f"the network must have one input and one output, got {len(graph.input)} and "
            f"{len(graph.output)}"
        )
    (given,), (answer,) = graph.input, graph.output
    names = {given.name: "images", answer.name: "logits"}
    for value, shape in ((given, graphs.image_shape(model)), (answer, (classes,))):
        value.name = names[value.name]
        dims = value.type.tensor_type.shape
        del dims.dim[:]
        for side in (1, *shape):
            dims.dim.add(dim_value=side)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return graphs.serialised(model)


def check(network: Onnx, classes: int) -> None:
    """Raise ValueError unless the graph is harmless and turns one image into logits.

    What it costs is counted before ONNX Runtime has it; page/budgets.js does the same.
    """
    budgets.check_bare(network.content, LIMITS)
    graph = graphs.parsed(network.content)
    budgets.check_graph(graph)
    if graphs.image_shape(graph) != network.shape:
        raise ValueError(
            f"its graph takes images of {graphs.image_shape(graph)}, its header says "
            f"{network.shape}"
        )
    cost = budgets.check_run(graph, LIMITS)
    wanted = [("images", [1, *network.shape]), ("logits", [1, classes])]
    _compare(_declared(graph), wanted)
    _compare([wanted[0], *((name, list(shape)) for name, shape in cost.answers.items())], wanted)
    network.try_once()
    session = network.session
    ends = (*session.get_inputs(), *session.get_outputs())
    _compare(
        [(end.name if end.type == "tensor(float)" else end.type, end.shape) for end in ends], wanted
    )


def _declared(graph: Any) -> list[tuple[str, list[int]]]:
    """What the graph says of its inputs and outputs: names and shapes, of those of float32."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    found = []
    for value in (*graph.graph.input, *graph.graph.output):
        kind = value.type.tensor_type
        if value.name not in stored:
            name = value.name if kind.elem_type == FLOAT32 else f"{value.name}, no float32"
            found.append((name, [side.dim_value for side in kind.shape.dim]))
    return found


def _compare(found: list[tuple[str, list[int]]], wanted: list[tuple[str, list[int]]]) -> None:
    if found != wanted:
        raise ValueError(
            f"its graph must turn images {wanted[0][1]} into logits {wanted[1][1]}, one number "
            f"for each class; got {', '.join(f'{name} {shape}' for name, shape in found)}"
        )

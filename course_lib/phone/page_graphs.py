"""The graph in a `.plants` file: for one image, with the names that the page uses, and harmless.

>>> from course_lib import engines, models
>>> given = engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 64, 64))
>>> made = engines.Onnx(for_one_image(given.content, 3), None, given.shape, given.kind)
>>> check(made, 3)
>>> made.batch
1
"""

from course_lib.deploy import graphs, packing
from course_lib.deploy.engines import Onnx


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
    """Raise ValueError unless the graph is harmless and turns one image into logits."""
    graph = graphs.parsed(network.content)
    packing.check_graph(graph)
    if graphs.image_shape(graph) != network.shape:
        raise ValueError(
            f"its graph takes images of {graphs.image_shape(graph)}, its header says "
            f"{network.shape}"
        )
    try:
        session = network.session
    except Exception as error:  # ONNX Runtime's own kinds, one for each way to be wrong
        raise ValueError(f"ONNX Runtime cannot run its graph: {str(error)[:200]}") from None
    found = [
        (value.name, value.type, value.shape)
        for value in (*session.get_inputs(), *session.get_outputs())
    ]
    kind = "tensor(float)"
    wanted = [("images", kind, [1, *network.shape]), ("logits", kind, [1, classes])]
    if found != wanted:
        raise ValueError(
            f"its graph must turn images {wanted[0][2]} into logits {wanted[1][2]}, one number "
            f"for each class; got {', '.join(f'{name} {shape}' for name, _, shape in found)}"
        )

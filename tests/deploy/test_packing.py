import contextlib
import itertools
import json
import lzma

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.numpy import save as as_safetensors
from torch import nn

from course_lib import data, engines, models, packing, quantization, scorecard
from course_lib.deploy import entropy_coding, graphs

SHAPE = (3, 32, 32)
WIDTHS = (8, 8, 16, 16, 16, 16)


@pytest.fixture(scope="module")
def networks(noise):
    torch.manual_seed(0)
    simulated = quantization.simulate(models.LeafNet(WIDTHS, classes=3), bits=3)
    plain, integers = quantization.trained_integers(simulated)
    floats = engines.onnx(plain, SHAPE)
    return {
        "float32": floats,
        "int8": engines.int8(floats, noise, 20),
        "3 bits": engines.int8(floats, noise, 20, weights=integers),
    }


@pytest.fixture(scope="module")
def packed(networks):
    return packing.pack(networks["3 bits"])


def repacked(body, version=1):
    """A file whose checksum is right, whatever it holds."""
    header = {"packed": f"{version} {packing._checksum(body)}"}
    return as_safetensors({"network": np.frombuffer(body, np.uint8)}, header)


def with_pressed(pressed, codes=b""):
    return repacked(entropy_coding.number(len(pressed)) + pressed + codes)


def with_graph(model, tables=b"", codes=b""):
    content = graphs.serialised(model)
    content = entropy_coding.number(len(content)) + content + tables
    return with_pressed(lzma.compress(content, **packing.PRESSED), codes)


@pytest.mark.parametrize("kind", ["float32", "int8", "3 bits"])
def test_the_same_outputs_to_the_bit(networks, noise, kind, tmp_path):
    path = packing.save(networks[kind], tmp_path / "deep" / "network.packed")
    restored = packing.load(path)
    inputs, _ = next(noise.batches(9))
    assert torch.equal(restored(inputs), networks[kind](inputs))
    assert restored.content == graphs.strip(networks[kind].content)
    assert (restored.shape, restored.kind) == (SHAPE, networks[kind].kind)
    assert restored.packed_bytes == path.stat().st_size
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_packing_twice_gives_the_same_file(networks, packed):
    assert packing.pack(networks["3 bits"]) == packed
    assert packing.pack(packing.unpack(packed)) == packed


def test_what_is_predictable_is_small(networks, packed):
    sizes = {kind: len(packing.pack(network)) for kind, network in networks.items()}
    weights = sum(p.numel() for p in networks["float32"].network.parameters() if p.ndim > 1)
    # Seven levels take at most log2(7) bits each; a thousand and a half for all else.
    assert sizes["3 bits"] < weights * np.log2(7) / 8 + 1800
    assert sizes["3 bits"] < sizes["int8"] < 0.7 * sizes["float32"]


def test_codebooks_pack_too():
    torch.manual_seed(0)
    network = models.LeNet300100()
    shared, _ = quantization.codebook(network, bits=2)
    count = sum(p.numel() for p in network.parameters())
    assert len(packing.pack(engines.onnx(shared, (1, 28, 28)))) < count * 2 / 8 + 4000


def test_the_scorecard_of_a_restored_network(networks, noise, tmp_path):
    whole = networks["3 bits"]
    path = packing.save(whole, tmp_path / "network.packed")
    images = data.ImageData("noise", noise, noise, noise, ("a", "b", "c"))
    before, after = scorecard.measure_all(
        {"before": whole, "after": packing.load(path)}, images, limit_s=0.2
    )
    assert (before.correct == after.correct).all()
    assert after.packed_bytes == path.stat().st_size < before.packed_bytes
    assert after.file_bytes < before.file_bytes
    assert after.macs == before.macs
    # Biases are zero in this network that was never trained, and the engine leaves them out.
    assert before.params - after.params == sum(WIDTHS)
    assert after.nonzero_params <= after.params
    assert after.energy_mj > 0


# What is no packed network


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        packing.load(tmp_path / "missing.packed")


def test_the_error_names_the_file(tmp_path):
    path = tmp_path / "leaf.packed"
    path.write_bytes(b"a leaf")
    with pytest.raises(ValueError, match=r"leaf\.packed: not a packed network"):
        packing.load(path)


def test_every_byte_counts(packed, networks, noise):
    """A damaged file is refused, or (spaces in the header) restores the same network."""
    rng = np.random.default_rng(0)
    inputs, _ = next(noise.batches(2))
    wanted = networks["3 bits"](inputs)
    refused = 0
    places = [*range(300), *rng.integers(300, len(packed), 200)]
    for place in places:
        damaged = bytearray(packed)
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            restored = packing.unpack(bytes(damaged))
        except ValueError:
            refused += 1
            continue
        assert torch.equal(restored(inputs), wanted)
    assert refused > 0.95 * len(places)


def test_cut_off_anywhere(packed):
    for length in [*range(0, 400, 7), *range(400, len(packed), 97), len(packed) - 1]:
        with pytest.raises(ValueError, match=r"packed network|damaged"):
            packing.unpack(packed[:length])
    with pytest.raises(ValueError, match="packed network"):
        packing.unpack(packed + b"more")


def test_a_later_format(packed):
    with pytest.raises(ValueError, match="packed in format 2, this version"):
        packing.unpack(repacked(packing._body(packed), version=2))


def test_other_safetensors(packed):
    other = as_safetensors({"weight": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="another safetensors file"):
        packing.unpack(other)
    body = np.frombuffer(packing._body(packed), np.uint8)
    header = {"packed": f"1 {packing._checksum(body.tobytes())}"}
    with pytest.raises(ValueError, match="damaged"):
        packing.unpack(as_safetensors({"network": body, "more": body}, header))


def test_garbage_with_a_right_checksum(packed):
    """As someone would make who wants to harm: an error each time, never a crash or a hang."""
    rng, content = np.random.default_rng(1), entropy_coding.Tables(packing._body(packed))
    pressed = content.take(content.number())
    inflated, whole = packing._inflated(pressed), content.take(content.left)
    for _ in range(150):
        damaged = bytearray(inflated)
        for place in rng.integers(0, len(damaged), int(rng.integers(1, 6))):
            damaged[place] = int(rng.integers(256))
        hostile = with_pressed(lzma.compress(bytes(damaged), **packing.PRESSED), whole)
        try:
            restored = packing.unpack(hostile)
        except ValueError:
            continue
        assert (
            restored.shape[0] > 0
        )  # another network, and a valid one: the checksum was made for it
    for codes in (b"", whole[:8], rng.bytes(len(whole)), b"x"):
        try:
            packing.unpack(with_pressed(pressed, codes))
        except ValueError:
            continue


def small_model(*nodes, tensors=()):
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *SHAPE])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "g", [given], [out], list(tensors))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_a_tensor_larger_than_all_memory():
    huge = TensorProto(name="w", dims=[2**20, 2**20], data_type=TensorProto.FLOAT)
    model = small_model(helper.make_node("Add", ["images", "w"], ["logits"]), tensors=[huge])
    with pytest.raises(ValueError, match=r"would take .* more than"):
        packing.unpack(with_graph(model))
    huge.dims[0] = -1
    model.graph.initializer[0].CopyFrom(huge)
    with pytest.raises(ValueError, match="cannot be"):
        packing.unpack(with_graph(model))


@pytest.mark.long
def test_a_bomb_of_zeros():
    (kind,) = packing.PRESSED["filters"]
    quick = {"mode": lzma.MODE_FAST, "mf": lzma.MF_HC3, "nice_len": 273, "depth": 1}
    bomb = lzma.compress(bytes(257 * 2**20), **{**packing.PRESSED, "filters": [kind | quick]})
    assert len(bomb) < 2**20
    with pytest.raises(ValueError, match="unreasonably large"):
        packing.unpack(with_pressed(bomb))
    with pytest.raises(ValueError, match=r"packed network|graph|tables"):
        packing.unpack(with_pressed(b"no graph"))


def test_a_graph_that_reads_files(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(3 * 32 * 32 * 4))
    tensor = TensorProto(name="w", dims=SHAPE, data_type=TensorProto.FLOAT)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(tmp_path / "secret"))
    model = small_model(helper.make_node("Add", ["images", "w"], ["logits"]), tensors=[tensor])
    with pytest.raises(ValueError, match="read another file"):
        packing.unpack(with_graph(model))


@pytest.mark.parametrize(("node", "message"), [
    (helper.make_node("ConstantOfShape", ["images"], ["logits"]), "ConstantOfShape; a packed"),
    (helper.make_node("Relu", ["images"], ["logits"], domain="evil"), "evil"),
    (helper.make_node("MaxPool", ["images"], ["logits"], kernel_shape=[2**30, 1]), "beyond 4096"),
    (helper.make_node("Relu", ["nowhere"], ["logits"]), "ONNX Runtime cannot run"),
])  # fmt: skip
def test_a_graph_that_does_more_than_it_should(node, message):
    with pytest.raises(ValueError, match=message):
        packing.unpack(with_graph(small_model(node)))


@pytest.mark.parametrize(("count", "fits"), [(10_000, True), (10_001, False)])
def test_a_graph_has_at_most_ten_thousand_operations(count, fits):
    names = ["images", *(f"v{n}" for n in range(count - 1)), "logits"]
    model = small_model(*(helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)))
    refused = pytest.raises(ValueError, match=f"{count:,} operations, all known; .* at most 10,000")
    with contextlib.nullcontext() if fits else refused:
        packing.check_graph(model)


@pytest.mark.parametrize(("setting", "fits"), [(4096, True), (4097, False), (-4097, False)])
def test_a_setting_is_at_most_4096(setting, fits):
    model = small_model(helper.make_node("MaxPool", ["images"], ["logits"], kernel_shape=[setting]))
    refused = pytest.raises(ValueError, match="kernel_shape of its MaxPool is beyond 4096")
    with contextlib.nullcontext() if fits else refused:
        packing.check_graph(model)


def test_networks_that_do_more_cannot_be_packed():
    class Sorting(nn.Module):
        def forward(self, images):
            return images.flatten(1).sort(1).values[:, :4]

    with pytest.raises(ValueError, match="a packed network has at most"):
        packing.pack(engines.onnx(Sorting(), SHAPE))


def test_the_header_is_text_that_anyone_can_read(packed):
    length = int.from_bytes(packed[:8], "little")
    header = json.loads(packed[8 : 8 + length])
    assert header["__metadata__"]["packed"].startswith("1 ")
    assert onnx.load_from_string(packing.unpack(packed).content).graph.node


def test_where_the_bytes_go(packed, networks, tmp_path):
    contents = packing.inspect(packed)
    assert contents.bytes == len(packed)
    parts = {part.name: part for part in contents.parts}
    assert parts["conv 8 to 16, 3×3"].values == 8 * 16 * 9
    assert parts["conv 16 to 16, 3×3 (2)"].levels <= 7
    assert parts["linear 16 to 3"].values == 48
    assert list(parts)[-2:] == ["graph, small tensors", "container"]
    assert all(part.bytes > 0 for part in contents.parts)
    assert f"{len(packed):,} bytes" in str(contents)
    linear = parts["linear 16 to 3"]
    said = next(line for line in str(contents).splitlines() if line.startswith("linear"))
    assert said.endswith(
        f"48 numbers, {linear.levels} different, {linear.zeros / 48:.0%} zero, "
        f"{linear.bytes * 8 / 48:.1f} bits each"
    )
    path = packing.save(networks["3 bits"], tmp_path / "network.packed")
    assert packing.inspect(path) == contents
    picture = contents.picture()
    assert "conv 8 to 16" in picture.alt
    assert picture.png().startswith(b"\x89PNG")

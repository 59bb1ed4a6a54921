import dataclasses
import gzip
import hashlib
import json
import zlib

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from course_lib import data, engines, models, packing
from course_lib.deploy import graphs
from course_lib.images.normalisation import Normalisation
from course_lib.phone import page_models
from course_lib.phone.rejection import Rule

CLASSES = ("ash", "elm", "öak 🌳")
RULE = Rule(1.5, 0.6, 4.0)
FACTS = {"accuracy": 0.97, "accuracy_low": 0.96, "accuracy_high": 0.98, "file_bytes": 10_562,
         "checkpoint_bytes": 4_608_496, "energy_mj": 0.012, "energy_is_estimate": True,
         "macs": 6_000_000, "recipe": "prune, round, distil"}  # fmt: skip


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 32, 32))


@pytest.fixture(scope="module")
def model(network):
    return page_models.of(network, CLASSES, "after", RULE, FACTS, name="trees", about="Three.")


@pytest.fixture(scope="module")
def packed(model):
    return page_models.pack(model)


def parts(packed):
    """(header, graph) of a file's bytes, read as the format's description says."""
    whole = gzip.decompress(packed)
    length = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def joined(header, content, length=None):
    """A file with this header, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    return gzip.compress(length.to_bytes(8, "little") + text + content)


def changed(packed, **values):
    header, content = parts(packed)
    return joined(header | values, content)


def with_graph(packed, graph):
    content = graph if isinstance(graph, bytes) else graphs.serialised(graph)
    header, _ = parts(packed)
    digest = hashlib.sha256(content).hexdigest()
    return joined(header | {"onnx_bytes": len(content), "sha256": digest}, content)


# What is written


def test_a_model_comes_back_as_it_was(model, tmp_path):
    path = page_models.save(model, tmp_path / "deep" / "trees.plants")
    assert page_models.load(path) == model
    assert [each.name for each in path.parent.iterdir()] == ["trees.plants"]


def test_the_header_is_the_one_of_the_format(packed, model):
    header, content = parts(packed)
    assert list(header) == ["format", "name", "role", "classes", "groups", "shape", "mean", "scale",
                            "unsure", "facts", "about", "onnx_bytes", "sha256"]  # fmt: skip
    assert header["format"] == 1
    assert (header["name"], header["role"], header["about"]) == ("trees", "after", "Three.")
    assert header["classes"] == list(CLASSES)
    assert header["groups"] is None
    assert (header["shape"], header["mean"], header["scale"]) == ([3, 32, 32], 127.5, 63.75)
    assert header["unsure"] == {"temperature": 1.5, "probability": 0.6, "evidence": 4.0}
    assert header["facts"] == {"kind": "float32", **FACTS}
    assert header["onnx_bytes"] == len(content) == len(model.content)
    assert header["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_graph_is_for_one_image_and_answers_the_same_to_the_bit(network, model):
    graph = onnx.load_from_string(model.content).graph
    (given,), (answer,) = graph.input, graph.output
    assert (given.name, answer.name) == ("images", "logits")
    assert [d.dim_value for d in given.type.tensor_type.shape.dim] == [1, 3, 32, 32]
    assert [d.dim_value for d in answer.type.tensor_type.shape.dim] == [1, 3]
    images = torch.randn(4, 3, 32, 32)
    assert model.network.batch == 1
    for image in images.split(1):
        assert torch.equal(model.network(image), network(image))
    assert len(model.content) < len(network.content)  # stripped


def test_a_packed_network_keeps_its_weights_to_the_bit(network):
    restored = packing.unpack(packing.pack(network))
    model = page_models.of(restored, CLASSES, "after", RULE, name="trees")
    weights = {t.name: t.raw_data for t in restored.graph.initializer}
    ours = {t.name: t.raw_data for t in onnx.load_from_string(model.content).graph.initializer}
    assert ours == weights


def test_the_same_model_gives_the_same_bytes(network, model, packed):
    again = page_models.of(network, CLASSES, "after", RULE, FACTS, name="trees", about="Three.")
    assert page_models.pack(again) == packed
    assert packed[4:8] == bytes(4)  # no time
    assert page_models.pack(page_models.unpack(packed)) == packed


def test_images_give_name_classes_and_groups(network):
    pixels = np.zeros((30, 32, 32, 3), np.uint8)
    given = data.from_arrays(pixels, ["ash", "elm", "oak"] * 10, name="trees")
    grouped = dataclasses.replace(given, groups=(0, 0, 1), group_names=("soft", "hard"))
    model = page_models.of(network, grouped, "before", RULE)
    assert (model.name, model.classes) == ("trees", ("ash", "elm", "oak"))
    assert model.groups == ("soft", "soft", "hard")
    assert page_models.of(network, given, "before", RULE).groups is None


def test_a_rule_with_more_in_it_comes_back_whole(network):
    square = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    rule = Rule(1.0, 0.5, 2.0, {"weights": square, "bias": (0, 0, 0), "directions": square,
                                "match": 0.5}, turns=4)  # fmt: skip
    model = page_models.of(network, CLASSES, "after", rule, name="trees")
    assert page_models.unpack(page_models.pack(model)).unsure == rule


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"role": "middle"}, "role must be 'before' or 'after'"),
        ({"name": ""}, "name must not be empty"),
        ({"name": "half \ud83c"}, "name must be a text"),
        ({"classes": ("one",)}, "2 to 10,000 names, got 1"),
        ({"classes": ("ash", "")}, "classes must be names, got ''"),
        ({"classes": ("ash", 3)}, "classes must be names, got 3"),
        ({"groups": ("soft",)}, "one for each of 3 classes, got 1"),
        ({"shape": (1, 32, 32)}, r"shape must be \(3, S, S\)"),
        ({"shape": (3, 32, 48)}, r"shape must be \(3, S, S\)"),
        ({"shape": (3, 8, 8)}, "16 to 512 pixels"),
        ({"shape": (3, 600, 600)}, "16 to 512 pixels"),
        ({"shape": (3, 32.0, 32.0)}, "16 to 512 pixels"),
        ({"normalisation": Normalisation((1, 2), (1, 2))}, "one for each of 3"),
        ({"unsure": None}, "unsure must be a rejection.Rule"),
        ({"facts": page_models.Facts(accuracy=97.0)}, "accuracy of the facts"),
        ({"facts": page_models.Facts(macs=-1)}, "macs of the facts"),
        ({"facts": page_models.Facts(macs=2**60)}, "macs of the facts"),
        ({"facts": page_models.Facts(energy_mj=float("inf"))}, "energy_mj of the facts"),
        ({"facts": page_models.Facts(energy_is_estimate=1)}, "energy_is_estimate of the facts"),
        ({"facts": page_models.Facts(recipe=3)}, "recipe of the facts"),
    ],
)
def test_what_no_file_may_hold_is_named(model, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(model, **change)


def test_networks_that_do_not_fit_are_named(network):
    with pytest.raises(ValueError, match=r"logits \[1, 2\]|and there are 2 classes"):
        page_models.of(network, ("ash", "elm"), "after", RULE, name="trees")
    with pytest.raises(ValueError, match=r"facts must be among kind, .* got acuracy"):
        page_models.of(network, CLASSES, "after", RULE, {"acuracy": 1.0}, name="trees")


def test_grey_networks_are_refused():
    grey = engines.onnx(models.LeNet300100(3).eval(), (1, 28, 28))
    with pytest.raises(ValueError, match=r"in colour as the camera gives it, got \(1, 28, 28\)"):
        page_models.of(grey, CLASSES, "after", RULE, name="digits")


# What is read


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        page_models.load(tmp_path / "none.plants")


def test_the_message_names_the_file(tmp_path):
    (tmp_path / "x.plants").write_bytes(b"no gzip")
    with pytest.raises(ValueError, match=r"x.plants: not a model file of the page"):
        page_models.load(tmp_path / "x.plants")


def test_a_file_cut_off_anywhere_is_refused(packed):
    ends = {*range(60), *range(60, len(packed), 97), *range(len(packed) - 12, len(packed))}
    for end in ends:
        with pytest.raises(ValueError, match=r"only a part|not a model file"):
            page_models.unpack(packed[:end])


def test_flipped_bits_are_refused(packed, model):
    random = np.random.default_rng(0)
    places = {*range(len(packed[:40])), *random.integers(0, len(packed), 150).tolist()}
    for place in places:
        broken = bytearray(packed)
        broken[place] ^= 1 << int(random.integers(8))
        try:
            found = page_models.unpack(bytes(broken))
        except ValueError:
            continue
        assert place < 10  # gzip's own time and system, which mean nothing here
        assert found == model


def test_a_flipped_bit_of_the_network_is_another_checksum(packed):
    header, content = parts(packed)
    broken = bytearray(content)
    broken[len(broken) // 2] ^= 1
    with pytest.raises(ValueError, match="the network in it is damaged: its checksum is another"):
        page_models.unpack(joined(header, bytes(broken)))
    with pytest.raises(ValueError, match="checksum is another"):
        page_models.unpack(joined(header, content + b"more"))


def test_something_behind_the_end_is_refused(packed):
    with pytest.raises(ValueError, match="something follows its end"):
        page_models.unpack(packed + b"\0")
    with pytest.raises(ValueError, match="something follows its end"):
        page_models.unpack(packed + packed)


def test_a_later_format_names_what_is_needed(packed):
    with pytest.raises(ValueError, match=r"format 2, this version .* reads format 1; install"):
        page_models.unpack(changed(packed, format=2))
    for odd in (None, "1", True, 0, [1], {"a": 1}):
        with pytest.raises(ValueError, match="written in format"):
            page_models.unpack(changed(packed, format=odd))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": "abc"}, "must hold classes, a list of names"),
        ({"classes": ["a", ["b"], "c"]}, "classes must be names"),
        ({"classes": ["a", "b"]}, "its graph must turn images"),
        ({"groups": [1, 2, 3]}, "groups must be names"),
        ({"shape": [3, 64, 64]}, "its header says"),
        ({"shape": [3, 1e999, 1e999]}, "16 to 512 pixels"),
        ({"shape": [[3], {}, None]}, "16 to 512 pixels"),
        ({"shape": []}, "16 to 512 pixels"),
        ({"mean": "127"}, "must hold mean, a number"),
        ({"mean": True}, "must hold mean, a number"),
        ({"mean": [True]}, "mean must be a finite number"),
        ({"mean": [1, 2, 3]}, "mean and scale must be as many"),
        ({"mean": [1, 2], "scale": [1, 2]}, "one mean for all channels or one for each of 3"),
        ({"scale": [[1], [2], [3]], "mean": [1, 2, 3]}, "scale must be a finite number"),
        ({"scale": 10**400}, "finite"),
        ({"scale": 0.0}, "every scale above 0"),
        ({"mean": float("nan")}, "mean must be a finite number"),
        ({"unsure": {}}, "no whole rule"),
        ({"unsure": {"temperature": 0, "probability": 0.5, "evidence": 1}}, "temperature"),
        ({"unsure": {"temperature": 1, "probability": 2, "evidence": 1}}, "probability"),
        ({"unsure": {"temperature": 1, "probability": 0.5, "evidence": None}}, "evidence"),
        ({"unsure": [1, 2, 3]}, "must hold unsure, an object"),
        ({"facts": None}, "must hold facts, an object"),
        ({"facts": {"macs": "many"}}, "macs of the facts"),
        ({"about": None}, "must hold about, a text"),
        ({"about": "\ud83c"}, "about must be a text"),
        ({"onnx_bytes": -1}, "checksum is another"),
        ({"onnx_bytes": 1.5}, "must hold onnx_bytes, a number"),
        ({"sha256": "0" * 64}, "checksum is another"),
        ({"role": "AFTER"}, "role must be"),
    ],
)
def test_lies_in_the_header_are_named(packed, values, message):
    with pytest.raises(ValueError, match=message):
        page_models.unpack(changed(packed, **values))


def test_every_key_is_needed_but_facts_may_be_few_and_others_are_passed_over(packed, model):
    header, content = parts(packed)
    for key in header:
        with pytest.raises(ValueError, match="format" if key == "format" else key):
            page_models.unpack(joined({k: v for k, v in header.items() if k != key}, content))
    loose = header | {"facts": {"accuracy": 0.9, "taste": "sweet"}, "made_by": "someone"}
    found = page_models.unpack(joined(loose, content))
    assert found.facts == page_models.Facts(accuracy=0.9)


@pytest.mark.parametrize("text", [b"{{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 9999])
def test_a_header_that_is_no_json_object_is_refused(packed, text):
    with pytest.raises(ValueError, match="header"):
        page_models.unpack(joined(text, parts(packed)[1]))


@pytest.mark.parametrize("length", [0, 1, 2**20 + 1, 2**32, 2**64 - 1])
def test_a_header_of_any_length_is_refused(packed, length):
    with pytest.raises(ValueError, match="not a model file of the page, or only a part"):
        page_models.unpack(joined(b"{}", b"", length))


def test_a_bomb_is_refused_before_it_fills_the_memory():
    deflate = zlib.compressobj(9, wbits=31)
    zeros = bytes(2**20)
    bomb = b"".join(deflate.compress(zeros) for _ in range(200)) + deflate.flush()
    assert len(bomb) < 2**20
    with pytest.raises(ValueError, match="unpacks to more than 67 MB"):
        page_models.unpack(bomb)


def test_a_file_too_large_is_not_read(tmp_path):
    path = tmp_path / "large.plants"
    with path.open("wb") as file:
        file.truncate(page_models.LARGEST + 1)  # takes no room on the disk
    with pytest.raises(ValueError, match="larger than 67 MB"):
        page_models.load(path)


def test_texts_too_long_are_not_written(model):
    with pytest.raises(ValueError, match="names and texts take"):
        page_models.pack(dataclasses.replace(model, about="x" * 2**20))


def test_graphs_that_do_more_than_a_network_are_refused(packed):
    for graph, message in ((b"no graph", "not an ONNX graph"), (b"", "it must take images")):
        with pytest.raises(ValueError, match=message):
            page_models.unpack(with_graph(packed, graph))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])

    def refused(node, message):
        graph = helper.make_graph([node], "g", [images], [logits])
        with pytest.raises(ValueError, match=message):
            page_models.unpack(with_graph(packed, helper.make_model(graph)))

    refused(helper.make_node("Expand", ["images", "images"], ["logits"]), "Expand")
    refused(helper.make_node("Relu", ["nothing"], ["logits"]), "cannot run its graph")
    refused(helper.make_node("Relu", ["images"], ["logits"]), "cannot run|must turn images")


def test_a_graph_for_many_images_is_refused(network, packed):
    with pytest.raises(ValueError, match=r"must turn images \[1, 3, 32, 32\] into logits"):
        page_models.unpack(with_graph(packed, network.content))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_a_model_or_a_value_error(content, zipped):
    with pytest.raises(ValueError):  # noqa: PT011 (whichever of them comes first)
        page_models.unpack(gzip.compress(content) if zipped else content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(["name", "role", "classes", "groups", "shape", "mean", "scale",
                            "unsure", "facts", "about", "onnx_bytes", "sha256", "format"]),
       value=json_values)  # fmt: skip
def test_any_value_in_the_header_gives_a_model_or_a_value_error(packed, key, value):
    try:
        found = page_models.unpack(changed(packed, **{key: value}))
    except ValueError:
        return
    assert page_models.unpack(page_models.pack(found)) == found

"""The page's JavaScript, in Node: what computes without a page gives what Python computes.

    python tests/phone/test_javascript.py

formats it, and its tests in tests/phone/javascript, with prettier.
"""

import base64
import contextlib
import dataclasses
import gzip
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import course_lib
from course_lib import app, engines, rejection
from course_lib.deploy import budgets, graphs, shapes
from course_lib.images.normalisation import IMAGENET as BY_CHANNEL
from course_lib.images.normalisation import Normalisation
from course_lib.phone import page_folder, page_models, page_runtime, page_shared

TESTS = Path(__file__).parent / "javascript"
PRETTIER_VERSION = "3.10.1"
PRETTIER = {  # what formats, without plugins for other languages, and its SHA-256
    "standalone.mjs": "6dec74d81fa80479a63d7a171df54fedcb59aaba6821aa516529d4a35f5a6c25",
    "plugins/babel.mjs": "d82a23d0b9107c6d18325c0a00bf3c31688dd99683496cd49d919c8bebb795f7",
    "plugins/estree.mjs": "312e5ed5503dfa31efd644a00d053acd97dae1305a94c9a443ba98023775af56",
    "plugins/html.mjs": "c2007a16f0f53b11b676ffcfc097e83a2075cc12ec9dafb131a5625a1d35b60f",
    "plugins/postcss.mjs": "d041ddaacba63eaade8520a799d19a2fdef2d90491c37bb3dfa5f03c256aeb87",
}
KINDS = ("*.js", "*.mjs", "*.css", "*.html")
RULE = {"temperature": 1.5, "probability": 0.6, "evidence": 4.0}


def node(*arguments, **environment):
    """Run Node, the one that Playwright brings: the same version everywhere."""
    with contextlib.suppress(ImportError):
        from playwright._impl._driver import compute_driver_executable

        program = compute_driver_executable()[0]
        return subprocess.run(
            [program, *map(str, arguments)], env=os.environ | environment, capture_output=True,
            encoding="utf-8", timeout=300,
        )  # fmt: skip
    return pytest.skip("no Node here: `pip install playwright` brings one")


# How it is written


def formatted(what, *folders):
    """prettier's answer: the files that are not formatted; with --write they are rewritten."""
    try:
        prettier = page_runtime.fetched(
            f"page-prettier-{PRETTIER_VERSION}", PRETTIER, "prettier", TESTS / "npm"
        )
    except page_runtime.Missing as problem:
        pytest.skip(str(problem))
    files = sorted(file for folder in folders for kind in KINDS for file in folder.glob(kind))
    done = node(TESTS / "format.mjs", prettier, what, *files)
    assert not done.stderr, done.stderr
    return done


def test_it_is_formatted():
    done = formatted("--check", page_folder.PAGE, TESTS)
    assert done.returncode == 0, f"{done.stdout}`python tests/{Path(__file__).name}` formats them"


def test_files_that_are_not_formatted_are_named_and_rewritten(tmp_path):
    wide = f"f({', '.join(f'argument{i}' for i in range(8))});\n"
    texts = {"a.js": "const  a = 1", "b.css": "b{margin :0}", "c.html": "<p>a<p>b", "d.mjs": wide}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    done = formatted("--check", tmp_path)
    assert done.returncode == 1
    assert [Path(line).name for line in done.stdout.splitlines()] == ["a.js", "b.css", "c.html"]
    assert (tmp_path / "a.js").read_text() == texts["a.js"]
    assert formatted("--write", tmp_path).returncode == 0
    assert formatted("--check", tmp_path).returncode == 0
    assert (tmp_path / "a.js").read_text() == "const a = 1;\n"
    assert (tmp_path / "d.mjs").read_text() == wide  # 89 letters


def test_prettier_is_asked_for_by_version_and_checksum_and_no_address():
    text = (TESTS / "npm" / "package-lock.json").read_text()
    found = json.loads(text)["packages"]["node_modules/prettier"]
    assert found["version"] == PRETTIER_VERSION
    assert found["integrity"].startswith("sha512-")
    assert "://" not in text.replace(found["funding"]["url"], "")
    asked = json.loads((TESTS / "npm" / "package.json").read_text())
    assert asked["devDependencies"] == {"prettier": PRETTIER_VERSION}


# What it computes


@pytest.mark.long
def test_it_computes_what_python_computes(tmp_path, packed):
    page = tmp_path / "page"
    shutil.copytree(page_folder.PAGE, page, ignore=shutil.ignore_patterns("*.png", "npm"))
    (page / "runtime").mkdir()
    shutil.copyfile(TESTS / "runtime.mjs", page / "runtime" / "ort.wasm.bundle.min.mjs")
    given = tmp_path / "given.json"
    given.write_text(json.dumps(made(packed)))
    options = ["--test", "--test-isolation=none", "--test-reporter=tap"]
    tests = sorted(TESTS.glob("*.test.mjs"))
    done = node(*options, *tests, PAGE=str(page), GIVEN=str(given))
    failed = [part for part in done.stdout.split("# Subtest: ") if "\nnot ok" in part]
    assert done.returncode == 0, "\n".join(failed)[:6000] + done.stderr[-2000:]
    counts = dict(re.findall(r"(?m)^# (pass|tests) (\d+)$", done.stdout))
    assert int(counts["pass"]) == int(counts["tests"]) > 100


def made(packed):
    """What the tests in Node are given: inputs, and what Python computes of them."""
    return {
        "shared": page_shared.VALUES,
        "decisions": _decisions(),
        "pictures": _pictures(),
        "inputs": _inputs(),
        "turns": _turns(),
        "timings": _timings(),
        "header": _parts(packed["after"])[0],
        "files": list(_files(packed["after"])),
        "rules": _rules(),
        "weights": shapes.WEIGHTS,
        "filled": [
            {"operation": operation, "weight": weight, "numbers": shapes.filled(operation, weight)}
            for operation in ("Conv", "MatMul")
            for weight in ([1, 3, 5, 5], [16, 17, 1, 1], [3, 20, 1], [33, 7], [5])
        ],
        "operations": sorted(budgets.OPERATIONS),
        "pair": {role: _text(file) for role, file in packed.items()},
    }


def _rules():
    """Operations on shapes, and what Python's rules say of them: a shape and steps, or nothing."""
    image, weights = [1, 3, 64, 48], [16, 3, 3, 3]
    cases = [
        ("Conv", [image, weights, [16]], {"pads": [1, 1, 0, 2], "strides": [2, 3]}, []),
        ("Conv", [image, weights], {"dilations": [2, 1], "auto_pad": "VALID"}, []),
        ("Conv", [image, weights], {"auto_pad": "SAME_UPPER", "strides": [3, 3]}, []),
        ("Conv", [image, [3, 1, 5, 5]], {"group": 3}, []),
        ("Conv", [image, [4, 1, 5, 5]], {"group": 3}, []),
        ("Conv", [image, weights], {"pads": [-1, 0, 0, 0]}, []),
        ("Conv", [image, weights], {"kernel_shape": [5, 5]}, []),
        ("Conv", [image, [16, 3, 99, 3]], {}, []), ("Conv", [image], {}, []),
        ("QLinearConv", [image, [], [], weights], {"strides": [2, 2]}, []),
        *(("MaxPool", [[1, 4, side, 9]], {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1,
           "pads": [1, 0, 1, 1]}, []) for side in (3, 7, 8, 9)),
        ("AveragePool", [image], {"kernel_shape": [64, 48]}, []), ("AveragePool", [image], {}, []),
        ("MaxPool", [image], {"kernel_shape": 3}, []), ("GlobalAveragePool", [image], {}, []),
        ("QLinearGlobalAveragePool", [image], {"channels_last": 1}, []),
        ("Gemm", [[1, 8], [5, 8], [5]], {"transB": 1}, []), ("Gemm", [[1, 8], [5, 8]], {}, []),
        ("QGemm", [[8, 2], [], [], [8, 3]], {"transA": 1}, []),
        ("MatMul", [[2, 1, 4, 5], [3, 5, 6]], {}, []), ("MatMul", [[5], [5, 6]], {}, []),
        ("MatMul", [[4, 5], [5]], {}, []), ("MatMul", [[5], [5]], {}, []),
        ("MatMul", [[4, 5], [6, 5]], {}, []), ("MatMul", [[4, 5], []], {}, []),
        ("QLinearMatMul", [[1, 4], [], [], [4, 7]], {}, []),
        ("Add", [[4, 1, 3], [5, 3]], {}, []), ("Mul", [[4], [3]], {}, []),
        ("Sub", [[], [2]], {}, []),
        ("QLinearAdd", [image, [], [], [3, 1, 1]], {}, []), ("Add", [image], {}, []),
        ("Relu", [image], {}, []), ("Clip", [image, None, []], {}, []), ("Relu", [None], {}, []),
        ("Flatten", [image], {"axis": 2}, []), ("Flatten", [image], {"axis": -1}, []),
        ("Flatten", [image], {"axis": 4}, []), ("Flatten", [image], {"axis": 5}, []),
        *(("Reshape", [image, [len(to)]], {}, [None, to])
          for to in ([-1, 3], [0, -1], [1, 9216], [-1, -1], [7, -1], [0, 0, 0, 0, 1], [], [-2, 3])),
        ("Reshape", [image, [2]], {}, [None, None]),
        ("Reshape", [image, [2]], {"allowzero": 1}, [None, [0, -1]]),
        ("Squeeze", [[1, 5, 1]], {}, []), ("Squeeze", [[1, 5, 1], [1]], {}, [None, [-1]]),
        ("Squeeze", [[1, 5, 1]], {"axes": [1]}, []), ("Squeeze", [[1, 5], [1]], {}, [None, None]),
        ("Squeeze", [[1, 5]], {"axes": 0}, []),
        ("ReduceMean", [image], {"axes": [2, -1], "keepdims": 0}, []),
        ("ReduceMean", [image, [1]], {"keepdims": 1}, [None, [1]]), ("ReduceMean", [image], {}, []),
        ("ReduceMean", [image], {"noop_with_empty_axes": 1, "keepdims": 0}, []),
        ("ReduceMean", [image], {"axes": [4]}, []), ("Transpose", [image], {}, []),
        ("Transpose", [image], {"perm": [0, 2, 3, 1]}, []),
        ("Transpose", [image], {"perm": [0, 0, 1, 2]}, []),
        ("Transpose", [image], {"perm": [0, 1]}, []),
    ]  # fmt: skip
    return [_rule(*case) for case in cases]


def _rule(operation, given, settings, stored):
    coded = {k: v.encode() if isinstance(v, str) else v for k, v in settings.items()}
    at = [None if each is None else tuple(each) for each in given]
    try:
        shape, steps = shapes.result(shapes.Step(operation, at, coded, stored))
        wanted = [list(shape), steps]
    except ValueError:
        wanted = None
    return {"operation": operation, "shapes": given, "settings": settings, "stored": stored,
            "wanted": wanted}  # fmt: skip


def _text(content):
    return base64.b64encode(bytes(content)).decode()


def _decisions():
    """Rules, logits (views, n, classes), and what `unsure.Rule` makes of them."""
    labels = torch.arange(60) % 4
    centres = 4 * torch.eye(4)[labels] + torch.randn(4, 4)[labels]
    views = centres + torch.randn(4, 60, 4)
    fitted = rejection.fit(views, labels, 2 * torch.randn(4, 40, 4), pattern=True)
    assert fitted.pattern is not None
    found = []
    for rule, logits in (
        (rejection.Rule(1.5, 0.6, 2.0), 2 * torch.randn(1, 40, 5)),
        (rejection.Rule(0.3, 0.9, 1.0), torch.randn(2, 40, 3)),
        (fitted, torch.cat([views[:, :40], 3 * torch.randn(4, 40, 4)], 1)),
    ):
        decided, sure = rule.decide(logits)
        parts = zip(
            rule.probabilities(logits).tolist(), rule.evidence_of(logits).tolist(),
            rule.match_of(logits).tolist(), decided.tolist(), sure.tolist(), strict=True,
        )  # fmt: skip
        names = ("shares", "evidence", "match", "label", "sure")
        wanted = [dict(zip(names, each, strict=True)) for each in parts]
        found.append({"rule": rule.as_dict(), "views": logits.tolist(), "wanted": wanted})
    return found


def _pictures():
    """Noise, which shows every weight, and black and white, which goes beyond all levels."""
    random = np.random.default_rng(0)
    found = []
    for width, height, size in (
        (160, 120, 64), (120, 160, 64), (161, 119, 33), (64, 64, 64), (33, 47, 64), (251, 83, 20),
        (75, 250, 64), (30, 200, 64), (1, 50, 16),
    ):  # fmt: skip
        picture = random.integers(0, 256, (height, width, 3), np.uint8)
        if width % 2:
            picture = picture // 128 * 255
        rgba = np.concatenate([picture, np.full((height, width, 1), 255, np.uint8)], -1)
        wanted = app.prepare(picture, size)
        found.append({"width": width, "height": height, "size": size, "rgba": _text(rgba.tobytes()),
                      "wanted": _text(wanted.tobytes())})  # fmt: skip
    return found


def _inputs():
    picture = torch.arange(8 * 8 * 3, dtype=torch.uint8).view(8, 8, 3)
    return [
        {"rgb": _text(picture.numpy().tobytes()), "mean": mean, "scale": scale,
         "wanted": Normalisation(mean, scale)(picture.permute(2, 0, 1)).flatten().tolist()}
        for mean, scale in (
            (127.5, 63.75), (127, 128), (0, 255), (BY_CHANNEL.mean, BY_CHANNEL.scale),
        )
    ]  # fmt: skip


def _turns():
    """As `rejection.answers` turns pictures (n, 3, height, width)."""
    picture = torch.arange(5 * 5 * 3, dtype=torch.uint8).view(5, 5, 3)
    turned = [picture.permute(2, 0, 1).rot90(turn, (1, 2)).permute(1, 2, 0) for turn in range(4)]
    wanted = [_text(each.contiguous().numpy().tobytes()) for each in turned]
    return {"size": 5, "rgb": _text(picture.numpy().tobytes()), "wanted": wanted}


def _timings():
    random = np.random.default_rng(0)
    lists = [random.exponential(8, count).tolist() for count in (1, 2, 5, 10, 11, 37, 60)]
    return [
        {"milliseconds": times, "median": statistics.median(times),
         "p90": float(np.percentile(times, 90, method="inverted_cdf"))}
        for times in lists
    ]  # fmt: skip


# Model files


@pytest.fixture(scope="module")
def packed():
    """The bytes of two model files, by role; their network says how red, green and blue it is."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Flatten", ["means"], ["logits"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "colours", [images], [logits])
    opsets = [helper.make_opsetid("", 20)]
    content = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    network = engines.Onnx(content, None, (3, 32, 32), "float32")
    rule = rejection.Rule(**RULE, turns=4)
    pair = {
        role: page_models.of(network, ("ash", "elm", "öak 🌳"), role, rule, name="trees")
        for role in page_models.ROLES
    }
    return {role: page_models.pack(model) for role, model in pair.items()}


def _parts(packed):
    """(header, graph) of a file's bytes."""
    whole = gzip.decompress(packed)
    length = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def _joined(header, content, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    return gzip.compress(length.to_bytes(8, "little") + text + content)


def _files(packed):
    """{about, file, says}: what the page says of a file is None if it opens it, as Python does."""
    header, content = _parts(packed)
    yield _file("a whole file", packed, None)
    for value, says in (
        ({"format": 2}, "has format 2; this page reads format 1"), ({"format": None}, "no format"),
        ({"name": ""}, "name"), ({"about": None}, "name"), ({"role": "middle"}, "role"),
        ({"classes": ["one"]}, "classes"), ({"classes": ["a", "", "c"]}, "classes"),
        ({"classes": "abc"}, "classes"), ({"classes": [str(i) for i in range(10_001)]}, "classes"),
        ({"groups": ["a"]}, "groups"), ({"groups": ["a", "b", ""]}, "groups"),
        ({"shape": [3, 8, 8]}, "size"), ({"shape": [3, 513, 513]}, "size"), ({"shape": []}, "size"),
        ({"shape": [3, 32, 48]}, "size"), ({"shape": [1, 32, 32]}, "size"), ({"shape": 3}, "size"),
        ({"mean": "127"}, "scale"), ({"scale": 0}, "scale"), ({"scale": -1}, "scale"),
        ({"mean": [1, 2, 3]}, "scale"), ({"mean": [1, 2], "scale": [1, 2]}, "scale"),
        ({"mean": [1, 2, "3"], "scale": [1, 2, 3]}, "scale"), ({"mean": []}, "scale"),
        ({"unsure": {}}, "unsure"), ({"unsure": None}, "unsure"), ({"unsure": [1, 2]}, "unsure"),
        *(({"unsure": RULE | wrong}, "unsure") for wrong in _wrong_rules()),
        ({"facts": None}, "facts"), ({"onnx_bytes": -1}, "no network"),
        ({"onnx_bytes": len(content) + 1}, "cut off"), ({"sha256": "0" * 64}, "not the one"),
    ):  # fmt: skip
        yield _file(f"{value}"[:60], _joined(header | value, content), says)
    for about, file, says in (
        ("no gzip", b"<!doctype html>", "is no model file"), ("nothing", b"", "is no model file"),
        ("half of it", packed[: len(packed) // 2], "cannot be unpacked"),
        ("more behind it", packed + b"more", "cannot be unpacked"),
        ("a flipped bit", _joined(header, content[:-9] + b"x" + content[-8:]), "not the one"),
        ("an empty file, packed", gzip.compress(b""), "ends early"),
        ("a header cut off", _joined(b"{}", b"", 100), "header is cut off"),
        ("a header without end", _joined(b"{}", b"", 2**40), "header is cut off"),
        ("a header too long", _joined(b" " * (page_models.LARGEST_HEADER + 1), b""), "cut off"),
        ("no JSON", _joined(b"{{", content), "no JSON"), 
        ("a list", _joined(b"[]", content), "no object"),
        ("no text", _joined(b"\xff\xfe", content), "no JSON"),
        ("a bomb", gzip.compress(bytes(page_models.LARGEST + 1), 1), "too large"),
    ):  # fmt: skip
        yield _file(about, file, says)
    for about, file, says in _graphs(packed):
        yield _file(about, file, says)


def _graphs(packed):
    """Files whose checksum is right, and whose graph is not for this page, or barely."""
    header, content = _parts(packed)

    def file(*nodes, tensors=(), shape=(1, 3, 32, 32), inner=b"", version=20):
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])
        nodes = [helper.make_node(n, a, b, **settings) for n, a, b, settings in nodes]
        graph = helper.make_graph(nodes, "g", [images], [logits], list(tensors))
        graph.MergeFromString(inner)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", version)], ir_version=10
        )
        return whole(graphs.serialised(model))

    def whole(graph):
        digest = hashlib.sha256(graph).hexdigest()
        return _joined(header | {"onnx_bytes": len(graph), "sha256": digest}, graph)

    def stored(name, *shape, kind=np.float32):
        return numpy_helper.from_array(np.ones(shape, kind), name)

    def pooled(name):
        return ("GlobalAveragePool", [name], ["p"], {}), ("Flatten", ["p"], ["logits"], {})

    column, row = stored("a", 20_000, 1), stored("b", 1, 20_000)
    large = TensorProto(name="w", dims=[2**40], data_type=1, raw_data=b"1234")
    sparse = onnx.SparseTensorProto(values=stored("w", 1), dims=[2**30])
    outside = TensorProto(name="w", dims=[1], data_type=1, data_location=TensorProto.EXTERNAL)
    pads, wide = {"pads": [4096] * 4}, {"kernel_shape": [500, 500], "pads": [499] * 4}
    add = [("Relu", ["images"], ["v0"], {}),
           *(("Add", [f"v{i}", "images"], [f"v{i + 1}"], {}) for i in range(9000))]  # fmt: skip
    mean = ("ReduceMean", ["c"], ["m"], {"keepdims": 0})
    yield "a network", file(*pooled("images")), None
    yield from (
        ("padded to gigabytes", file(("Conv", ["images", "w"], ["v"], pads), *pooled("v"),
            tensors=[stored("w", 3, 3, 1, 1)]), "Conv it takes .* bytes, more than 480,000,000"),
        ("windows without end", file(("MaxPool", ["images"], ["v"], wide), *pooled("v")),
            "MaxPool it takes .* steps, more than 8,589,934,592"),
        ("folded to gigabytes", file(("Add", ["a", "b"], ["c"], {}), mean,
            ("Add", ["images", "m"], ["v"], {}), *pooled("v"), tensors=[column, row]),
            "Add it takes .* bytes, more than"),
        ("folded for seconds", file(("MatMul", ["a", "a"], ["c"], {}), mean,
            ("Add", ["images", "m"], ["v"], {}), *pooled("v"), tensors=[stored("a", 700, 700)]),
            "MatMul it takes .* steps from its weights alone"),
        ("many results", file(*add, *pooled("v9000")), "Add it takes .* bytes"),
        ("a tensor that is not there", file(*pooled("images"), tensors=[large]), "raw data of its"),
        ("a sparse tensor", file(*pooled("images"), inner=onnx.GraphProto(
            sparse_initializer=[sparse]).SerializeToString()), "more than operations and tensors"),
        ("another file", file(*pooled("images"), tensors=[outside]), "read another file"),
        ("empty parts", file(*pooled("images"), inner=b"\x6a\x00" * 2**19), "more than .* parts"),
        ("long names", file(*pooled("images"), inner=onnx.GraphProto(
            doc_string="x" * 2**20).SerializeToString()), "too large"),
        ("other operations", file(("Expand", ["images", "images"], ["v"], {}), *pooled("v")),
            "holds Expand"),
        ("no such input", file(("Relu", ["nothing"], ["v"], {}), *pooled("v")), "reads nothing"),
        ("the same name twice", file(("Relu", ["images"], ["p"], {}), *pooled("p")), "name of its"),
        ("larger settings", file(("MaxPool", ["images"], ["v"], {"kernel_shape": [4097, 1]}),
            *pooled("v")), "kernel_shape of its MaxPool"),
        ("a text as kernel", file(("MaxPool", ["images"], ["v"], {"kernel_shape": "3"}),
            *pooled("v")), "MaxPool has no"),
        ("other images", file(*pooled("images"), shape=(1, 3, 64, 64)), "must turn images"),
        ("any number of images", file(*pooled("images"), shape=("n", 3, 32, 32)), "must turn"),
        ("other logits", file(("Flatten", ["images"], ["logits"], {})), "gives 1,3072, not 1,3"),
        ("no graph", whole(b"no graph"), "end early"), ("nothing", whole(b""), "no network"),
        ("half a graph", whole(content[: len(content) // 2]), "end early|must turn"),
    )  # fmt: skip


def _wrong_rules():
    """Thresholds one step outside of what a rule may hold, and patterns for other classes."""
    for name, limits in (
        ("temperature", "TEMPERATURES"), ("probability", "PROBABILITIES"), ("evidence", "EVIDENCES")
    ):  # fmt: skip
        least, most = page_shared.VALUES[limits]
        yield {name: least - 1e-4}
        yield {name: most + 1e-4}
        yield {name: None}
    yield {"turns": 3}
    square = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    pattern = {"weights": square, "bias": [0, 0, 0], "directions": square, "match": 0.5}
    for wrong in ({"match": 1.1}, {"match": -1.1}, {"bias": [0, 0]}, {"weights": square[:2]},
                  {"directions": [[1, 0], *square[1:]]}, {"weights": [[None, 0, 0], *square[1:]]},
                  ):  # fmt: skip
        yield {"pattern": pattern | wrong}
    two = [[1, 0], [0, 1]]
    yield {"pattern": {"weights": two, "bias": [0, 0], "directions": two, "match": 0.5}}


def _file(about, file, says):
    """Checks first that Python opens it, or refuses it, as the page is to do."""
    if says is None:
        page_models.unpack(file)
    else:
        with pytest.raises(ValueError):  # noqa: PT011 (its own sentence for each)
            page_models.unpack(file)
    return {"about": about, "file": _text(file), "says": says}


# What both languages keep to


@pytest.mark.long
def test_one_file_changes_both_languages(tmp_path, packed):
    """A copy of the library that takes pictures of 16 to 24 pixels, and a model for 32."""
    library = Path(course_lib.__file__).parent
    copy = tmp_path / "course_lib"
    large = shutil.ignore_patterns("weights", "recorded", "checks", "grading", "*.png", "*.pyc")
    shutil.copytree(library, copy, ignore=large)
    page = copy / page_folder.PAGE.relative_to(library)
    shared = page / page_shared.FILE.name
    whole = shared.read_text()
    shared.write_text(whole.replace("[16, 512]", "[16, 24]"))
    assert shared.read_text() != whole
    file = tmp_path / "a.plants"
    file.write_bytes(packed["after"])
    read = f"from {page_models.__name__} import load; load({str(file)!r})"
    python = subprocess.run(
        [sys.executable, "-c", read], capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert "a square of 16 to 24 pixels in colour as the camera gives it, got" in python.stderr
    opened = (
        f"import {{ unpacked }} from {json.dumps((page / 'model.js').as_uri())};"
        f"import {{ readFileSync }} from 'node:fs';"
        f"await unpacked(readFileSync({json.dumps(str(file))}), 'a.plants');"
    )
    javascript = node("--input-type=module", "--eval", opened)
    assert "its pictures have no usable size" in javascript.stderr


def test_a_value_that_python_cannot_read_is_named(tmp_path):
    file = tmp_path / "shared.js"
    file.write_text('// Words\n\nexport const A = [1, 2_000]; // two\nexport const B = "b";\n')
    assert page_shared.read(file) == {"A": [1, 2000], "B": "b"}
    for line in ("export const A = 2 ** 20;", "const B = 1;", "export const C = [", "let c = d;"):
        file.write_text(f"export const A = 1;\n{line}\n")
        with pytest.raises(ValueError, match=r"shared\.js has the line .*Python reads"):
            page_shared.read(file)


def test_a_pattern_of_other_classes_is_no_rule_of_this_network(packed):
    model = page_models.unpack(packed["after"])
    two = ((1.0, 0.0), (0.0, 1.0))
    rule = rejection.Rule(**RULE, pattern=rejection.Pattern(two, (0.0, 0.0), two, 0.5))
    with pytest.raises(ValueError, match="pattern of 2 classes, and there are 3; calibrate"):
        dataclasses.replace(model, unsure=rule)


def test_what_a_graph_may_hold_is_the_same_in_both_languages():
    """Their names and numbers stand twice: budgets.js reads no file of Python's."""
    text = (Path(page_folder.__file__).with_name("page") / "budgets.js").read_text(encoding="utf-8")
    names, values = re.search(r"const \[(MOST_OPERATIONS.*?)\] = \[(.*?)\];", text).groups()
    for name, value in zip(names.split(", "), values.split(", "), strict=True):
        assert getattr(budgets, name) == int(value), name
    sizes = re.search(r"const SIZES = \{(.*?)\};", text)[1]
    assert dict(map(int, one.split(":")) for one in sizes.split(",")) == budgets.SIZES
    unblocked = set(re.findall(r'"(\w+)"', re.search(r"const UNBLOCKED = \[(.*?)\]", text)[1]))
    assert budgets.OPERATIONS - unblocked == budgets.CHANNELS


if __name__ == "__main__":
    print(formatted("--write", page_folder.PAGE, TESTS).stdout, end="")

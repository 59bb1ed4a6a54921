"""Packed files and the page's files, damaged where a checksum does not notice: it is made anew."""

import copy
import gzip
import hashlib
import json
import lzma
import random
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from _fuzz_damage import changed, damaged
from safetensors.numpy import save as as_safetensors

from course_lib import data, engines, models, packing, rejection
from course_lib.deploy import entropy_coding
from course_lib.phone import page_models

ODD_JSON = (
    None, True, -1, 0.5, 2**53, 10**30, 1e308, float("nan"), "", "x" * 10_000, [], [[1]], {},
)  # fmt: skip


class Parts(NamedTuple):
    """What a packed file holds."""

    graph: bytes
    tables: bytes
    codes: bytes

    def packed(self) -> bytes:
        return _contained(entropy_coding.number(len(self.graph)) + self.graph + self.tables, self)


def read(kind: str, content: bytes) -> torch.Tensor:
    """Open a case, and run it on one image: black, as large as it says."""
    if kind.startswith("packed"):
        network = packing.unpack(content)
    else:
        network = page_models.unpack(content).network
    return network(torch.zeros(network.batch or 1, *network.shape))


def case(seed: int) -> tuple[str, Callable[[], torch.Tensor]]:
    """A kind of file, which begins as its reader does, and what reads one of that kind."""
    makers = (_packed_bytes, _packed_parts, _packed_graph, _page_file)
    kind, content = makers[seed % len(makers)](random.Random(seed))
    return kind, lambda: read(kind, content)


# Packed files


def _packed_bytes(chance: random.Random) -> tuple[str, bytes]:
    """The file itself, what its checksum covers, or what is pressed in it."""
    files, parts = _packed()
    one, other = chance.sample(range(len(files)), 2)
    where = chance.choice(("file", "body", "content"))
    if where == "file":
        return "packed file", damaged(chance, files[one], files[other])
    if where == "body":
        bodies = [packing._body(files[which]) for which in (one, other)]
        return "packed body", _signed(damaged(chance, *bodies))
    pressed = [entropy_coding.number(len(p.graph)) + p.graph + p.tables for p in parts]
    return "packed content", _contained(damaged(chance, pressed[one], pressed[other]), parts[one])


def _packed_parts(chance: random.Random) -> tuple[str, bytes]:
    """One part damaged, or taken from another file."""
    one, other = chance.sample(_packed()[1], 2)
    name = chance.choice(Parts._fields)
    mixed = chance.random() < 0.2
    given = getattr(other, name)
    part = given if mixed else damaged(chance, getattr(one, name), given)
    return f"packed {name}", one._replace(**{name: part}).packed()


def _packed_graph(chance: random.Random) -> tuple[str, bytes]:
    parts = chance.choice(_packed()[1])
    return "packed operations", parts._replace(graph=changed(chance, parts.graph)).packed()


def _contained(content: bytes, parts: Parts) -> bytes:
    pressed = lzma.compress(content, **packing.PRESSED)
    return _signed(entropy_coding.number(len(pressed)) + pressed + parts.codes)


def _signed(body: bytes) -> bytes:
    header = {"packed": f"{packing.FORMAT} {packing._checksum(body)}"}
    return as_safetensors({"network": np.frombuffer(body, np.uint8)}, header)


@cache
def _packed() -> tuple[list[bytes], list[Parts]]:
    files = [packing.pack(network) for network in _networks()]
    found = []
    for file in files:
        content = entropy_coding.Tables(packing._body(file))
        inner = entropy_coding.Tables(packing._inflated(content.take(content.number())))
        pieces = (inner.take(inner.number()), inner.take(inner.left), content.take(content.left))
        found.append(Parts(*map(bytes, pieces)))
    return files, found


@cache
def _networks() -> list[Any]:
    """One of each kind: floats, matrices, integers between floats, integers alone."""
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (20, 3, 32, 32), dtype=torch.uint8)
    leaf = engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 32, 32))
    return [
        leaf,
        engines.onnx(models.LeNet300100().eval(), (1, 28, 28)),
        engines.int8(leaf, data.Images(pixels, torch.arange(20) % 3), 20),
        packing.load(models.WEIGHTS / "leaves.packed"),
    ]


# The page's files


def _page_file(chance: random.Random) -> tuple[str, bytes]:
    models_ = _page_models()
    model, other = chance.sample(models_, 2)
    header = json.loads(json.dumps(model.header))
    where = chance.choice(("file", "whole", "header", "graph", "operations", "operations"))
    content = model.content
    if where in ("file", "whole"):
        files = [page_models.pack(each) for each in (model, other)]
        if where == "file":
            return "plants file", damaged(chance, *files)
        return "plants whole", gzip.compress(damaged(chance, *map(gzip.decompress, files)), 1)
    if where == "header":
        place = header if chance.random() < 0.7 else header[chance.choice(("unsure", "facts"))]
        place[chance.choice(list(place))] = copy.deepcopy(chance.choice(ODD_JSON))
    elif where == "graph":
        content = damaged(chance, content, other.content)
    else:
        content = changed(chance, content)
    header |= {"onnx_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(header).encode()
    return f"plants {where}", gzip.compress(len(text).to_bytes(8, "little") + text + content, 1)


@cache
def _page_models() -> list[page_models.PageModel]:
    rule = rejection.Rule(1.0, 0.6, 4.0)
    named = {0: ("ash", "elm", "oak"), 2: ("a", "b", "c"), 3: tuple("abcdefghijkl")}
    return [
        page_models.of(_networks()[i], classes, "after", rule, name="trees")
        for i, classes in named.items()
    ]

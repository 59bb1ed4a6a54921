"""What `compress` found comes back from its folder; what is no whole result there is named."""

import json

import pytest
import torch

from course_lib import engines, files, models, packing
from course_lib.deploy.engines import Parity
from course_lib.measure.cards import Scorecard
from course_lib.measure.intervals import Paired
from course_lib.recipes import result
from course_lib.recipes.result import Result, Stage, Try


def card(name, size):
    return Scorecard(
        name, "onnxruntime", 1, 0.9, 0.8, 0.95, 900, 800, size, size // 2, size, 10**6, 2.0, 2.5,
        10**8, 0.1, True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    torch.manual_seed(0)
    floats = engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 32, 32))
    packed = packing.pack(floats)
    stages = (
        Stage("prune neurons", 900, floats, card("1: prune neurons", 900)),
        Stage("pack the result", len(packed), packing.unpack(packed), card("2: pack", 500)),
    )
    return Result(
        recipe="prune neurons, and pack the result", before=card("original", 4000),
        after=card("compressed", 500), baseline=card("from scratch", 510), stages=stages,
        tries=(Try(1.0, 600, 0.75), Try(1.4, 700, 0.25)), max_drop=0.5, seconds=12.5,
        data="stripes", shape=(3, 32, 32), classes=("wide", "middle", "Größe"), images_seen=2000,
        original=floats, packed=packed, points=Paired(-0.5, -1.0, 0.1, 3, 5, 400),
        parity=Parity(0.01, 0.99, 100), native={"original.pte": {"bytes": 3, "agreement": 1.0}},
        beside={result.BASELINE: packed, result.FLOATS: floats.content, "original.pte": b"pte"},
    )  # fmt: skip


@pytest.fixture
def folder(found, tmp_path):
    return found.save(tmp_path / "new" / "out")


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_what_is_saved_is_loaded(found, folder):
    assert names(folder) == [
        "baseline.packed", "compressed-float32.onnx", "compressed.onnx", "compressed.packed",
        "compressed.png", "original.onnx", "original.pte", "result.json", "stages/1.onnx",
    ]  # fmt: skip
    again = Result.load(str(folder))
    assert again.folder == folder
    assert (again.holds, str(again)) == (True, str(found))
    for field in vars(found).keys() - {"folder", "original", "stages"}:
        assert getattr(again, field) == getattr(found, field), field
    assert again.stages == found.stages
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(again.network(image), found.network(image))
    assert torch.equal(again.original(image), found.original(image))
    assert again.stages[0].network.content == found.stages[0].network.content
    copy = again.save(folder.parent / "copy")
    assert names(copy) == names(folder)
    for name in names(folder):
        assert (copy / name).read_bytes() == (folder / name).read_bytes(), name


def test_what_earlier_versions_wrote_is_loaded(folder):
    about = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    for key in ("parity", "native", "files", "checksum"):  # the first versions had none
        del about[key]
    about |= {"baseline": None, "points": None}
    (folder / "result.json").write_text(json.dumps(about), encoding="utf-8")
    for name in ("baseline.packed", "compressed-float32.onnx", "compressed.png", "stages/1.onnx"):
        (folder / name).unlink()
    again = Result.load(folder)
    assert (again.parity, again.native, again.baseline, again.points) == (None, {}, None, None)
    assert [stage.network is None for stage in again.stages] == [True, False]
    assert len(again.comparison.cards) == 2
    assert "stages/1.onnx" not in names(again.save(folder))


def test_nothing_of_an_earlier_result_stays(found, folder, tmp_path):
    (folder / "stages" / "7.onnx").write_bytes(b"")
    (folder / "trainings").mkdir()
    (folder / "trainings" / "a.part").write_bytes(b"")
    other = Result.load(found.save(tmp_path / "other"))
    other.beside.clear()
    other.save(folder)
    assert names(folder) == [
        "compressed.onnx", "compressed.packed", "compressed.png", "original.onnx", "result.json",
        "stages/1.onnx", "trainings/a.part",
    ]  # fmt: skip


def test_an_interruption_leaves_no_result_of_two_halves(found, folder, monkeypatch):
    write, calls = files.write, []

    def stop(path, content):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write(path, content)

    monkeypatch.setattr(files, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        found.save(folder)
    with pytest.raises(ValueError, match=r"holds no result.json: .*did not come to its end"):
        Result.load(folder)


def test_what_is_no_result_is_named_with_what_to_do(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*: `python -m .*--out .*makes one"):
        Result.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no original.onnx and no compressed.packed and no"):
        Result.load(tmp_path)
    whole = (folder / "result.json").read_text(encoding="utf-8")
    texts = ["", "{", "[]", "{}", "7"]
    for key, value in {
        "data": 7, "classes": [1], "shape": [3], "steps": [], "tries": [{"factor": 1}],
        "before": {}, "points": {"points": 1}, "recipe": None,
    }.items():  # fmt: skip
        texts.append(json.dumps(unsigned(whole) | {key: value}))
    for key in ("max_drop", "after", "images_seen"):
        about = unsigned(whole)
        del about[key]
        texts.append(json.dumps(about))
    for text in texts:
        (folder / "result.json").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"result.json is not what `compress` writes \(.+run"):
            Result.load(folder)
    (folder / "result.json").write_text(whole, encoding="utf-8")
    (folder / "compressed.packed").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"compressed\.packed is another than was written"):
        Result.load(folder)


def unsigned(text):
    """The words of result.json without its checksums, as the first versions wrote them."""
    about = json.loads(text)
    del about["checksum"], about["files"]
    return about


@pytest.mark.parametrize("name", ["original.onnx", "compressed.packed", "baseline.packed"])
def test_a_file_that_lost_a_bit_is_named(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is another than was written, by its checksum"):
        Result.load(folder)


def test_figures_that_somebody_changed_are_not_believed(folder):
    whole = (folder / "result.json").read_text(encoding="utf-8")
    about = json.loads(whole)
    about["after"]["accuracy"] = 1.0
    (folder / "result.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(ValueError, match=r"result.json .*its checksum differs: it was changed"):
        Result.load(folder)

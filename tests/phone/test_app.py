import argparse
import base64
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import types
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import (
    app,
    data,
    engines,
    leaves,
    models,
    packing,
    recipe,
    rejection,
    scorecard,
    training,
)
from course_lib.deploy import graphs
from course_lib.images import photos
from course_lib.phone import leaf_cards, page_folder, page_models, page_modes, page_runtime, serving
from course_lib.recipes import result
from course_lib.recipes.result import Result
from course_lib.units import in_words

RULE = rejection.Rule(1.0, 0.6, 1.0)
KINDS = ("fine", "middle", "wide")
RUNTIME = {name: f"not the runtime: {name}\n".encode() * 50 for name in page_runtime.FILES}


def card(name, **figures):
    known = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "file_bytes": 2000,
             "packed_bytes": 500, "energy_mj": 0.1, "energy_is_estimate": True,
             "macs": 700_000, "engine": "onnxruntime", "threads": 1, "params": 900,
             "nonzero_params": 800, "deployed_bytes": 500, "latency_ms_median": 0.2,
             "latency_ms_p90": 0.3, "memory_bytes": 10**8}  # fmt: skip
    return scorecard.Scorecard(name, **(known | figures))


@pytest.fixture(scope="module")
def stripes():
    """Three classes of stripes, as photos from somebody's folder."""
    random = np.random.default_rng(0)
    labels = np.arange(120) % 3
    lines = np.arange(32)
    pixels = np.stack([
        np.clip(128 + 90 * np.sign(np.sin(lines * (0.4 + 0.5 * k) + random.uniform(0, 6)))[:, None]
                + random.normal(0, 25, (32, 32)), 0, 255)
        for k in labels
    ])  # fmt: skip
    pixels = np.repeat(pixels[..., None], 3, axis=3).astype(np.uint8)
    return data.from_arrays(pixels, labels, KINDS, name="my_stripes")


@pytest.fixture(scope="module")
def networks(stripes):
    torch.manual_seed(0)
    trained, _ = training.fit(models.LeafNet(6, classes=3), stripes, 5, progress=False)
    floats = engines.onnx(trained, (3, 32, 32))
    return floats, engines.int8(floats, stripes.train, 50, unsigned=True)


@pytest.fixture(scope="module")
def written(networks, tmp_path_factory):
    """A folder as `compress` leaves it."""
    after = card("compressed", accuracy=0.88)
    found = result.Result(
        recipe="round it", before=card("original"), after=after, baseline=None,
        stages=(result.Stage("round it", 500, networks[1], after),), tries=(), max_drop=0.5,
        seconds=1, data="my_stripes", shape=(3, 32, 32), classes=KINDS, images_seen=0,
        original=networks[0], packed=packing.pack(networks[1]),
    )  # fmt: skip
    return found.save(tmp_path_factory.mktemp("written") / "compressed")


@pytest.fixture
def compressed(written, tmp_path, monkeypatch):
    """A copy of it; few other things to calibrate with, drawn in no time."""
    monkeypatch.setattr(page_modes, "_others", lambda side: rejection.others("calibrate", 4, side))
    return shutil.copytree(written, tmp_path / "compressed")


@pytest.fixture
def page(tmp_path, monkeypatch, networks):
    """A small page, a small runtime, and small networks for the leaves: quick to build."""
    source = tmp_path / "source"
    (source / "npm").mkdir(parents=True)
    (source / "npm" / "package.json").write_text("{}")
    (source / ".hidden").write_text("")
    (source / "index.html").write_text("<!doctype html><title>Leaves</title>" + "<p>leaf" * 200)
    (source / "app.js").write_text("export {};")
    (source / "icon-192.png").write_bytes(b"png")
    own = tmp_path / "runtime"
    own.mkdir()
    for name, content in RUNTIME.items():
        (own / name).write_bytes(content)
    monkeypatch.setenv("COURSE_PAGE_RUNTIME", str(own))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    sums = {
        name: page_modes.hashlib.sha256(content).hexdigest() for name, content in RUNTIME.items()
    }
    monkeypatch.setattr(page_runtime, "FILES", sums)
    monkeypatch.setattr(page_folder, "PAGE", source)
    monkeypatch.setattr(
        leaf_cards, "write", lambda path: Path(path).write_bytes(b"%PDF"), raising=False
    )
    pair = [
        page_models.of(network, KINDS, role, RULE, name="leaves", about="Three of them.")
        for role, network in zip(("before", "after"), networks, strict=True)
    ]
    picture = Image.new("RGB", (32, 32), "green")
    small = page_modes.Mode("leaves", "Leaf cards", "Three.", *pair, (("wide", picture),) * 2,
                            cards=True)  # fmt: skip
    monkeypatch.setattr(page_modes, "leaf_mode", lambda: small)
    monkeypatch.setattr(page_modes, "plants_mode", lambda: None)
    return source


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def without(folder):
    """What lies beside: nothing half may be left."""
    return sorted(
        path.name for path in folder.parent.iterdir() if path.name.startswith(f".{folder.name}")
    )


# Preparation


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (40, 40), (500, 333)])
def test_preparation_is_what_the_photos_were_decoded_with(tmp_path, size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    wanted = photos.decode(tmp_path / "photo.png", 32)
    assert np.array_equal(app.prepare(noise, 32), wanted)
    assert np.array_equal(app.prepare(Image.fromarray(noise), 32), wanted)


def test_what_is_clear_becomes_white():
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    assert (app.prepare(clear, 4) == 255).all()


@pytest.mark.parametrize(
    ("picture", "size", "message"),
    [
        (np.zeros((8, 8)), 4, "bytes .*got float64"),
        (np.zeros((8, 8, 4), np.uint8), 4, r"got uint8 of \(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), 4, r"\(0, 8, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), 0, "size must be at least 1 pixel, got 0"),
    ],
)
def test_other_pictures_are_named(picture, size, message):
    with pytest.raises(ValueError, match=message):
        app.prepare(picture, size)


# Building


def test_the_folder_is_the_one_of_the_page(page, tmp_path):
    out = tmp_path / "out"
    built = app.build(out)
    assert files(out) == {
        "index.html", "app.js", "icon-192.png", "models.json", "cards.pdf", "runtime/LICENSE",
        *(f"runtime/{name}" for name in RUNTIME), "models/leaves-before.plants",
        "models/leaves-after.plants", "samples/leaves/1.png", "samples/leaves/2.png",
    }  # fmt: skip
    about = json.loads((out / "models.json").read_text())
    (mode,) = about["modes"]
    assert {key: mode[key] for key in ("id", "title", "about", "before", "after")} == {
        "id": "leaves", "title": "Leaf cards", "about": "Three.",
        "before": "models/leaves-before.plants", "after": "models/leaves-after.plants",
    }  # fmt: skip
    for role in ("before", "after"):
        assert mode["bytes"][role] == (out / mode[role]).stat().st_size
        assert page_models.load(out / mode[role]).role == role
    assert mode["samples"][0] == {"file": "samples/leaves/1.png", "label": "wide"}
    size = sum(map(len, RUNTIME.values()))
    runtime = about["runtime"]
    assert (runtime["version"], runtime["bytes"]) == (page_runtime.VERSION, size)
    assert 0 < runtime["gzip_bytes"] < size / 5
    assert built.folder == out
    assert built.modes == ("Leaf cards",)
    assert built.page_gzip_bytes < built.page_bytes
    assert "leaves-after.plants" in str(built)
    assert without(out) == []


def test_the_same_contents_have_the_same_name_and_others_another(page, tmp_path):
    def name():
        app.build(tmp_path / "out")
        return json.loads((tmp_path / "out" / "models.json").read_text())["built"]

    first = name()
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert name() == first
    (page / "app.js").write_text("export const changed = 1;")
    assert name() != first


def test_a_mode_that_needs_an_extra_is_named_with_its_command(page, tmp_path):
    built = app.build(tmp_path / "out")
    assert 'pip install -e ".[efficientnet]"' in str(built)
    with pytest.raises(ValueError, match=r"need an extra: pip install"):
        app.build(tmp_path / "out", modes=("leaves", "plants"))


def test_real_plants_are_the_second_mode_where_they_are(page, tmp_path, monkeypatch):
    leaf = page_modes.leaf_mode()
    real = dataclasses.replace(leaf, id="plants", title="Real plants", before=None, cards=False)
    monkeypatch.setattr(page_modes, "plants_mode", lambda: real)
    built = app.build(tmp_path / "out")
    about = json.loads((tmp_path / "out" / "models.json").read_text())
    assert [mode["id"] for mode in about["modes"]] == ["leaves", "plants"]
    assert about["modes"][1]["before"] is None
    assert [mode["cards"] for mode in about["modes"]] == ["cards.pdf", None]
    assert built.modes == ("Leaf cards", "Real plants")
    app.build(tmp_path / "out", modes=("plants",))
    assert not (tmp_path / "out" / "cards.pdf").exists()


def test_without_the_extra_there_is_no_mode_of_real_plants(monkeypatch):
    monkeypatch.setattr(page_modes, "find_spec", lambda name: None)
    assert page_modes.plants_mode() is None


@pytest.mark.parametrize("modes", [(), ("trees",), "leaves"])
def test_unknown_modes_are_named(page, tmp_path, modes):
    with pytest.raises(ValueError, match="modes must be some of leaves, plants"):
        app.build(tmp_path / "out", modes=modes)


def test_without_the_runtime_nothing_is_built_and_the_remedy_named(page, tmp_path, monkeypatch):
    def missing():
        raise page_runtime.Missing("no network: connect")

    monkeypatch.setattr(page_runtime, "folder", missing)
    with pytest.raises(page_runtime.Missing, match="no network"):
        app.build(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_built_page_is_replaced_and_an_empty_folder_filled(page, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".DS_Store").write_text("a system's own")
    app.build(out)
    (out / "samples" / "leaves" / "2.png").unlink()  # a part of it is missing: still a page
    app.build(out)
    assert (out / "samples" / "leaves" / "2.png").exists()


@pytest.mark.parametrize("name", ["thesis.tex", "models/mine.plants", ".git/config"])
def test_what_the_page_did_not_make_is_never_removed(page, tmp_path, name):
    out = tmp_path / "out"
    app.build(out)
    own = out / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("years of work")
    with pytest.raises(ValueError, match=rf"holds {name}, which no built page has"):
        app.build(out)
    assert own.read_text() == "years of work"


def test_other_folders_and_files_are_not_overwritten(page, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "models.json").write_text('{"built": "x", "modes": []}')
    with pytest.raises(ValueError, match=r"holds models.json, which no built page has|holds"):
        app.build(tmp_path / "notes" / "..")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="is a file"):
        app.build(tmp_path / "file")


def test_an_interrupted_build_leaves_the_old_page(page, tmp_path, monkeypatch):
    out = tmp_path / "out"
    app.build(out)
    before = {name: (out / name).read_bytes() for name in files(out)}
    real = os.replace

    def stop(source, target):
        if Path(target) == out and Path(source).name == "page":
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        app.build(out)
    assert {name: (out / name).read_bytes() for name in files(out)} == before
    assert without(out) == []


# What was built


def test_check_names_what_is_wrong(page, tmp_path):
    out = tmp_path / "out"
    app.build(out)
    assert app.check(out).modes == ("Leaf cards",)
    with pytest.raises(ValueError, match="is no built page"):
        app.check(tmp_path)
    model = out / "models" / "leaves-after.plants"
    whole = model.read_bytes()
    model.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="other files than were built"):
        app.check(out)
    model.unlink()
    with pytest.raises(ValueError, match=r"lacks models/leaves-after.plants"):
        app.check(out)


def test_a_page_with_a_network_that_does_not_run_is_not_built(page, tmp_path, monkeypatch):
    save = page_models.save

    def half(model, path):
        save(model, path).write_bytes(b"half")
        return path

    monkeypatch.setattr(page_models, "save", half)
    with pytest.raises(ValueError, match="not a model file"):
        app.build(tmp_path / "out")
    assert not (tmp_path / "out").exists()


# What `compress` wrote


def test_own_classes_are_shown_with_their_figures(page, compressed, tmp_path):
    built = app.build(tmp_path / "out", compressed)
    (mode,) = json.loads((tmp_path / "out" / "models.json").read_text())["modes"]
    assert (mode["id"], mode["title"]) == ("my-stripes", "My stripes")
    assert mode["samples"] == []
    assert "3 kinds, learnt from the photos in my_stripes" in mode["about"]
    assert not (tmp_path / "out" / "cards.pdf").exists()
    before, after = (page_models.load(tmp_path / "out" / mode[r]) for r in ("before", "after"))
    assert before.classes == after.classes == KINDS
    assert after.facts == page_models.Facts("int8", 500, 2000, 0.88, 0.8, 0.95, 0.1, True, 700_000,
                                            "round it")  # fmt: skip
    assert (before.facts.kind, before.facts.file_bytes) == ("float32", 2000)
    assert before.facts.recipe is None
    assert after.unsure == page_modes.UNCALIBRATED
    assert "--data FOLDER" in str(built)


def test_the_page_runs_the_weights_of_the_packed_file(page, compressed, tmp_path):
    app.build(tmp_path / "out", compressed)
    after = page_models.load(tmp_path / "out" / "models" / "my-stripes-after.plants")
    packed = packing.load(compressed / "compressed.packed")
    images = torch.randn(3, 3, 32, 32)
    ours = torch.cat([after.network(image) for image in images.split(1)])
    assert torch.equal(ours, packed(images))
    weights = {t.name: t.raw_data for t in packed.graph.initializer}
    assert {t.name: t.raw_data for t in graphs.parsed(after.content).graph.initializer} == weights


def test_with_the_photos_it_is_calibrated_and_has_samples(page, compressed, stripes, tmp_path):
    built = app.build(tmp_path / "out", compressed, data=stripes)
    assert not any("--data" in note for note in built.notes)
    (mode,) = json.loads((tmp_path / "out" / "models.json").read_text())["modes"]
    assert len(mode["samples"]) == 12
    assert {sample["label"] for sample in mode["samples"][:3]} == set(KINDS)
    known = {image.tobytes() for image in stripes.test.pixels.permute(0, 2, 3, 1).numpy()}
    for sample in mode["samples"]:
        with Image.open(tmp_path / "out" / sample["file"]) as picture:
            assert np.asarray(picture).tobytes() in known
    after = page_models.load(tmp_path / "out" / mode["after"])
    assert after.unsure != page_modes.UNCALIBRATED
    # What was calibrated stays with the networks: the photos are not needed again.
    again = app.build(tmp_path / "out", compressed)
    assert page_models.load(tmp_path / "out" / mode["after"]) == after
    assert not any("--data" in note for note in again.notes)


def test_networks_of_grey_images_get_no_model_files(compressed):
    dataclasses.replace(Result.load(compressed), shape=(1, 32, 32)).save(compressed)
    with pytest.raises(ValueError, match="a camera gives colour"):
        app.write_models(compressed)
    assert not list(compressed.glob("*.plants"))


def test_new_networks_are_not_shown_by_old_files(page, compressed, stripes, networks, tmp_path):
    app.write_models(compressed, stripes)
    old = page_models.load(compressed / "after.plants")
    other = packing.pack(networks[0])
    dataclasses.replace(Result.load(compressed), packed=other).save(compressed)
    app.build(tmp_path / "out", compressed)
    new = page_models.load(tmp_path / "out" / "models" / "my-stripes-after.plants")
    assert new.content != old.content
    assert new == page_models.load(compressed / "after.plants")


def test_model_files_are_written_beside_the_others(compressed, stripes):
    before, after = app.write_models(compressed, stripes)
    assert page_models.load(compressed / "before.plants") == before
    assert page_models.load(compressed / "after.plants") == after
    assert (before.role, after.role, after.name) == ("before", "after", "my_stripes")


def test_folders_that_compress_did_not_finish_are_named(page, compressed, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere: .*compress --data"):
        app.build(tmp_path / "out", tmp_path / "nowhere")
    whole = (compressed / "result.json").read_text()
    for text in ("{", "[]", "{}", whole.replace('"my_stripes"', "7"), whole.replace("recipe", "x")):
        (compressed / "result.json").write_text(text)
        with pytest.raises(ValueError, match=r"result.json is not what `compress` writes"):
            app.build(tmp_path / "out", compressed)
    (compressed / "result.json").unlink()
    with pytest.raises(ValueError, match=r"holds no result.json: `compress` did not come to"):
        app.build(tmp_path / "out", compressed)


def test_other_photos_than_the_networks_know_are_named(page, compressed, stripes, tmp_path):
    other = dataclasses.replace(stripes, classes=("a", "b", "c"), name="other")
    with pytest.raises(ValueError, match=r"photos of 'other' have the classes a, b, c"):
        app.build(tmp_path / "out", compressed, data=other)
    with pytest.raises(ValueError, match="give both, or neither"):
        app.build(tmp_path / "out", data=stripes)


def test_compressed_leaves_are_the_leaf_mode(page, compressed, tmp_path, monkeypatch):
    monkeypatch.setattr(page_modes, "SPECIES", KINDS)
    monkeypatch.setattr(page_modes, "GENERA", ("thin", "thin", "thick"))
    monkeypatch.setattr(page_modes, "leaf_samples", lambda: ())
    held_out = data.Images(torch.zeros(30, 3, 32, 32, dtype=torch.uint8), torch.arange(30) % 3)
    monkeypatch.setattr(page_modes, "_held_out_leaves", lambda: held_out)
    app.build(tmp_path / "out", compressed)
    (mode,) = json.loads((tmp_path / "out" / "models.json").read_text())["modes"]
    assert (mode["id"], mode["about"]) == ("leaves", page_modes.LEAF_ABOUT)
    assert page_models.load(tmp_path / "out" / mode["after"]).groups == ("thin", "thin", "thick")
    assert (tmp_path / "out" / "cards.pdf").exists()


@pytest.mark.long
def test_the_shipped_leaves_are_calibrated_and_carry_what_was_measured():
    mode = page_modes.leaf_mode()
    assert mode.before is not None
    assert (mode.id, mode.cards, len(mode.samples)) == ("leaves", True, len(leaves.SPECIES))
    assert mode.after.classes == tuple(species.name for species in leaves.SPECIES)
    assert mode.after.groups is not None
    assert set(mode.after.groups) == set(leaves.GENERA)
    assert f"{in_words(len(leaves.SPECIES))} drawn species" in mode.after.about
    packed = packing.load(models.WEIGHTS / "leaves.packed")
    assert mode.after.content == page_models.for_one_image(packed.content, len(leaves.SPECIES))
    assert mode.after.facts.file_bytes == packed.packed_bytes
    assert len(page_models.pack(mode.after)) < 60_000  # what a phone fetches
    assert mode.before.facts.checkpoint_bytes == mode.after.facts.checkpoint_bytes
    assert mode.before.facts.energy_mj > 10 * mode.after.facts.energy_mj
    named = 0
    for label, picture in mode.samples:
        pixels = app.prepare(picture, 64).transpose(2, 0, 1).copy()
        logits = mode.after.network(data.normalise(torch.from_numpy(pixels))[None])
        named += mode.after.classes[int(logits.argmax())] == label
    assert named >= 11
    assert page_modes.leaf_mode() == mode  # from the cache


# In a notebook


@pytest.fixture
def stopped():
    yield
    for server in app._running.values():
        server.stop()
    app._running.clear()


def test_a_notebook_shows_the_page_in_a_frame(page, tmp_path, stopped):
    app.build(tmp_path / "out")
    shown = app.in_notebook(tmp_path / "out")
    assert shown.server is not None
    html = shown._repr_html_()
    assert f'<iframe src="{shown.server.address}"' in html
    assert 'allow="camera; fullscreen"' in html
    held = re.search(r'download="leaves-after.plants" href="data:[^,]+,([^"]+)"', html)[1]
    file = tmp_path / "out" / "models" / "leaves-after.plants"
    assert base64.b64decode(held) == file.read_bytes()  # for kernels on other machines
    with urllib.request.urlopen(shown.server.address) as answer:
        assert b"leaf" in answer.read()
        assert "http://localhost:*" in answer.headers["Content-Security-Policy"]
    # The same cell again: the same server, for a page of the same folder.
    assert app.in_notebook(tmp_path / "out").server is shown.server
    shown.stop()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(shown.server.address)
    again = app.in_notebook(tmp_path / "out")
    assert again.server is not shown.server


def test_a_notebook_builds_what_is_not_built_yet(page, compressed, stopped):
    shown = app.in_notebook(compressed)
    with urllib.request.urlopen(shown.server.address + "models.json") as answer:
        assert json.load(answer)["modes"][0]["id"] == "my-stripes"
    leaf = app.in_notebook()
    assert leaf.built.modes == (page_modes.LEAF_TITLE,)  # real plants take a minute, once
    with urllib.request.urlopen(leaf.server.address + "models.json") as answer:
        assert [mode["id"] for mode in json.load(answer)["modes"]] == ["leaves"]


def test_a_kept_notebook_shows_a_picture_of_the_page(page, tmp_path, stopped):
    app.build(tmp_path / "out")
    shown = app.in_notebook(tmp_path / "out")
    with Image.open(io.BytesIO(shown._repr_png_())) as picture:
        assert picture.width > 300
    listed = json.loads((tmp_path / "out" / "models.json").read_text())["files"]
    assert "index.html" in listed
    assert page_folder.PICTURE.name not in listed  # phones need not fetch it


def test_without_the_runtime_a_notebook_says_how_to_get_it_and_goes_on(tmp_path, monkeypatch):
    def missing():
        raise page_runtime.Missing("there is no npm here: install it")

    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(page_runtime, "folder", missing)
    shown = app.in_notebook()
    assert (shown.built, shown.server, shown._repr_png_()) == (None, None, None)
    assert "install it" in shown.text
    assert "install it" in shown._repr_html_()
    shown.stop()


@pytest.fixture
def colab(monkeypatch):
    """A Colab kernel: its module, which notes what it hands to the browser."""
    handed = []
    module = types.ModuleType("google.colab")
    module.files = types.SimpleNamespace(download=handed.append)
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setattr(app.serving, "serve", None)  # nothing is served there
    return handed


def test_on_colab_the_model_files_are_handed_over(page, compressed, colab, monkeypatch):
    monkeypatch.setattr(page_runtime, "folder", None)  # nor is anything fetched
    monkeypatch.setattr(app, "hosted_page", lambda: "https://leaves.example/page/")
    shown = app.in_notebook(compressed)
    assert [Path(path).name for path in colab] == ["before.plants", "after.plants"]
    assert page_models.load(colab[1]).classes == KINDS
    assert "https://leaves.example/page/" in shown.text
    assert "before.plants and after.plants" in shown.text
    assert '<a href="https://leaves.example/page/">' in shown._repr_html_()
    assert "<svg" in shown._repr_html_()  # a code leads a phone there
    shown.stop()


def test_on_colab_the_leaves_that_ship_and_a_built_page_work_too(
    page, colab, tmp_path, monkeypatch
):
    monkeypatch.setattr(app, "hosted_page", lambda: None)
    app.build(tmp_path / "out")
    for folder in (None, tmp_path / "out"):
        colab.clear()
        shown = app.in_notebook(folder)
        assert [Path(path).name for path in colab] == [
            "leaves-before.plants", "leaves-after.plants"
        ]  # fmt: skip
        assert "python -m course_lib app" in shown.text


def test_the_published_page_is_named_in_the_package(monkeypatch):
    class Metadata:
        def get_all(self, name):
            return ["repository, https://host.example/x", "page, https://host.example/page/"]

    monkeypatch.setattr(app.importlib.metadata, "metadata", lambda name: Metadata())
    assert app.hosted_page() == "https://host.example/page/"


# The command line


def asked(what="serve", **values):
    known = {"model": None, "data": None, "out": None, "port": None, "lan": False}
    return argparse.Namespace(what=what, **(known | values))


@pytest.fixture
def quick(monkeypatch):
    """Serving ends at once, as with Ctrl-C; what was served."""
    servers = []

    def wait(server):
        servers.append(server)
        server.stop()

    monkeypatch.setattr(serving.Server, "wait", wait)
    return servers


def test_the_command_builds_serves_and_says_what_a_phone_needs(page, compressed, quick, capsys):
    assert app.command(asked(model=compressed, port=0)) == 0
    (server,) = quick
    out = capsys.readouterr().out
    assert server.address in out
    assert "--lan" in out
    assert "takes\nphotos instead" in out
    assert "my-stripes-after.plants" in out
    assert server.folder.is_relative_to(Path(os.environ["COURSE_CACHE"]))
    assert app.command(asked()) == 0  # without --model: the leaves
    assert quick[1].folder.name == "leaves-plants"
    (quick[1].folder / "models.json").write_text("{")  # damaged, in the cache: made again
    assert app.command(asked()) == 0
    assert app.check(quick[1].folder).modes == ("Leaf cards",)


def test_app_build_only_builds(page, tmp_path, quick, capsys):
    assert app.command(asked("build", out=tmp_path / "out")) == 0
    assert app.check(tmp_path / "out").modes == ("Leaf cards",)
    assert quick == []
    assert "Any web host" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux alone")
def test_the_network_gets_a_code_and_a_word_about_the_certificate(page, quick, capsys, monkeypatch):
    pytest.importorskip("trustme")
    pytest.importorskip("segno")
    monkeypatch.setattr(serving, "lan_addresses", lambda: ("127.0.0.2", "10.1.2.3"))
    monkeypatch.setattr(app.lan, "is_loopback", lambda address: False)
    assert app.command(asked(lan=True, port=0)) == 0
    out = capsys.readouterr().out
    assert f"A phone in the same network: https://127.0.0.2:{quick[0].port}/" in out
    assert "https://10.1.2.3" in out
    assert quick[0].certificate.fingerprint in out
    assert "▀" in out


def test_own_photos_are_compressed_built_and_served_in_one(
    page, compressed, stripes, quick, monkeypatch, capsys
):
    called = []

    def compress(images, folder):
        called.append((images, folder))
        return "compressed, and that it holds"

    monkeypatch.setattr(app.data, "load", lambda name: stripes)
    monkeypatch.setattr(recipe, "compress", compress)
    assert app.command(asked(data="my_stripes", out=str(compressed), port=0)) == 0
    assert called == [(stripes, str(compressed))]
    about = json.loads((quick[0].folder / "models.json").read_text())
    assert about["modes"][0]["id"] == "my-stripes"
    assert about["modes"][0]["samples"]
    assert (compressed / "after.plants").exists()
    assert "compressed, and that it holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "values", "message"),
    [
        ("build", {}, "needs --out FOLDER"),
        ("build", {"out": "x", "lan": True}, "only builds"),
        ("build", {"out": "x", "port": 0}, "only builds"),
        ("build", {"out": "x", "data": "digits"}, "--data needs --out DIR"),
        ("serve", {"out": "x"}, "app build --out FOLDER"),
        ("serve", {"data": "digits"}, "--data needs --out DIR"),
        ("serve", {"data": "digits", "out": "x", "model": "y"}, "name one"),
    ],
)
def test_requests_that_do_not_fit_are_named(page, stripes, what, values, message, monkeypatch):
    monkeypatch.setattr(app.data, "load", lambda name: stripes)
    with pytest.raises(ValueError, match=message):
        app.command(asked(what, **values))


def test_grey_pictures_are_refused_before_anything_is_trained(page, monkeypatch):
    monkeypatch.setattr(recipe, "compress", None)
    with pytest.raises(ValueError, match=r"sees in colour, and 'digits' has images of \(1, 32, 32"):
        app.command(asked(data="digits", out="x"))


def test_a_missing_runtime_or_library_is_one_line(page, capsys, monkeypatch):
    def missing(*arguments, **named):
        raise page_runtime.Missing("no network: connect")

    monkeypatch.setattr(app, "build", missing)
    assert app.command(asked()) == 1
    assert capsys.readouterr().err == "app: no network: connect\n"


# The whole way


@pytest.mark.slow
def test_own_photos_from_the_first_to_the_page(page, stripes, tmp_path):
    torch.manual_seed(0)
    original, _ = training.fit(models.LeafNet(8, classes=3), stripes, 6, progress=False)
    distil = recipe.Distil(images=2000, batch_size=32)
    steps = (recipe.PruneNeurons(0.5), recipe.Quantize(3), distil, recipe.Pack())
    found = recipe.compress(stripes, steps, 20, tmp_path / "dir", original, 0, progress=False)
    app.write_models(tmp_path / "dir", stripes)
    built = app.build(tmp_path / "out", tmp_path / "dir", data=stripes)
    assert built.modes == ("My stripes",)
    after = page_models.load(tmp_path / "out" / "models" / "my-stripes-after.plants")
    assert after.facts.accuracy == found.after.accuracy
    assert after.facts.file_bytes == found.after.packed_bytes


@pytest.mark.slow
def test_the_real_page_is_built_in_a_process_of_its_own(tmp_path):
    code = f"from course_lib import app; app.build({str(tmp_path / 'out')!r}, modes=['leaves'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    built = app.check(tmp_path / "out")
    assert built.page_bytes + built.samples_bytes < 300_000
    assert built.models["models/leaves-after.plants"] < 60_000
    assert threading.active_count() < 10

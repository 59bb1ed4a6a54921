"""Recipes: steps in any order, the search for the smallest that holds, and going on again."""

import copy
import dataclasses
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import (  # fmt: skip
    __main__,
    app,
    counting,
    data,
    engines,
    fresh_process,
    kept,
    models,
    neuron_pruning,
    packing,
    recipe,
    recorded,
    structure,
    training,
)
from course_lib.recipes.recipe import (
    Distil,
    Factor,
    Forget,
    Lesson,
    Pack,
    PruneNeurons,
    PruneWeights,
    Quantize,
    State,
)

WEE = (PruneNeurons(0.5), Quantize(3), Distil(images=2000, batch_size=32), Pack())


@pytest.fixture(scope="module")
def stripes():
    """Three classes that a tiny network learns in seconds: stripes of three widths, with noise."""
    random = np.random.default_rng(0)
    labels = np.arange(240) % 3
    lines = np.arange(32)
    pixels = np.stack([
        np.clip(128 + 90 * np.sign(np.sin(lines * (0.4 + 0.5 * k) + random.uniform(0, 6)))[:, None]
                + random.normal(0, 25, (32, 32)), 0, 255)
        for k in labels
    ])  # fmt: skip
    pixels = np.repeat(pixels[..., None], 3, axis=3).astype(np.uint8)
    return data.from_arrays(pixels, labels, ["wide", "middle", "fine"], name="stripes")


@pytest.fixture(scope="module")
def original(stripes):
    torch.manual_seed(0)
    network, _ = training.fit(models.LeafNet(8, classes=3), stripes, 6, progress=False)
    assert training.evaluate(network, stripes.val) > 0.9
    return network


@pytest.fixture
def lesson(stripes, original, tmp_path):
    return Lesson(stripes, original, tmp_path, progress=False)


def in_full_8_bits(images, network):
    """What other programs may compute wrongly without 8-bit dot products."""
    return engines.int8(engines.onnx(network, images.shape), images.train, 20)


def applied(steps, lesson):
    return recipe.states(steps, lesson)[-1]


@pytest.fixture(scope="module")
def done(stripes, original, tmp_path_factory):
    """The whole way, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_BRIEF", "1")  # its process measures times that nobody reads
        return recipe.compress(
            stripes, WEE, max_drop=20, folder=tmp_path_factory.mktemp("out"), original=original,
            minutes=0, progress=False,
        )  # fmt: skip


@pytest.mark.long
def test_the_whole_way_leaves_files_that_say_the_same(stripes, original, done):
    assert done.holds
    assert [stage.step for stage in done.stages] == [str(step) for step in WEE]
    folder = done.folder
    assert done.after.packed_bytes == (folder / "compressed.packed").stat().st_size
    assert done.after.packed_bytes < done.before.file_bytes / 5
    assert done.before.file_bytes == (folder / "original.safetensors").stat().st_size
    assert done.after.engine == "onnxruntime"
    assert done.after.threads == done.before.threads == 1
    assert done.baseline is not None
    assert done.comparison.differences[1] is not None, "the same test images, pairwise"
    restored = packing.load(folder / "compressed.packed")
    images = next(stripes.test.batches(8))[0]
    assert torch.equal(restored(images), done.network(images))
    assert restored.content == (folder / "compressed.onnx").read_bytes()
    stored = json.loads((folder / "result.json").read_text())
    assert stored["after"] == done.after.as_dict()
    assert stored["classes"] == list(stripes.classes)
    assert (folder / "compressed.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "compressed-float32.onnx").exists()
    assert "smaller" in str(done)
    assert "Careful" not in str(done)
    careless = dataclasses.replace(done.stages[-1], network=in_full_8_bits(stripes, original))
    assert "Careful: 7 layers" in str(
        dataclasses.replace(done, stages=(*done.stages[:-1], careless))
    )
    if not engines.available("executorch"):
        assert stored["native"] == {}


@pytest.mark.long
def test_the_folder_loads_as_what_was_found(done):
    again = recipe.Result.load(done.folder)
    assert again == done
    assert again.points == done.comparison.differences[1]
    assert again.parity.agreement > 0.9
    assert str(again).splitlines()[:2] == str(done).splitlines()[:2]


@pytest.mark.long
@pytest.mark.skipif(
    not engines.available("executorch"), reason="the extra `deploy`, which brings ExecuTorch"
)
def test_the_files_for_phones_are_run_and_agree(stripes, done):
    native = json.loads((done.folder / "result.json").read_text())["native"]
    assert list(native) == ["original.pte", "compressed-float32.pte", "compressed.pte"]
    images = stripes.test.first(60)
    for name, told in native.items():
        file = engines.load(done.folder / name)
        assert told["bytes"] == (done.folder / name).stat().st_size
        assert told["agreement"] > 0.95
        given = torch.cat([file(inputs).argmax(1) for inputs, _ in images.batches(20)])
        right = (given == images.labels).double().mean()
        assert right > 0.85, name


@pytest.mark.long
def test_what_is_trained_is_not_trained_again(stripes, original, done, monkeypatch):
    monkeypatch.setattr(training, "fit", None)  # a second training would fail
    lesson = Lesson(stripes, original, done.folder / "trainings", progress=False)
    assert applied(WEE, lesson).packed == (done.folder / "compressed.packed").read_bytes()


@pytest.mark.long
def test_an_interrupted_training_goes_on_and_ends_the_same(stripes, original, tmp_path):
    steps = WEE[:-1]  # what packing reads is compared instead of packed: that takes seconds
    whole = applied(steps, Lesson(stripes, original, _folder(tmp_path / "a"), progress=False))
    folder = _folder(tmp_path / "b")
    calls = []
    evaluate = training.evaluate

    def stop(network, images):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(network, images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "evaluate", stop)
        with pytest.raises(KeyboardInterrupt):
            applied(steps, Lesson(stripes, original, folder, progress=False))
    assert [file.suffix for file in folder.iterdir()] == [".part"]
    again = applied(steps, Lesson(stripes, original, folder, progress=False))
    assert (again.bits, again.masked, again.images_seen) == (3, False, whole.images_seen)
    weights, wanted = again.network.state_dict(), whole.network.state_dict()
    assert weights.keys() == wanted.keys()
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    assert [file.suffix for file in folder.iterdir()] == [".safetensors"]


class Killed(BaseException):
    """As SIGKILL: nothing is done about it."""


@pytest.mark.long
def test_a_kill_before_a_training_is_stored_loses_nothing(lesson, monkeypatch):
    def killed(*_):
        raise Killed

    steps = WEE[:-1]
    with monkeypatch.context() as patch:
        own = SimpleNamespace(found=kept.found, write=killed)  # of steps alone, not of the cache
        patch.setattr("course_lib.recipes.steps.kept", own)
        with pytest.raises(Killed):
            applied(steps, lesson)
    assert [file.suffix for file in lesson.folder.iterdir()] == [".part"]
    monkeypatch.setattr(training.Run, "epoch", lambda *_: pytest.fail("all was learned"))
    applied(steps, lesson)
    assert [file.suffix for file in lesson.folder.iterdir()] == [".safetensors"]


def test_who_measures_ends_with_the_one_who_asked():
    code = (
        "import threading, time; from course_lib.measure import fresh_process\n"
        "threading.Thread(target=fresh_process._end_with_parent, daemon=True).start()\n"
        "print('at work', flush=True); time.sleep(600)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as measuring:
        assert measuring.stdout.readline().strip() == b"at work"
        measuring.stdin.close()  # as the system does for a killed process
        assert measuring.wait(60) == 1


def _folder(path):
    path.mkdir()
    return path


def test_too_small_goes_larger_until_it_holds(stripes, original, tmp_path, monkeypatch):
    """The accuracies are made up, so that the way through the sizes can be foreseen."""
    rights = iter([])
    state = State(original, packed=b"packed")
    monkeypatch.setattr(recipe, "named_right", lambda *_: torch.arange(100) < 100 * next(rights))
    monkeypatch.setattr(recipe, "states", lambda steps, _: [state for _ in steps])
    monkeypatch.setattr(recipe.engines, "onnx", lambda *_: None)
    monkeypatch.setattr(recipe.engines, "parity", lambda *_: None)
    monkeypatch.setattr(State, "exported", lambda *_: None)
    steps = (PruneNeurons(0.3), Quantize(8), Pack())

    def factors(*shares, minutes=0.0):
        nonlocal rights
        rights = iter(shares)
        lesson = Lesson(stripes, original, tmp_path, progress=False)
        tries = recipe._tries(lesson, steps, 0.5, minutes)
        return [round(each.factor, 2) for each in tries]

    assert factors(0.95, 0.95) == [1.0], "it holds, and there is no time for more"
    assert factors(0.95, 0.90, 0.91, 0.95) == [1.0, 1.4, 1.96], "larger until one holds"
    assert factors(0.95, 0.95, 0.95, 0.80, minutes=5) == [1.0, 0.8, 0.64], "smaller until one fails"
    assert factors(0.95, *[0.5] * 9)[-1] < 5, "it ends at the whole network"


def test_scaled_counts_stay_multiples_that_engines_like():
    assert PruneNeurons((16, 24, 32, 40)).scaled(0.8).keep == (16, 16, 24, 32)
    assert PruneNeurons((16, 24, 32, 40)).scaled(0.1).keep == (8, 8, 8, 8)
    assert PruneNeurons((10, 20, 100)).scaled(0.75).keep == (8, 16, 76)
    assert PruneNeurons((5, 7)).scaled(2).keep == (10, 14)
    assert PruneNeurons(0.25).scaled(2).keep == 0.5


def test_the_file_that_ships_is_for_the_leaves_alone(stripes, monkeypatch):
    monkeypatch.setattr(recipe.training, "original", lambda *_: 1 / 0)
    images = dataclasses.replace(data.load("leaves"), name="mine")
    assert recipe.packed_file(images) == models.WEIGHTS / "leaves.packed"
    with pytest.raises(ZeroDivisionError):
        recipe.packed_file(dataclasses.replace(stripes, name="leaves"), progress=False)


def test_a_lesson_is_its_teachers_own(stripes, original, tmp_path):
    key = Lesson(stripes, original, tmp_path).key
    assert Lesson(stripes, copy.deepcopy(original), tmp_path).key == key
    other = copy.deepcopy(original)
    other.forward = lambda images: -type(other).forward(other, images)
    assert Lesson(stripes, other, tmp_path).key != key
    other.forward = lambda images: type(other).forward(other, images) + torch.rand(1)
    assert Lesson(stripes, other, tmp_path).key != Lesson(stripes, other, tmp_path).key


@pytest.mark.long
def test_other_images_are_compressed_once(stripes, original, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(recipe, "LEAVES", WEE)
    monkeypatch.setattr(recipe.training, "original", lambda *_: original)
    path = recipe.packed_file(stripes, progress=False)
    assert packing.load(path).network is None
    monkeypatch.setattr(recipe, "states", lambda *_: pytest.fail("compressed again"))
    assert recipe.packed_file(stripes, progress=False) == path
    monkeypatch.setattr(recipe.cache, "writable_dir", lambda: None)
    with pytest.raises(OSError, match="set COURSE_CACHE"):
        recipe.packed_file(stripes, progress=False)


@pytest.mark.long
def test_nothing_holds_is_said_not_hidden(done):
    worse = dataclasses.replace(done, max_drop=done.tries[0].drop - 1)
    assert not worse.holds
    assert f"No network lost at most {worse.max_drop:g} points" in str(worse)


def test_masks_and_rounding_outlive_pruning_of_neurons(lesson):
    steps = (PruneWeights(0.8), Quantize(4), PruneNeurons(0.5), Distil(images=200))
    state = applied(steps, lesson)
    weights = [layer.weight for layer in structure.layers(state.network).values()]
    zeros = sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)
    assert zeros > 0.5
    for weight in weights:
        for channel in weight.flatten(1):
            assert channel.unique().numel() <= 15, "4 bits have 15 levels"
    assert state.network.widths == (4, 4, 8, 8, 16, 16)


@pytest.mark.long
def test_any_order_can_be_exported(lesson):
    for steps in (
        (Quantize(3), PruneNeurons(0.5), PruneWeights(0.5)),
        (Factor(0.6), PruneWeights(0.5), Quantize(8)),
        (PruneWeights(0.5), Factor(0.6)),
    ):
        state = applied((*steps, Pack()), lesson)
        images = next(lesson.data.val.batches(4))[0]
        exported = state.exported(lesson)
        assert exported(images).isfinite().all()
        assert exported.saturating == (), "such a file is safe on every processor"


def test_counts_are_kept_where_there_are_as_many(lesson):
    state = PruneNeurons((5, 99, 3, 16, 32, 1)).apply(State(lesson.original), None)
    assert state.network.widths == (5, 8, 3, 16, 32, 1)
    half = PruneNeurons(0.5).apply(State(lesson.original), lesson).network
    counts = PruneNeurons(half.widths).apply(State(lesson.original), lesson).network
    by_share = training.recalibrated(
        neuron_pruning.prune(lesson.original, 0.5), lesson.data.train.first(512)
    )
    for one, *others in zip(*(n.parameters() for n in (half, counts, by_share)), strict=True):
        assert all(torch.equal(one, other) for other in others)


def test_the_seed_decides_which_channels_go_at_random(lesson):
    def first(seed):
        state = State(lesson.original)
        step = PruneNeurons(0.5, "random")
        return step.apply(state, dataclasses.replace(lesson, seed=seed)).network.features[0].weight

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_fewer_bits_and_zeros_are_fewer_bytes(lesson):
    whole = State(lesson.original)
    assert Quantize(3).apply(whole, lesson).stored_bytes < whole.stored_bytes / 6
    sparse = PruneWeights(0.9).apply(whole, lesson)
    weights = sum(layer.weight.numel() for layer in structure.layers(lesson.original).values())
    saved = whole.stored_bytes - sparse.stored_bytes
    assert saved == pytest.approx(0.9 * weights * 4 - weights / 8, rel=0.01)


@pytest.mark.long
def test_a_price_makes_zeros(lesson):
    def zeros(price):
        state = applied((Quantize(3), Distil(images=1500, price=price)), lesson)
        weights = [layer.weight for layer in structure.layers(state.network).values()]
        return sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)

    assert zeros(3e-4) > zeros(0.0) + 0.1


def test_the_baseline_knows_nothing_of_the_original(lesson):
    steps = recipe.from_scratch((PruneNeurons(0.5), PruneWeights(0.6), Distil(images=64), Pack()))
    assert [type(step) for step in steps] == [PruneNeurons, PruneWeights, Forget, Distil, Pack]
    assert steps[3].mix == 0
    forgotten = applied(steps[:3], lesson)
    pruned = applied(steps[:2], lesson)
    old = structure.layers(structure.plain(pruned.network))
    new = structure.layers(structure.plain(forgotten.network))
    for name, layer in old.items():
        assert torch.equal(layer.weight == 0, new[name].weight == 0), "the same architecture"
        nonzero = layer.weight != 0
        assert not torch.isclose(layer.weight[nonzero], new[name].weight[nonzero]).any()


@pytest.mark.long
def test_the_judge_sees_files_alone(stripes, original, tmp_path):
    state = applied((Quantize(8), Pack()), Lesson(stripes, original, tmp_path, progress=False))
    path = packing.write(tmp_path / "small.packed", state.packed)
    full = tmp_path / "full.onnx"
    full.write_bytes(in_full_8_bits(stripes, original).content)
    card, other = fresh_process.cards(
        {"small": path, "full": full}, stripes, images=20, limit_s=0.2
    )
    assert (card.name, card.packed_bytes, len(card.correct)) == ("small", len(state.packed), 20)
    assert (card.saturating, other.saturating) == (0, 7)
    path.write_bytes(state.packed[:-7])
    with pytest.raises(ValueError, match=r"small\.packed"):
        fresh_process.cards({"small": path}, stripes)


@pytest.mark.parametrize(
    ("steps", "settings", "said"),
    [
        ((Quantize(8),), {}, "end with its only Pack"),
        ((Pack(), Quantize(8), Pack()), {}, "end with its only Pack"),
        (["prune"], {}, "list of steps such as"),
        ((Pack(),), {"max_drop": -1}, "max_drop must be in points"),
        ((Pack(),), {"max_drop": float("nan")}, "max_drop must be in points"),
        ((Pack(),), {"minutes": -0.5}, "minutes must be at least 0"),
        ((Pack(),), {"minutes": float("nan")}, "minutes must be at least 0"),
        ((PruneNeurons((4, 4)), Pack()), {}, "each of the 6 layers"),
    ],
)
def test_wrong_requests_are_quoted(stripes, original, steps, settings, said):
    with pytest.raises(ValueError, match=said):
        recipe.compress(stripes, steps, original=original, progress=False, **settings)


@pytest.mark.parametrize("keep", [0, 1.5, -0.2, (), (4, 0)])
def test_a_share_to_keep_that_is_none_is_refused(keep):
    with pytest.raises(ValueError, match="keep must be a share"):
        PruneNeurons(keep)


def test_data_without_validation_images_is_refused(stripes, original):
    bare = dataclasses.replace(stripes, val=stripes.val.first(0))
    with pytest.raises(ValueError, match="no val images"):
        recipe.compress(bare, (Pack(),), original=original)


@pytest.mark.long
def test_networks_other_than_leafnet_go_the_same_way(tmp_path):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (90, 28, 28), dtype=np.uint8)
    grey = data.from_arrays(pixels, np.arange(90) % 3, name="grey")
    torch.manual_seed(0)
    for network, keep in ((models.LeNet5(3), (4, 8, 20)), (models.LeNet300100(3), (20, 10))):
        lesson = Lesson(grey, network.eval(), tmp_path, progress=False)
        state = applied((PruneNeurons(keep), Quantize(3), Distil(images=63), Pack()), lesson)
        assert state.network.widths == keep
        assert state.exported(lesson)(next(grey.val.batches(2))[0]).shape == (2, 3)


@pytest.mark.long
def test_the_command_prints_one_object_and_nothing_else(stripes, done, monkeypatch, capfd):
    asked = {}

    def compress(data, **options):
        asked.update(options)
        return done

    monkeypatch.setattr(data, "load", lambda name: stripes)
    monkeypatch.setattr(recipe, "compress", compress)
    monkeypatch.setattr(app, "write_models", lambda *given: asked.update(models=given))
    command = ["compress", "--data", "stripes", "--out", "smaller", "--max-drop", "30"]
    assert __main__.main([*command, "--no-baseline", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == done.as_dict()
    assert set(done.as_dict()) == {"before", "after", "steps"}
    assert (asked["max_drop"], asked["folder"], asked["baseline"]) == (30, "smaller", False)
    assert asked["models"] == ("smaller", stripes)
    assert __main__.main(command) == 0
    assert "The recipe: prune neurons" in capfd.readouterr().out


def test_the_default_recipe_is_the_sentence_that_it_prints():
    assert recipe.sentence(recipe.LEAVES).count(",") >= 3
    assert all(isinstance(step, recipe.Step) for step in recipe.LEAVES)
    assert nn.Module not in map(type, recipe.LEAVES)


def test_what_ships_is_what_the_recorded_table_says():
    images, table = data.load("leaves"), recorded.load("working_together")
    (row,) = table["shipped"]["rows"]
    file = models.WEIGHTS / "leaves.packed"
    assert file.stat().st_size == row["packed_bytes"]
    original = training.original(images)
    right = recipe.named_right(packing.load(file), images.test).double().mean().item()
    assert right == pytest.approx(row["accuracy"], abs=0.001)
    lesson = Lesson(images, original, file.parent, progress=False)
    pruned = recipe.LEAVES[0].apply(State(original), lesson)
    assert pruned.stored_bytes == row["stages"][0]["bytes"]
    rounded = recipe.LEAVES[1].apply(pruned, lesson)
    assert rounded.stored_bytes == row["stages"][1]["bytes"]
    assert counting.macs(pruned.network, images.shape) == row["macs"]


def test_the_best_try_is_the_smallest_that_holds_or_else_the_nearest():
    tries = [SimpleNamespace(drop=drop, bytes=size) for drop, size in ((0.2, 9), (0.4, 7), (3, 2))]
    assert recipe._best(tries, 0.5).bytes == 7
    assert recipe._best(tries, 0.4).bytes == 7
    assert recipe._best(tries, 9).bytes == 2
    assert recipe._best(tries, 0.1).bytes == 9


def test_a_folder_is_used_again(tmp_path):
    for _ in range(2):
        with recipe._alone_in(tmp_path / "out") as kept:
            assert (kept / "trainings").is_dir()

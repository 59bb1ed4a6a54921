"""fit: seeded, keeps the best, never changes what it was given; original: shipped or cached."""

import copy
import dataclasses
import errno
import hashlib
import io
import math
import os
import signal
from types import MethodType

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import data, models, training
from course_lib.networks import epochs, keeper, stopping


def stop_half_way(_network, done, total):
    if done > total // 2:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def stripes():
    """Bright images of horizontal or vertical stripes: learned in moments."""
    rng = np.random.default_rng(0)
    labels = np.arange(160) % 2
    pixels = rng.integers(0, 60, (160, 28, 28), dtype=np.uint8)
    pixels[labels == 0, ::4] = 255
    pixels[labels == 1, :, ::4] = 255
    return data.from_arrays(pixels, labels, name="stripes")


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.long
def test_fit_learns_returns_a_copy_and_repeats_itself(stripes):
    network = models.LeafNet(4, 2, 1)
    before = state(network)
    settings = {"epochs": 4, "batch_size": 8, "progress": False}
    first, history = training.fit(network, stripes, **settings)
    again, _ = training.fit(network, stripes, **settings)
    other, _ = training.fit(network, stripes, seed=1, **settings)
    assert same(state(network), before)
    assert training.evaluate(first, stripes.test) > 0.9
    assert history.loss[-1] < history.loss[0]
    assert same(state(first), state(again))
    assert not same(state(first), state(other))
    assert not first.training


def test_the_best_on_validation_is_kept(stripes):
    network, history = training.fit(models.LeafNet(4, 2, 1), stripes, epochs=5, progress=False)
    assert history.best_epoch == int(np.argmax(history.validation_accuracy))
    best = max(history.validation_accuracy)
    assert training.evaluate(network, stripes.val) == pytest.approx(best)


def test_patience_stops_early(stripes):
    _, history = training.fit(
        models.LeafNet(4, 2, 1), stripes, epochs=40, patience=2, progress=False
    )
    assert len(history.loss) == history.best_epoch + 3 < 40


# Stopped by hand


@pytest.fixture
def stop(tmp_path, monkeypatch):
    """Presses stop in the midst of the step of this number; the cache is one of the test's own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))

    def at(number):
        step, done = training.Run._step, []

        def pressing(self, value):
            done.append(value)
            if len(done) == number:
                signal.raise_signal(signal.SIGINT)
            return step(self, value)

        monkeypatch.setattr(training.Run, "_step", pressing)
        return done

    return at


def left(tmp_path):
    return [file.name for file in (tmp_path / "cache").glob("[!.]*")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("at", [1, 7, 10, 21])  # of seven an epoch
def test_who_stops_gets_no_network_and_the_same_call_goes_on(stripes, stop, tmp_path, at, workers):
    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 3, "batch_size": 16, "workers": workers, "progress": False}
    whole, history = training.fit(network, stripes, **settings)
    done = stop(at)
    with pytest.raises(training.Stopped, match=r"Stopped in epoch \d of 3\. What was .* is kept"):
        training.fit(network, stripes, **settings)
    assert len(done) == at, "the step was finished, and no other begun"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again, rest = training.fit(network, stripes, **settings)
    assert len(done) == 21
    assert same(state(again), state(whole))
    assert (rest.loss, rest.validation_accuracy) == (history.loss, history.validation_accuracy)
    assert left(tmp_path) == []


def test_who_stops_while_an_epoch_is_judged_loses_nothing(stripes, stop, tmp_path, monkeypatch):
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 3, "batch_size": 16, "progress": False, "patience": 1}
    whole, history = training.fit(network, stripes, **settings)
    evaluate, asked = training.evaluate, []

    def stopped(*given):
        asked.append(given)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return evaluate(*given)

    monkeypatch.setattr(training, "evaluate", stopped)
    with pytest.raises(training.Stopped, match="epoch 2 of 3"):
        training.fit(network, stripes, **settings)
    again, rest = training.fit(network, stripes, **settings)
    assert len(asked) == len(history.loss) + 1
    assert same(state(again), state(whole))
    assert rest.loss == history.loss


def weighted(factor):
    def loss(network, inputs, labels, numbers):
        return factor * torch.nn.functional.cross_entropy(network(inputs), labels)

    return loss


def test_another_loss_begins_anew(stripes, stop, tmp_path):
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 2, "batch_size": 16, "progress": False}
    done = stop(5)
    with pytest.raises(training.Stopped):
        training.fit(network, stripes, loss=weighted(1.0), **settings)
    training.fit(network, stripes, loss=weighted(0.5), **settings)
    assert len(done) == 5 + 14
    training.fit(network, stripes, loss=weighted(1.0), **settings)
    assert len(done) == 5 + 14 + 9
    assert left(tmp_path) == []


def test_what_cannot_be_told_from_others_is_said_not_to_be_kept(stripes, stop, tmp_path):
    network = models.LeafNet(4, 2, 1)
    network.register_forward_hook(lambda *_: None)
    stop(5)
    with pytest.raises(training.Stopped, match="Nothing of it is kept: run again, it begins anew"):
        training.fit(network, stripes, epochs=2, batch_size=16, progress=False)
    assert left(tmp_path) == []


def test_an_error_in_the_midst_of_a_step_is_no_place_to_go_on_from(stripes, stop, tmp_path):
    def pressed_twice(network, done, steps):
        raise KeyboardInterrupt

    with pytest.raises(training.Stopped, match="Nothing of it is kept"):
        training.fit(models.LeafNet(4, 2, 1), stripes, after_step=pressed_twice, progress=False)
    assert left(tmp_path) == []


def test_stopped_is_one_sentence_in_a_notebook():
    assert training.Stopped("Stopped.")._render_traceback_() == ["Stopped."]


def test_the_second_press_does_not_wait():
    def pressed_twice():
        with stopping.Held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("it waited")

    with pytest.raises(KeyboardInterrupt):
        pressed_twice()


def test_a_handler_of_ones_own_stays(monkeypatch):
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("mine"))
    try:
        with stopping.Held() as held:
            signal.raise_signal(signal.SIGINT)
            held.release()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == ["mine"]


def test_what_nobody_went_on_with_is_forgotten(stripes, stop, tmp_path):
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 2, "batch_size": 16, "progress": False}
    for seed in (0, 1):
        stop(5)
        with pytest.raises(training.Stopped):
            training.fit(network, stripes, seed=seed, **settings)
    for file in (tmp_path / "cache").glob("stopped-*"):
        os.utime(file, (0, 0))
    training.fit(network, stripes, seed=0, **settings)
    assert left(tmp_path) == []


# What a training is told, and tells


def test_the_loss_is_told_which_images_it_sees(stripes):
    seen = []

    def looking(network, inputs, labels, numbers):
        assert torch.equal(stripes.train.labels[numbers], labels)
        seen.extend(numbers.tolist())
        return torch.nn.functional.cross_entropy(network(inputs), labels)

    training.fit(models.LeafNet(4, 2, 1), stripes, epochs=1, loss=looking, progress=False)
    assert sorted(seen) == list(range(len(stripes.train)))


def test_what_is_done_after_each_step_lasts_and_the_last_epoch_can_be_kept(stripes):
    calls = []

    def clear(network, done, steps):
        calls.append((done, steps))
        with torch.no_grad():
            network.features[0].weight[0] = 0

    network, history = training.fit(
        models.LeafNet(4, 2, 1), stripes, epochs=2, after_step=clear, keep="last", progress=False
    )
    assert network.features[0].weight[0].count_nonzero() == 0
    assert network.features[0].weight[1].count_nonzero() > 0
    assert [done for done, _ in calls] == list(range(1, calls[0][1] + 1))
    assert history.best_epoch == 1
    with pytest.raises(ValueError, match="keep must be 'best' or 'last', got 'first'"):
        training.fit(models.LeafNet(4, 2, 1), stripes, keep="first", progress=False)


def test_a_frozen_network_has_nothing_to_train(stripes):
    frozen = models.LeafNet(4, 2, 1).requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        training.fit(frozen, stripes, progress=False)


def test_no_training_images_is_an_error_of_its_own(stripes):
    empty = dataclasses.replace(stripes, train=stripes.train.first(0))
    with pytest.raises(ValueError, match="'stripes' has no training images"):
        training.fit(models.LeafNet(4, 2, 1), empty, progress=False)


def test_batch_norms_measured_anew_expect_what_they_get(stripes):
    network, images = models.LeafNet(4, 2, 1).eval(), stripes.train.first(60)
    with torch.no_grad():
        network.features[0].weight[:2] = 0
    before = state(network)
    found = training.recalibrated(network, images, batch_size=60)
    with torch.inference_mode():
        outputs = found.features[0](data.normalise(images.pixels))
        torch.testing.assert_close(found.features[1].running_mean, outputs.mean((0, 2, 3)))
        torch.testing.assert_close(found.features[1].running_var, outputs.var((0, 2, 3)))
    assert not found.training
    assert found.features[1].momentum == network.features[1].momentum
    assert same(before, network.state_dict())
    for given, kept in zip(network.parameters(), found.parameters(), strict=True):
        assert torch.equal(given, kept)


def test_norms_need_two_images_and_a_network_without_norms_stays_as_it_is(stripes):
    network = models.LeafNet(4, 2, 1).eval()
    with pytest.raises(ValueError, match=r"at least 2 .* got 1"):
        training.recalibrated(network, stripes.train.first(1))
    third_alone = training.recalibrated(network, stripes.train.first(3), batch_size=2)
    assert third_alone.features[1].running_var.isfinite().all()
    plain = models.LeNet5(2)
    assert same(state(plain), training.recalibrated(plain, stripes.train.first(2)).state_dict())


def test_a_loss_that_is_no_number_stops_with_the_reason(stripes):
    def broken(network, images, labels, numbers):
        return network(images).sum() * float("nan")

    with pytest.raises(FloatingPointError, match="learning rate"):
        training.fit(models.LeafNet(4, 2, 1), stripes, epochs=1, loss=broken, progress=False)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch_size": 1}, {"learning_rate": 0}, {"learning_rate": -1}]
)
def test_settings_that_cannot_work_are_quoted(stripes, wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        training.fit(models.LeafNet(4, 2, 1), stripes, progress=False, **wrong)


def test_predict_keeps_the_mode_and_the_order(stripes):
    network = models.LeafNet(4, 2, 1).train()
    logits = training.predict(network, stripes.test, batch_size=7)
    assert network.training
    assert logits.shape == (len(stripes.test), 2)
    network.eval()
    one = network(data.normalise(stripes.test.pixels[5:6]))
    assert torch.allclose(logits[5:6], one, atol=1e-5)


@pytest.mark.parametrize("ask", [training.evaluate, training.predict])
def test_asking_leaves_every_module_as_it_was(stripes, ask):
    network = models.LeafNet(4, 2, 1).train()
    network.features[1].eval()  # a frozen norm
    network.classify.eval()
    modes, before = [module.training for module in network.modules()], state(network)
    ask(network, stripes.test)
    assert [module.training for module in network.modules()] == modes
    assert same(before, state(network))

    class Broken(torch.nn.Dropout):
        def forward(self, values):
            raise RuntimeError("broken")

    network.features[2] = Broken()
    with pytest.raises(RuntimeError, match="broken"):
        ask(network, stripes.test)
    assert [module.training for module in network.modules()] == modes


def test_a_network_that_cannot_be_told_from_others_has_no_checkpoint(stripes, tmp_path):
    class Choosy(models.LeafNet):
        def forward(self, images):
            found = super().forward(images)
            return found if found.sum() > 0 else found * 2

    file = tmp_path / "training.part"

    def interrupted(network, done, total):
        if done > total // 2:
            raise KeyboardInterrupt

    settings = {"epochs": 4, "batch_size": 16, "progress": False, "checkpoint": file}
    with pytest.raises(KeyboardInterrupt):
        training.fit(Choosy(4, 2, 1), stripes, after_step=interrupted, **settings)
    assert not file.exists()


def test_a_checkpoint_is_not_gone_on_with_by_one_that_prints_alike(stripes, tmp_path):
    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    other = copy.deepcopy(network)
    other.forward = MethodType(lambda self, images: -models.LeafNet.forward(self, images), other)
    file = tmp_path / "training.part"
    settings = {"epochs": 4, "batch_size": 16, "progress": False, "checkpoint": file}
    with pytest.raises(KeyboardInterrupt):
        training.fit(network, stripes, after_step=stop_half_way, **settings)
    assert file.exists()
    with pytest.raises(ValueError, match="other settings, images or weights"):
        training.fit(other, stripes, **settings)


@pytest.mark.parametrize("name", ["leaves", "mine"])
def test_what_ships_is_for_the_images_that_it_was_trained_on(stripes, monkeypatch, name):
    monkeypatch.setattr(training, "train_original", lambda *_args, **_options: 1 / 0)
    images = dataclasses.replace(data.load("leaves"), name=name)
    shipped = models.load_pretrained("leafnet_leaves")
    assert same(state(training.original(images)), state(shipped))
    with pytest.raises(ZeroDivisionError):
        training.original(dataclasses.replace(stripes, name=name))


def test_augmenting_moves_grey_images_and_turns_coloured_ones():
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(64, 1, 32, 32)
    image[:, :, 4:12, 4:8] = 1  # upright, in a corner
    moved = training.augmented(image, generator, ["move"])
    turned = training.augmented(image, generator)
    assert moved.shape == image.shape
    assert torch.equal(moved.sum((1, 2, 3)), image.sum((1, 2, 3)))
    assert all(m[:, :16, :16].sum() == 32 for m in moved)  # none left its corner
    assert len({tuple(m.flatten().tolist()) for m in moved}) > 5
    corners = {(bool(t[:, :16].sum() > 0), bool(t[:, :, :16].sum() > 0)) for t in turned}
    assert len(corners) == 4


def test_an_original_is_trained_once_and_cached(stripes, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    first = training.original(stripes, progress=False)
    assert len(list(tmp_path.glob("leafnet-*.safetensors"))) == 1
    monkeypatch.setattr(training, "fit", None)  # a second training would fail
    assert same(state(training.original(stripes)), state(first))


@pytest.mark.long
def test_a_stopped_original_is_no_original(stripes, stop, monkeypatch, tmp_path):
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    done = stop(5)
    with pytest.raises(training.Stopped, match="What was learned is kept"):
        training.original(stripes, progress=False)
    assert [name.rpartition(".")[2] for name in left(tmp_path)] == ["part"]
    training.original(stripes, progress=False)
    assert len(done) == 30 * 2, "no step is done twice"
    assert [name.rpartition(".")[2] for name in left(tmp_path)] == ["safetensors"]


@pytest.mark.long
def test_the_shipped_original_is_what_its_script_describes():
    path = models.WEIGHTS / "leafnet_leaves.safetensors"
    network, notes = models.load(path), models.notes(path)
    assert isinstance(network, models.LeafNet)
    assert (network.widths[0], network.classes, network.channels) == (
        64,
        len(training.leaves.SPECIES),
        3,
    )
    images = data.load("leaves")
    assert notes["images"] == training.leaves.VERSION
    right = training.predict(network, images.test.first(1000)).argmax(1)
    labels = images.test.labels[:1000]
    genus = torch.tensor(images.groups)
    assert (right == labels).double().mean().item() == pytest.approx(notes["species"], abs=0.015)
    assert (genus[right] == genus[labels]).double().mean() > 0.985


@pytest.mark.slow  # the full network is trained
def test_a_short_run_moves_as_the_script_describes():
    images = data.load("leaves")
    few = data.ImageData(
        "few", images.train.first(640), images.val.first(240), images.test.first(12), images.classes
    )
    network, history = training.train_original(few, epochs=4, progress=False)
    assert network.widths[0] == 64
    assert history.loss == sorted(history.loss, reverse=True)
    # The loss of guessing is log(12); accuracy follows later, in the shipped run after a hundred
    # steps: its first epoch ended at 29% of the validation images.
    assert history.loss[-1] < math.log(len(images.classes)) - 0.05


def test_what_ships_was_trained_to_its_end():
    notes = models.notes(models.WEIGHTS / "leafnet_leaves.safetensors")
    assert len(notes["validation"]) == notes["epochs"]
    assert notes["validation"][0] < notes["validation"][-1] == max(notes["validation"])


def test_two_workers_do_what_one_does_where_no_batch_norm_stands_between(stripes):
    """The mean gradient of two halves is that of the whole; LeNet has no batch norms."""
    torch.manual_seed(0)
    network = models.LeNet300100(classes=2, widths=(8, 8))
    settings = {"epochs": 2, "batch_size": 17, "augment": False, "keep": "last", "progress": False}
    one, alone = training.fit(network, stripes, **settings)
    two, shared = training.fit(network, stripes, workers=2, **settings)
    np.testing.assert_allclose(shared.loss, alone.loss, rtol=1e-3)
    for name, value in state(one).items():
        torch.testing.assert_close(state(two)[name], value, rtol=1e-3, atol=1e-4)


def test_workers_learn_repeat_themselves_and_leave_the_threads_alone(stripes):
    threads = torch.get_num_threads()
    settings = {"epochs": 5, "batch_size": 16, "workers": 2, "progress": False}
    first, history = training.fit(models.LeafNet(4, 2, 1), stripes, **settings)
    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    again, once = (training.fit(network, stripes, **settings)[0] for _ in range(2))
    assert same(state(again), state(once))
    assert training.evaluate(first, stripes.test) > 0.9
    assert history.loss[-1] < history.loss[0]
    assert torch.get_num_threads() == threads


def test_an_error_in_a_worker_is_raised_and_the_threads_come_back(stripes):
    threads = torch.get_num_threads()

    def broken(network, images, labels, numbers):
        raise ZeroDivisionError("in the loss")

    with pytest.raises(ZeroDivisionError, match="in the loss"):
        training.fit(models.LeafNet(4, 2, 1), stripes, 1, loss=broken, workers=2, progress=False)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("workers", [1, 2])
def test_training_goes_on_after_an_interruption_and_ends_the_same(stripes, tmp_path, workers):
    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 4, "batch_size": 16, "workers": workers, "progress": False}
    whole, history = training.fit(network, stripes, **settings)
    file = tmp_path / "training.part"
    steps = 0

    def interrupted(network, done, total):
        nonlocal steps
        steps += 1
        if steps == 2 * total // 4 + 3:  # in the third epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(network, stripes, after_step=interrupted, checkpoint=file, **settings)
    assert file.exists()
    resumed, rest = training.fit(network, stripes, checkpoint=file, **settings)
    assert same(state(resumed), state(whole))
    assert rest.loss == history.loss
    assert not file.exists(), "done: nothing to go on with"


def test_what_an_earlier_version_kept_is_gone_on_with(stripes, tmp_path):
    """Its history said whether it was interrupted."""
    network, file = models.LeafNet(4, 2, 1), tmp_path / "training.part"
    settings = {"epochs": 4, "batch_size": 16, "progress": False}
    whole, _ = training.fit(network, stripes, **settings)
    with pytest.raises(KeyboardInterrupt):
        training.fit(network, stripes, after_step=stop_half_way, checkpoint=file, **settings)
    kept = keeper.checkpoints.read(file)
    kept["history"]["interrupted"] = False
    stored = io.BytesIO()
    torch.save(kept, stored)
    content = stored.getvalue()
    file.write_bytes(hashlib.sha256(content).digest() + content)
    resumed, _ = training.fit(network, stripes, checkpoint=file, **settings)
    assert same(state(resumed), state(whole))


class Killed(BaseException):
    """As SIGKILL: nothing is done about it."""


@pytest.mark.parametrize("at", [1, 7, 14, 21])
def test_a_kill_in_the_midst_of_an_epoch_costs_no_step(stripes, tmp_path, monkeypatch, at):
    """The network draws at random, too: dropout goes on where it was."""
    monkeypatch.setattr(keeper, "EVERY", 0.0)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(28 * 28, 2))
    settings = {"epochs": 3, "batch_size": 16, "progress": False, "keep": "last"}
    settings["learning_rate"] = 0.001
    whole, history = training.fit(network, stripes, **settings)
    file, done = tmp_path / "training.part", []

    def killed(_network, step, _total):
        done.append(step)
        if step == at:
            raise Killed

    with pytest.raises(Killed):
        training.fit(network, stripes, after_step=killed, checkpoint=file, **settings)
    done.clear()
    after = lambda _network, step, _total: done.append(step)  # noqa: E731
    again, rest = training.fit(network, stripes, after_step=after, checkpoint=file, **settings)
    assert done[0] == at, "the last step alone, which was not written, is done again"
    assert same(state(again), state(whole))
    assert (rest.loss, rest.validation_accuracy) == (history.loss, history.validation_accuracy)
    assert not file.exists()


def test_a_patient_training_that_was_killed_at_its_end_learns_no_epoch_more(stripes, tmp_path):
    torch.manual_seed(0)
    settings = {"epochs": 9, "patience": 1, "progress": False}
    network = models.LeafNet(4, 2, 1)
    whole, history = training.fit(network, stripes, **settings)
    file = tmp_path / "training.part"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeper.Keeper, "done", lambda _: None)
        training.fit(network, stripes, checkpoint=file, **settings)
    again, rest = training.fit(network, stripes, checkpoint=file, **settings)
    assert rest.loss == history.loss
    assert same(state(again), state(whole))


@pytest.mark.long
def test_a_killed_original_goes_on_and_ends_the_same(stripes, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "a"))
    whole = training.original(stripes, progress=False)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "b"))
    epoch, begun = training.Run.epoch, []

    def killed(run, *words):
        begun.append(run.schedule.last_epoch)
        if len(begun) == 3:
            raise Killed
        return epoch(run, *words)

    monkeypatch.setattr(training.Run, "epoch", killed)
    with pytest.raises(Killed):
        training.original(stripes, progress=False)
    assert [file.suffix for file in (tmp_path / "b").glob("[!.]*")] == [".part"]
    again = training.original(stripes, progress=False)
    assert begun[2:4] == [begun[2]] * 2, "the third epoch was begun twice, and none before"
    assert begun[0] == 0 < begun[2]
    assert same(state(again), state(whole))
    assert [file.suffix for file in (tmp_path / "b").glob("[!.]*")] == [".safetensors"]


@pytest.mark.long
def test_a_kill_before_an_original_is_stored_loses_nothing(stripes, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training.cache, "_write", killed)
        with pytest.raises(Killed):
            training.original(stripes, progress=False)
    assert [file.suffix for file in tmp_path.glob("[!.]*")] == [".part"]
    monkeypatch.setattr(training.Run, "epoch", lambda *_: pytest.fail("all was learned"))
    training.original(stripes, progress=False)
    assert [file.suffix for file in tmp_path.glob("[!.]*")] == [".safetensors"]


@pytest.mark.parametrize(("count", "epochs"), [(100, 30), (4_000, 25), (50_000, 3)])
def test_an_original_takes_more_passes_over_few_images(monkeypatch, count, epochs):
    pixels = torch.zeros(1, 1, 28, 28, dtype=torch.uint8).expand(count, -1, -1, -1)
    many = data.Images(pixels, torch.arange(count) % 2)
    few = many.first(2)
    taken = data.ImageData("many", many, few, few, ("a", "b"))
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    monkeypatch.setattr(training, "fit", lambda *_args, epochs, **_options: epochs)
    assert training.train_original(taken, progress=False) == epochs


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU one worker does it all")
def test_workers_share_a_batch_of_at_least_two_images_each(stripes):
    def workers(wanted, batch_size):
        network = models.LeafNet(4, 2, 1)
        return training.Run(network, stripes.train, 1, 0.1, batch_size, 0.0, 0, wanted).workers

    assert [workers(2, 16), workers(4, 6), workers(2, 3), workers(1, 16)] == [2, 3, 1, 1]


@pytest.mark.parametrize("left", [b"", b"no checkpoint"])
def test_what_cannot_be_gone_on_with_is_trained_from_its_beginning(
    stripes, tmp_path, monkeypatch, capsys, left
):
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    (tmp_path / f"leafnet-{stripes.fingerprint}.part").write_bytes(left)
    training.original(stripes, progress=False)
    assert "training begins anew" in capsys.readouterr().err
    assert [file.suffix for file in tmp_path.glob("[!.]*")] == [".safetensors"]


@pytest.mark.long
def test_what_another_version_left_is_trained_from_its_beginning(
    stripes, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    kept = tmp_path / f"leafnet-{stripes.fingerprint}.part"

    with pytest.raises(KeyboardInterrupt):
        training.fit(models.LeafNet(4, 2, 1), stripes, epochs=2, batch_size=16, progress=False,
                     checkpoint=kept, after_step=stop_half_way)  # fmt: skip
    training.original(stripes, progress=False)
    assert "cannot be gone on with: beginning again" in capsys.readouterr().err
    assert [file.suffix for file in tmp_path.glob("[!.]*")] == [".safetensors"]


def test_a_full_cache_ends_no_training_and_a_full_folder_does(stripes, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "ORIGINAL_WIDTH", 4)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="Training goes on, but begins again if it is interrupted"):
        training.original(stripes, progress=False)
    with pytest.raises(OSError, match="free some space"):
        training.fit(
            models.LeafNet(4, 2, 1), stripes, 2, progress=False, checkpoint=tmp_path / "x.part"
        )


def test_a_checkpoint_of_something_else_is_refused(stripes, tmp_path):
    file = tmp_path / "training.part"

    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 4, "batch_size": 16, "progress": False, "checkpoint": file}
    with pytest.raises(KeyboardInterrupt):
        training.fit(network, stripes, after_step=stop_half_way, **settings)
    with pytest.raises(ValueError, match="other settings, images or weights"):
        training.fit(network, stripes, seed=1, **settings)


@pytest.mark.parametrize("harm", ["cut", "bit", "empty"])
def test_a_damaged_checkpoint_is_said_and_training_begins_anew(stripes, tmp_path, capsys, harm):
    file = tmp_path / "training.part"

    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 2, "batch_size": 16, "progress": False}
    whole, history = training.fit(network, stripes, **settings)
    with pytest.raises(KeyboardInterrupt):
        training.fit(network, stripes, after_step=stop_half_way, checkpoint=file, **settings)
    kept = bytearray(file.read_bytes())
    kept[len(kept) // 2] ^= 1  # among the weights: PyTorch would read it without a word
    file.write_bytes({"cut": kept[:-7], "bit": kept, "empty": b""}[harm])
    again, anew = training.fit(network, stripes, checkpoint=file, **settings)
    assert "training.part is damaged (its checksum differs): training begins anew" in (
        capsys.readouterr().err
    )
    assert same(state(again), state(whole))
    assert anew.loss == history.loss
    assert not file.exists()


@pytest.mark.long
def test_bfloat16_learns_as_well_and_changes_nothing_where_there_is_none(stripes, monkeypatch):
    torch.manual_seed(0)
    network = models.LeafNet(4, 2, 1)
    settings = {"epochs": 4, "batch_size": 8, "progress": False}
    exact, _ = training.fit(network, stripes, **settings)
    monkeypatch.setattr(training, "has_bfloat16", lambda: False)
    without, _ = training.fit(network, stripes, bfloat16=True, **settings)
    assert same(state(without), state(exact))
    monkeypatch.setattr(training, "has_bfloat16", lambda: True)
    seen = set()

    def loss(network, images, labels, numbers):
        logits = network(images)
        seen.add(logits.dtype)
        return torch.nn.functional.cross_entropy(logits.float(), labels)

    rounded, history = training.fit(network, stripes, bfloat16=True, loss=loss, **settings)
    assert seen == {torch.bfloat16}
    assert all(value.dtype in (torch.float32, torch.int64) for value in state(rounded).values())
    assert not same(state(rounded), state(exact))
    assert training.evaluate(rounded, stripes.test) > 0.9
    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("axis", [2, 3])
def test_a_moved_picture_is_moved_and_its_border_goes_on(axis):
    side = 32
    numbers = torch.arange(side, dtype=torch.uint8).reshape(-1, 1).expand(side, side)
    picture = numbers if axis == 2 else numbers.T
    pictures = picture.expand(40, 1, side, side)
    moved = epochs._moved(pictures, torch.Generator().manual_seed(0))
    lines = moved.movedim(axis, 1)[:, :, 0, 0].tolist()
    ways = [
        [min(max(place + shift, 0), side - 1) for place in range(side)] for shift in range(-2, 3)
    ]
    assert {ways.index(line) for line in lines} == set(range(5))
    assert moved.float().std(dim=5 - axis).max() == 0  # it moves as a whole

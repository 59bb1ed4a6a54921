"""The search: the front, the rungs, going on again, and a cluster that loses a worker."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import __main__, data, figures, models, packing, recorded, search, training
from course_lib.networks import keeper
from course_lib.recipes import cluster, coordinator, pareto
from course_lib.recipes.pareto import Trial
from course_lib.recipes.recipe import (
    Distil,
    Lesson,
    Pack,
    PruneNeurons,
    Quantize,
    named_right,
    points_lost,
)

figures_ = st.tuples(
    st.sampled_from([0.9, 0.92, 0.95]), st.integers(1, 4), st.sampled_from([0.1, 0.2])
)


def trial(number, accuracy, size, ms):
    return Trial(number, {"n": number}, accuracy, points_lost(0.97, accuracy), size, ms, "a recipe")


@given(st.lists(figures_, min_size=1, max_size=12))
@settings(deadline=None)
def test_the_front_is_what_nobody_beats(values):
    trials = [trial(i, *each) for i, each in enumerate(values)]
    front = pareto.nondominated(trials)
    assert front, "somebody is always on it"
    for each in trials:
        beaten = any(pareto.dominates(other, each) for other in trials)
        assert (each in front) != beaten
    best = pareto.best(trials, 3)
    assert len(best) == min(3, len(trials))
    assert len({each.number for each in best}) == len(best)
    if len(front) >= 3:
        assert all(each in front for each in best)


def test_the_rule_takes_the_smallest_that_holds_or_says_what_comes_nearest():
    trials = [trial(0, 0.96, 9000, 0.2), trial(1, 0.965, 12000, 0.2), trial(2, 0.9, 5000, 0.1)]
    assert pareto.smallest(trials, max_drop=1).number == 0
    with pytest.raises(ValueError, match="the nearest is trial 1"):
        pareto.smallest(trials, max_drop=0.1)


@pytest.fixture(scope="module")
def tiny():
    """Two classes that a tiny network tells apart: light and dark noise."""
    random = np.random.default_rng(0)
    labels = np.arange(80) % 2
    pixels = np.clip(random.normal(90 + 70 * labels[:, None, None], 30, (80, 28, 28)), 0, 255)
    return data.from_arrays(pixels.astype(np.uint8), labels, ["dark", "light"], name="tiny")


@pytest.fixture(scope="module")
def original(tiny):
    torch.manual_seed(0)
    network, _ = training.fit(models.LeafNet(4, 2, 1), tiny, 4, batch_size=16, progress=False)
    return network


def space(trial):
    keep = trial.suggest_categorical("keep", [0.5, 0.75])
    bits = trial.suggest_categorical("bits", [3, 8])
    return [PruneNeurons(keep), Quantize(bits), Distil(images=200, batch_size=16), Pack()]


def found(tiny, original, folder, **options):
    asked = {"trials": 4, "space": space, "progress": False, **options}
    return search.search(tiny, folder, original=original, **asked)


def told(folder):
    """How often the journal says of each trial that it ended: {(study, trial): times}."""
    import optuna

    backend = optuna.storages.journal.JournalFileBackend(str(folder / "journal"))
    storage = optuna.storages.JournalStorage(backend)
    return {
        (name, each.number): each
        for name in optuna.get_all_study_names(storage)
        for each in optuna.load_study(study_name=name, storage=storage).trials
    }


@pytest.fixture
def quick(monkeypatch):
    """Outcomes that are made up, so that the coordinator is seen at work; the jobs it gave."""
    jobs = []

    def carry_out(lesson, job):
        jobs.append(job)
        keep = job.recipe[0].keep
        return cluster.Outcome(0.5 + keep / 2, bytes(round(1000 * keep) + job.recipe[1].bits))

    monkeypatch.setattr(cluster, "carry_out", carry_out)
    monkeypatch.setattr(coordinator.Coordinator, "_latency", lambda *_: 0.1)
    monkeypatch.setattr(search, "named_right", lambda *_: torch.arange(10) < 9)
    monkeypatch.setattr(search.engines, "onnx", lambda *_: None)
    return jobs


def test_a_search_fills_its_folder_and_goes_on_where_it_was(tiny, original, tmp_path, quick):
    first = found(tiny, original, tmp_path)
    assert (first.cheap, len(first.trials)) == (4, 1)
    cheap, full = quick[0].recipe[2], quick[-1].recipe[2]
    assert (cheap.images, full.images) == (30, 200), "the first rung has a share of the images"
    *tried, _ = ((job.recipe[0].keep, -job.recipe[1].bits) for job in quick)
    asked = [each.system_attrs.get("fixed_params") for each in told(tmp_path).values()]
    keep, bits = max(tried)
    assert {"keep": keep, "bits": -bits} in asked, "what did best with few images is tried in full"
    best = first.trials[0]
    assert best.bytes == best.path.stat().st_size
    assert best.drop == pytest.approx(100 * (0.9 - best.accuracy))
    assert set(best.settings) == {"keep", "bits"}
    stored = json.loads((tmp_path / "front.json").read_text())
    assert stored["trials"][0]["bytes"] == best.bytes
    assert {each.state.name for each in told(tmp_path).values()} == {"COMPLETE"}

    quick.clear()
    again = found(tiny, original, tmp_path)
    assert not quick, "everything was there already"
    assert [each.values for each in again.trials] == [each.values for each in first.trials]
    more = found(tiny, original, tmp_path, trials=5)
    assert more.cheap == 5
    assert 1 <= len(quick) <= 3, "one cheap trial more, and what it brings to the full ones"


def test_minutes_end_the_cheap_trials_and_leave_time_for_full_ones(
    tiny, original, tmp_path, quick, monkeypatch
):
    now = [0.0]

    def carry_out(lesson, job):
        now[0] += 10 if job.recipe[2].images < 200 else 60
        return cluster.Outcome(0.9, bytes(100 + job.number))

    monkeypatch.setattr(cluster, "carry_out", carry_out)
    monkeypatch.setattr(search.time, "perf_counter", lambda: now[0])
    some = found(tiny, original, tmp_path, trials=None, minutes=5)
    assert some.cheap == 13, "two fifths of 300 s, ten seconds each, and the one that was begun"
    assert len(some.trials) == 2, "170 s are left for trials of 67 s"


def test_an_interrupted_trial_is_asked_for_again(tiny, original, tmp_path, quick, monkeypatch):
    carry_out = cluster.carry_out

    def stop(lesson, job):
        if job.number == 1:
            raise KeyboardInterrupt
        return carry_out(lesson, job)

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "carry_out", stop)
        with pytest.raises(KeyboardInterrupt):
            found(tiny, original, tmp_path)
    lost = told(tmp_path)["cheap", 1]
    assert lost.state.name == "RUNNING"
    assert found(tiny, original, tmp_path).cheap == 4
    trials = told(tmp_path)
    assert trials["cheap", 1].state.name == "FAIL"
    assert any(
        key != ("cheap", 1) and each.params == lost.params and each.state.name == "COMPLETE"
        for key, each in trials.items()
    )
    assert all(each.state.is_finished() for each in trials.values())


class Killed(BaseException):
    """As SIGKILL: nothing is done about it."""


@pytest.mark.long
def test_the_trial_that_was_killed_goes_on_with_its_training(tiny, original, tmp_path, monkeypatch):
    monkeypatch.setattr(coordinator.Coordinator, "_latency", lambda *_: 0.1)
    monkeypatch.setattr(keeper, "EVERY", 0.0)
    step, done = training.Run._step, []

    def killed(run, value):
        done.append(run.schedule.last_epoch)
        if len(done) == 4:
            raise Killed
        return step(run, value)

    monkeypatch.setattr(training.Run, "_step", killed)
    rungs = {"trials": 1, "rungs": (1.0, 1.0)}
    with pytest.raises(Killed):
        found(tiny, original, tmp_path, **rungs)
    left = [file.name for file in (tmp_path / "trainings").glob("[!.]*")]
    assert [name.rpartition(".")[2] for name in left] == ["part"]
    found(tiny, original, tmp_path, **rungs)
    assert done[3:5] == [3, 3], "the fourth step is done again, and none before"
    assert not list((tmp_path / "trainings").glob("[!.]*"))


def test_a_recipe_that_cannot_work_fails_alone(tiny, original, tmp_path):
    outcome = cluster.carry_out(
        Lesson(tiny, original, tmp_path, progress=False),
        cluster.Job(0, (PruneNeurons((1, 2)), Quantize(8), Pack())),
    )
    assert "for each of the 6 layers" in outcome.error


def test_a_long_error_is_cut(tiny, original, tmp_path, monkeypatch):
    def fails(*_args):
        raise ValueError("much\n  too long " * 100)

    monkeypatch.setattr(cluster, "states", fails)
    outcome = cluster.carry_out(
        Lesson(tiny, original, tmp_path, progress=False), cluster.Job(0, ())
    )
    assert outcome.error == ("much too long " * 100)[:300]


def test_failures_are_counted_and_never_end_in_silence(
    tiny, original, tmp_path, quick, monkeypatch
):
    carry_out = cluster.carry_out

    def sometimes(lesson, job):
        return cluster.Outcome(error="no") if job.number % 2 else carry_out(lesson, job)

    monkeypatch.setattr(cluster, "carry_out", sometimes)
    some = found(tiny, original, tmp_path / "some", trials=4)
    assert some.cheap == 4
    assert some.failed >= 3
    monkeypatch.setattr(cluster, "carry_out", lambda *_: cluster.Outcome(error="never"))
    with pytest.raises(RuntimeError, match="no trial came to its end; the last error: never"):
        found(tiny, original, tmp_path / "none")


@pytest.mark.long
def test_a_slow_moment_does_not_decide(tiny, original, monkeypatch):
    """All runs take half again as long in the second trial; it is as fast as the first."""
    whole = search.engines.onnx(original, tiny.shape)
    packed = packing.pack(search.engines.int8(whole, tiny.train, 20))
    slow = iter([1.0, 1.0, 1.5])

    def latency(*runs, limit_s):
        factor = next(slow)
        times = [2.0, 0.5][: len(runs)]
        return [SimpleNamespace(median_ms=factor * ms) for ms in times]

    monkeypatch.setattr(search.measuring, "latency", latency)
    lesson = Lesson(tiny, original, Path())
    course = coordinator.Coordinator(lesson, Path(), space, cluster.Here(), 0.9, whole, False)
    assert [course._latency(packed) for _ in range(2)] == [0.5, 0.5]


@pytest.mark.long
def test_the_winner_is_judged_on_the_test_images(tiny, original, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_BRIEF", "1")  # nobody reads the times
    some = found(tiny, original, tmp_path, trials=1)
    judged = some.judge(some.choose(lambda trials: min(trials, key=lambda t: t.bytes)))
    assert judged.cards[1].packed_bytes == some.trials[0].bytes
    assert len(judged.cards[1].correct) == len(tiny.test)
    assert some.picture(some.trials[0]).png().startswith(b"\x89PNG")
    assert "1 trial in full after 1 cheap ones" in str(some)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"trials": None}, "either trials or minutes"),
        ({"minutes": 3}, "either trials or minutes"),
        ({"trials": 0}, "above 0"),
        ({"rungs": (1.0, 0.5)}, "two rising shares"),
        ({"dask": "tcp://127.0.0.1:9"}, "no Dask scheduler answers"),
    ],
)
def test_wrong_requests_are_quoted(tiny, original, tmp_path, asked, said, monkeypatch):
    monkeypatch.setattr(search.engines, "onnx", lambda *_: None)
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr(
        distributed, "Client", lambda address, timeout: _refused()
    ) if "dask" in asked else None
    with pytest.raises(ValueError, match=said):
        found(tiny, original, tmp_path, **asked)


def _refused():
    raise OSError("timed out")


@pytest.mark.parametrize("workers", [{}, {"tcp://127.0.0.1:8787": 1}])
def test_a_scheduler_without_workers_is_said(workers, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    client = contextlib.nullcontext()
    client.nthreads = lambda: workers
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client)
    if workers:
        with cluster.pool("tcp://127.0.0.1:8786") as found:
            assert isinstance(found, cluster.Dask)
    else:
        with pytest.raises(ValueError, match="has no workers; start one with `dask worker"):
            cluster.pool("tcp://127.0.0.1:8786").__enter__()


@contextlib.contextmanager
def started_cluster(folder, workers):
    """A scheduler and workers, each a process of its own without a nanny to revive it."""
    file = folder / "scheduler.json"
    environment = {**os.environ, "COURSE_THREADS": "1", "TQDM_DISABLE": "1"}
    environment["DASK_DISTRIBUTED__WORKER__DAEMON"] = "False"
    dask = [sys.executable, "-m", "dask"]
    places = ["--scheduler-file", str(file)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    started = [
        subprocess.Popen([*dask, "scheduler", "--port", "0", "--no-dashboard", *places], **quiet)
    ]
    try:
        for _ in range(300):
            if file.exists():
                break
            time.sleep(0.1)
        started += [
            subprocess.Popen(
                [*dask, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *places,
                 "--local-directory", str(folder / f"worker-{n}")], **quiet,
            )
            for n in range(workers)
        ]  # fmt: skip
        address = json.loads(file.read_text())["address"]
        from distributed import Client

        with Client(address, timeout="300s") as client:
            client.wait_for_workers(workers, timeout=300)
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_killed_worker_loses_no_trial(tiny, original, tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with started_cluster(tmp_path, workers=2) as (address, workers):
        killed, over = threading.Event(), threading.Event()

        def kill():
            # Once two trials are through, the other worker is in the middle of one.
            journal = tmp_path / "journal"
            while not over.wait(0.05):
                text = journal.read_text() if journal.exists() else ""
                if text.count('"op_code": 6') + text.count('"op_code":6') >= 2:
                    workers[0].send_signal(signal.SIGKILL)
                    killed.set()
                    return

        threading.Thread(target=kill, daemon=True).start()
        some = found(tiny, original, tmp_path, trials=8, dask=address)
        over.set()
    assert killed.is_set()
    assert workers[0].returncode == -signal.SIGKILL
    trials = told(tmp_path)
    cheap = [each for (name, _), each in trials.items() if name == "cheap"]
    assert [each.state.name for each in cheap] == ["COMPLETE"] * 8, "each ended, none twice"
    assert len(some.trials) == 2
    assert all(Path(each.path).exists() for each in some.trials)
    assert some.failed == 0


def test_the_command_judges_the_smallest_that_holds(tiny, original, tmp_path, monkeypatch, capfd):
    trials = (trial(0, 0.96, 9000, 0.2), trial(1, 0.965, 12000, 0.2))
    some = search.Found(trials, 8, 0, 1.0, tiny, original)
    asked, judged = {}, []

    class Judged:
        cards = (Plain("original"), Plain("after"))

        def __str__(self):
            return "the table"

    def pretend(data, folder, *given, **options):
        asked.update(options, folder=folder, given=given)
        return some

    monkeypatch.setattr(data, "load", lambda name: tiny)
    monkeypatch.setattr(search, "search", pretend)
    monkeypatch.setattr(search.Found, "judge", lambda _, one: judged.append(one) or Judged())
    command = ["search", "--data", "tiny", "--out", str(tmp_path), "--dask", "tcp://somewhere:1"]
    assert __main__.main([*command, "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert set(printed) >= {"before", "after", "trials"}
    assert [one.number for one in judged] == [0]
    assert asked["given"] == (24, None)
    assert asked["dask"] == "tcp://somewhere:1"
    assert (tmp_path / "front.png").exists()
    assert __main__.main([*command, "--max-drop", "0.1", "--minutes", "5"]) == 1
    assert asked["given"] == (None, 5)
    assert "the nearest is trial 1" in capfd.readouterr().err
    assert len(judged) == 1, "what was not chosen is not shown the test images"


class Plain:
    """Stands in for a scorecard."""

    def __init__(self, name):
        self.name = name

    def as_dict(self):
        return {"name": self.name}


@pytest.mark.long
def test_the_recorded_files_are_what_their_tables_say():
    """Named right again from the packed files; one image may stand on an edge."""
    images = data.load("leaves")
    tables = recorded.load("trade_offs")
    rows = [("search", f"{row['number']}.packed", row["bytes"], row["accuracy"])
            for row in tables["search"]["trials"]]  # fmt: skip
    rows += [("ladder", row["file"], row["bytes"], row["validation"])
             for row in tables["ladder"]["rows"]]  # fmt: skip
    for folder, file, size, share in rows:
        path = recorded.FOLDER / folder / file
        assert path.stat().st_size == size
        right = named_right(packing.load(path), images.val)
        assert abs(int(right.sum()) - share * len(right)) <= 2.01
    found = search.Found.restored(tables["search"], recorded.FOLDER / "search", images, None)
    assert found.as_dict()["trials"] == tables["search"]["trials"]
    listed = {(folder, file) for folder, file, *_ in rows}
    there = {
        (f, path.name) for f in ("search", "ladder") for path in (recorded.FOLDER / f).iterdir()
    }
    assert listed == there


def test_the_picture_shows_more_lost_further_down(tmp_path, monkeypatch):
    trials = (trial(0, 0.96, 9000, 0.2), trial(1, 0.9, 5000, 0.1), trial(2, 0.8, 7000, 0.3))
    some = search.Found(trials, 3, 0, 1.0, None, None)
    monkeypatch.setattr(figures, "pareto", lambda *given: given)
    size, height, time, front, chosen = some.picture(trials[1])
    assert (size, time, chosen) == ([9000, 5000, 7000], [0.2, 0.1, 0.3], 1)
    assert front == [True, True, False]
    assert height[0] > height[1] > height[2], "the best stands highest"

"""Coordinates a search: asks Optuna for settings, hands out jobs, tells what came of them."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.deploy import engines, packing
from course_lib.measure import measuring
from course_lib.recipes import cluster
from course_lib.recipes.pareto import DIRECTIONS, Trial
from course_lib.recipes.recipe import Distil, Lesson, Step, points_lost, sentence
from course_lib.telling import tell

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Space = Callable[["BaseTrial"], Sequence[Step]]
BEGINNING = 8  # trials at random before the sampler begins to learn


class Coordinator:
    """Owns the studies of one folder; `rung` carries out the trials of one."""

    def __init__(
        self,
        lesson: Lesson,
        folder: Path,
        space: Space,
        pool: cluster.Here | cluster.Dask,
        before: float,
        whole: engines.Onnx,
        progress: bool,
    ):
        self.lesson, self.folder, self.space = lesson, folder, space
        self.pool, self.before, self.progress = pool, before, progress
        self.failed, self.error = 0, ""
        self.whole, self.image = whole, next(lesson.data.val.fed_to(whole).batches(1))[0]

    def rung(
        self,
        number: int,
        share: float,
        count: int | None,
        until: float | None,
        given: Sequence[dict[str, Any]],
    ) -> list[Trial]:
        """Trials with a share of the images, until there are `count` or it is `until`.

        given: settings to begin with, instead of the sampler's.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = self._study(number)
        states = optuna.trial.TrialState
        known = [t.params for t in study.get_trials(deepcopy=False)]
        for left in study.get_trials(states=(states.RUNNING,)):  # by a coordinator that died
            study.tell(left.number, state=states.FAIL)
            if left.params:
                study.enqueue_trial(left.params)
        for settings in given:
            if settings not in known:
                study.enqueue_trial(settings)
        open_trials: dict[int, Any] = {}

        def finished() -> list[Any]:
            return study.get_trials(deepcopy=False, states=(states.COMPLETE,))

        def jobs() -> Iterator[cluster.Job]:
            while True:
                enough = count is not None and len(finished()) + len(open_trials) >= count
                late = until is not None and time.perf_counter() > until and finished()
                hopeless = self.failed >= 5 and not finished()
                if enough or late or hopeless:
                    return
                trial = study.ask()
                recipe = tuple(_shortened(step, share) for step in self.space(trial))
                trial.set_user_attr("recipe", sentence(recipe))
                open_trials[trial.number] = trial
                yield cluster.Job(trial.number, recipe)

        for job, outcome in self.pool.run(self.lesson, jobs()):
            trial = open_trials.pop(job.number)
            if outcome.error:
                self.failed, self.error = self.failed + 1, outcome.error
                trial.set_user_attr("error", outcome.error)
                study.tell(trial, state=states.FAIL)
                self._say(f"  trial {job.number} failed: {outcome.error}")
                continue
            packing.write(self._path(number, job.number), outcome.packed)
            latency = self._latency(outcome.packed)
            study.tell(trial, [outcome.accuracy, float(len(outcome.packed)), latency])
            done = len(finished())
            self._say(
                f"  rung {number + 1}, {done}{f' of {count}' if count else ''}: "
                f"{outcome.accuracy:.1%}, {len(outcome.packed):,} bytes, {latency:.3f} ms"
            )
        return [self._trial(number, frozen) for frozen in finished()]

    def _study(self, number: int) -> Any:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        backend = JournalFileBackend(str(self.folder / "journal"))
        done = "full" if number else "cheap"
        storage = optuna.storages.JournalStorage(backend)
        names = optuna.get_all_study_names(storage)
        begun = len(optuna.load_study(study_name=done, storage=storage).trials) if (
            done in names
        ) else 0  # fmt: skip
        sampler = optuna.samplers.TPESampler(
            seed=self.lesson.seed + begun, n_startup_trials=BEGINNING, multivariate=True,
            constant_liar=True,
        )  # fmt: skip
        return optuna.create_study(
            study_name=done, storage=storage, sampler=sampler, directions=list(DIRECTIONS),
            load_if_exists=True,
        )  # fmt: skip

    def _latency(self, packed: bytes) -> float:
        """Milliseconds, measured here: one at a time, on the machine that the trials share.

        By turns with the original, and in the original's time at the first trial: an hour has slow
        moments, and when a trial was measured must not decide.
        """
        network = packing.unpack(packed).run(self.image)
        original, compressed = measuring.latency(self.whole.run(self.image), network, limit_s=2)
        return self.original_ms * compressed.median_ms / original.median_ms

    @cached_property
    def original_ms(self) -> float:
        return measuring.latency(self.whole.run(self.image), limit_s=2)[0].median_ms

    def _path(self, rung: int, number: int) -> Path:
        return self.folder / "trials" / f"{('cheap', 'full')[rung]}-{number}.packed"

    def _trial(self, rung: int, frozen: Any) -> Trial:
        accuracy, size, latency = frozen.values
        return Trial(
            frozen.number, dict(frozen.params), accuracy, points_lost(self.before, accuracy),
            int(size), latency, frozen.user_attrs["recipe"], self._path(rung, frozen.number),
        )  # fmt: skip

    def _say(self, text: str) -> None:
        if self.progress:
            tell(text)


def _shortened(step: Step, share: float) -> Step:
    """A training with a share of its images; other steps as they are."""
    if isinstance(step, Distil):
        return dataclasses.replace(step, images=max(1, round(step.images * share)))
    return step

"""Where the trials of a search run: in this process, or on the workers of a Dask cluster.

A worker gets a recipe and gives back a packed file and its accuracy. It owns nothing: if it dies,
its trial goes to another.

>>> with pool(None) as here:
...     here.size
1
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_lib import files
from course_lib.deploy import packing
from course_lib.measure import measuring
from course_lib.recipes.recipe import Lesson, Step, named_right, states

RETRIES = 3  # of a trial whose worker was lost
LONGEST_WAIT = 300  # seconds, for a worker when all are lost


@dataclass(frozen=True)
class Job:
    """What a worker has to do."""

    number: int
    recipe: tuple[Step, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of it: the packed file and its accuracy on the validation images, or an error."""

    accuracy: float = 0.0
    packed: bytes = b""
    error: str = ""


def carry_out(lesson: Lesson, job: Job) -> Outcome:
    """Carry a recipe out; an error of the recipe is told, not raised."""
    measuring.set_threads()
    try:
        state = states(job.recipe, lesson)[-1]
        assert state.packed is not None
        correct = named_right(packing.unpack(state.packed), lesson.data.val)
    except (ValueError, RuntimeError, FloatingPointError) as error:
        return Outcome(error=" ".join(str(error).split())[:300])
    return Outcome(correct.double().mean().item(), state.packed)


def carry_out_there(lesson: Lesson, job: Job) -> Outcome:
    """The same on a worker, which has no folder of the search's."""
    with files.scratch() as folder:
        own = dataclasses.replace(lesson, folder=folder)
        own.__dict__["opinions"] = lesson.opinions  # replace() leaves cached properties behind
        return carry_out(own, job)


class Here:
    """Carries trials out in this process, one after the other."""

    size = 1  # trials at a time

    def run(self, lesson: Lesson, jobs: Iterator[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in jobs:
            yield job, carry_out(lesson, job)
            # It is told. What was killed in its midst, is asked for again, and goes on from there.
            for suffix in (".safetensors", ".part"):
                for file in lesson.folder.glob(f"*{suffix}"):
                    file.unlink(missing_ok=True)


class Dask:
    """Hands trials to the workers of a cluster, as many at a time as it has threads."""

    def __init__(self, client: Any):
        self.client = client

    @property
    def size(self) -> int:
        return max(1, sum(self.client.nthreads().values()))

    def run(self, lesson: Lesson, jobs: Iterator[Job]) -> Iterator[tuple[Job, Outcome]]:
        from distributed import as_completed

        shared = self._shared(lesson)
        waiting: dict[str, Job] = {}
        tried: dict[int, int] = {}
        finished = as_completed()

        def submit(job: Job | None) -> None:
            if job is not None:
                tried[job.number] = tried.get(job.number, 0) + 1
                future = self.client.submit(carry_out_there, shared, job, pure=False)
                waiting[future.key] = job
                finished.add(future)

        for _ in range(self.size):
            submit(next(jobs, None))
        for future in finished:
            job = waiting.pop(future.key)
            try:
                outcome = future.result()
            except Exception as problem:  # the recipe's own errors are told; this is the cluster's
                if tried[job.number] <= RETRIES:
                    shared = self._shared(lesson)  # what the lost worker held may be gone
                    submit(job)
                    continue
                outcome = Outcome(error=f"its workers were lost: {problem!r}"[:300])
            yield job, outcome
            submit(next(jobs, None))

    def _shared(self, lesson: Lesson) -> Any:
        """The lesson on every worker that is there now; waits for one if there is none."""
        self.client.wait_for_workers(1, timeout=LONGEST_WAIT)
        return self.client.scatter(lesson, broadcast=True, hash=False)


@contextlib.contextmanager
def pool(address: str | None) -> Iterator[Here | Dask]:
    """What runs trials: this process, or the cluster whose scheduler has this address.

    Raises ValueError if nobody answers there, or it has no workers; ImportError without Dask.
    """
    if address is None:
        yield Here()
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "Dask is missing: `pip install distributed`, here and where the workers run"
        ) from error
    try:
        client = Client(address, timeout="20s")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({error}); `dask scheduler` starts one and "
            f"prints its address, `dask worker ADDRESS --nthreads 1` a worker"
        ) from None
    with client:
        if not client.nthreads():
            raise ValueError(f"the scheduler at {address!r} has no workers; start one with "
                             f"`dask worker {address} --nthreads 1`")  # fmt: skip
        yield Dask(client)

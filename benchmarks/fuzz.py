"""Damaged files, strange calls and kills, by the thousand: does anything crash, hang or lie?

    python benchmarks/fuzz.py [SECTION ...] [--cases 50000] [--seed 0] [--small]

Sections: calls (random arguments for the public functions), files (everything that is kept, and
photos), packed (packed networks and model files of the page, with right checksums), kills
(`compress`, killed at random). Each case runs in a child process, which is watched: a crash, more
than 5 s, or more than 500 MB on top are found by the parent, which goes on behind that case. Right
is an answer, or a refusal in the library's own words. Writes results/fuzz.json; what was wrong is
printed, with the seed that makes it again: fuzz.py SECTION --only SEED.
"""

import argparse
import contextlib
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import _recording

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = str(ROOT / "course_lib")
SECTIONS = ("calls", "files", "packed", "kills")
SLOW, HANGS, MUCH = 5.0, 60.0, 500  # seconds, seconds, MB
FINE = ("answered", "refused")


def main() -> None:
    """Run the sections, print what was wrong, record the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="all of them if none")
    parser.add_argument(
        "--cases", type=int, default=50_000, help="cases a section; kills: 1%%, 100 at most"
    )
    parser.add_argument("--seed", type=int, default=0, help="the first case's number")
    parser.add_argument("--only", type=int, help="this case alone, with its traceback")
    parser.add_argument("--small", action="store_true", help="400 of each; records nothing")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        return child(asked.sections[0], asked.seed, asked.cases)
    if asked.only is not None:
        return again(asked.sections[0], asked.only)
    count = 400 if asked.small else asked.cases
    found, wrong = {}, 0
    # `compress` takes minutes; a slow test kills a smaller one.
    for section in asked.sections or SECTIONS[: 3 if asked.small else 4]:
        found[section], examples = run(section, asked.seed, count)
        for outcome, (number, said) in examples.items():
            print(f"{section} --only {number}: {outcome}: {said}", file=sys.stderr)
        # A slow machine fails no test: at small size times and memory are only shown.
        clocks = ("slow", "much memory") if asked.small else ()
        wrong += sum(not kind.startswith(clocks) for kind in examples)
        print(section, json.dumps(found[section]), file=sys.stderr)
    if not asked.small:
        _recording.record("fuzz", {"sections": found, "wrong": wrong})
    if wrong:
        sys.exit(f"{wrong} kinds of wrong outcomes, see above")


# The parent


def run(section: str, seed: int, count: int) -> tuple[dict[str, Any], dict[str, tuple[int, str]]]:
    """Counts of outcomes; and of each wrong kind, the first case with what it said."""
    if section == "kills":
        import _kills

        asked, kills = min(100, max(2, count // 100)), 0
        progress, wrong = [], dict[str, tuple[int, str]]()
        while kills < asked:  # a `compress` that comes to its end is followed by another
            killed = _kills.kills(asked - kills, seed + len(progress), 30)
            kills += killed.kills
            progress.append(killed.progress)
            wrong |= {said: (seed, said) for said in killed.wrong}
        return {"kills": kills, "steps_kept": progress}, wrong
    outcomes: Counter[str] = Counter()
    examples: dict[str, tuple[int, str]] = {}
    slowest, most, number = 0.0, 0, seed
    while number < seed + count:
        for one in cases(section, number, seed + count - number):
            outcome = one["outcome"]
            slowest, most = max(slowest, one["seconds"]), max(most, one["mb"])
            if outcome in FINE and one["seconds"] > SLOW:
                outcome = "slow"
            if outcome in FINE and one["mb"] > MUCH:
                outcome = "much memory"
            outcomes[outcome] += 1
            if outcome not in FINE:
                kind = f"{outcome} {one['kind']} {one['said'][:60]}"
                examples.setdefault(kind, (one["number"], one["said"][:300]))
            number = one["number"] + 1
    counts = {"cases": sum(outcomes.values()), **outcomes}
    return {**counts, "slowest_s": round(slowest, 2), "most_mb": most}, examples


def cases(section: str, first: int, count: int) -> Iterator[dict[str, Any]]:
    """The outcomes of a child, until it ends, dies or hangs; that case is the last one."""
    command = [sys.executable, __file__, section, "--child", f"--seed={first}", f"--cases={count}"]
    # Without a buffer of our own `select` knows whether there is a line.
    working = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )
    assert working.stdout is not None
    begun: dict[str, Any] = {"number": first, "kind": "start", "seconds": 0.0, "mb": 0}
    with working.stdout as lines:
        while True:
            if not select.select([lines], [], [], HANGS)[0]:
                working.kill()
                yield {**begun, "outcome": "hangs", "said": "", "seconds": HANGS}
                break
            line = lines.readline()
            if not line:
                break
            one = json.loads(line)
            if "outcome" in one:
                yield one
            else:
                begun |= one
    if working.wait() not in (0, -9):
        yield {**begun, "outcome": "crash", "said": f"exit code {working.returncode}"}


# The child


def child(section: str, first: int, count: int) -> None:
    """Make the cases one after the other; a line before each, and one behind it."""
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w", buffering=1)
    with quiet_and_alone() as place:
        judged(*prepared(section, first, place)[1:])  # what is loaded at first belongs to no case
        for number in range(first, first + count):
            kind, made, look = prepared(section, number, place)
            out.write(json.dumps({"number": number, "kind": kind}) + "\n")
            before, start = memory(anew=True), time.perf_counter()
            outcome, said = judged(made, look)
            told = {
                "number": number, "kind": kind, "outcome": outcome, "said": said,
                "seconds": round(time.perf_counter() - start, 3), "mb": memory() - before,
            }  # fmt: skip
            out.write(json.dumps(told) + "\n")


@contextlib.contextmanager
def quiet_and_alone() -> Iterator[Path]:
    """A folder and a cache of one's own, one thread, and nothing on the screen."""
    with tempfile.TemporaryDirectory() as place, open(os.devnull, "w") as nowhere:
        os.environ.update(COURSE_CACHE=f"{place}/cache", TQDM_DISABLE="1", COURSE_THREADS="1")
        import torch

        torch.set_num_threads(1)
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield Path(place)


def prepared(
    section: str, number: int, place: Path
) -> tuple[str, Callable[[], Any], Callable[[Any], str]]:
    """A case's kind, what runs it, and what looks at its answer."""
    if section == "calls":
        import _fuzz_calls

        called, made = _fuzz_calls.case(number)
        return called, made, lambda answer: _fuzz_calls.wrong(called, answer)
    if section == "files":
        import _fuzz_files

        return *_fuzz_files.case(number, place), lambda _: ""
    import _fuzz_packed

    return *_fuzz_packed.case(number), lambda _: ""


def judged(made: Callable[[], Any], look: Callable[[Any], str]) -> tuple[str, str]:
    """How a case ended, and what was said."""
    try:
        if wrong := look(made()):
            return "wrong", wrong
    except AssertionError as error:
        return "wrong", str(error)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        own = last.filename.startswith((LIBRARY, str(Path(__file__).parent)))
        if own and isinstance(error, ValueError | OSError | ImportError):
            return "refused", said
        library = [f for f in traceback.extract_tb(error.__traceback__) if LIBRARY in f.filename]
        at = f"{Path(library[-1].filename).name}:{library[-1].lineno} " if library else ""
        return "raw", at + said
    return "answered", ""


def memory(anew: bool = False) -> int:
    """The most resident memory so far, in MB; since the last `anew`, where the system can tell."""
    try:
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def again(section: str, number: int) -> None:
    """One case, with everything it says."""
    with tempfile.TemporaryDirectory() as place:
        kind, made, look = prepared(section, number, Path(place))
        print(kind)
        answer = made()
        print(answer, look(answer))


if __name__ == "__main__":
    main()

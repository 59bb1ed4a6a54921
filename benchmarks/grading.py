"""Grade a class of learners who do not exist, in one command; the grader is killed once.

    python benchmarks/grading.py [--odd]

A hundred, from one platform; or (--odd) sixty in the layouts of all platforms, honest, odd and
hostile. Every mark is compared with the one that is right for what was handed in. Writes
results/grading.json, or grading_odd.json: minutes, marks, and what each attack did.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import _odd_class as odd_class

import _recording
import _synthetic_class as made_up
from course_lib.classroom.grading import gradebook, grader, probing, sandbox

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Grade, with one kill after a fifth, and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="two learners; records nothing")
    parser.add_argument("--odd", action="store_true", help="sixty, as all platforms give them")
    small, odd = (asked := parser.parse_args()).small, asked.odd
    few = dict.fromkeys(["partly_right", "ends_the_kernel"], 1)
    who = made_up.learners(few) if small else odd_class.sixty() if odd else made_up.hundred()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "class"
        handed_in = (odd_class if odd else made_up).hand_in(who, Path(place) / "in")
        gradebook.new(folder, made_up.one_exercise(Path(place) / "root") if small else ROOT)
        walls = probing.probe(sandbox.Sandbox(), folder)
        command = [sys.executable, "-m", "course_lib", "class", "grade", str(folder)]
        command += [str(handed_in), "--cell-seconds", "30", "--json"]
        begun = time.monotonic()
        first = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
        )
        while len(there(folder)) < len(who) / 5 and first.poll() is None:
            time.sleep(0.2)
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        before = len(there(folder))
        ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        minutes = (time.monotonic() - begun) / 60
        found = json.loads(ran.stdout)
        outcomes = [grader.Outcome(**one) for one in found["outcomes"]]
        review = (folder / "review.csv").read_text(encoding="utf-8-sig")
        if odd:
            wrong = list(odd_class.mistakes(who, outcomes, review))
            kinds = {o.learner: h.kind for h in who for o in outcomes if h.key in o.learner.lower()}
        else:
            wrong = made_up.mistakes(who, outcomes)
            kinds = {one.name: one.kind for one in who}
        by_kind = {}
        for one in outcomes:
            kind = kinds.get(one.learner, "nobody's")
            row = by_kind.setdefault(kind, {"learners": 0, "seconds": [], "said": []})
            row["learners"] += 1
            row["seconds"].append(one.seconds)
            row["said"] = sorted({*row["said"], *one.doubts})
        for row in by_kind.values():
            row["seconds"] = round(sum(row["seconds"]) / len(row["seconds"]), 1)
        flagged = Counter(bool(one.doubts) for one in outcomes)[True]
        result = {
            "submissions": len(outcomes),
            "minutes": round(minutes, 1),
            "there_when_killed": before,
            "run_after_the_kill": found["ran"],
            "marks_wrong": wrong,
            "for_a_human": flagged,
            "walls": walls,
            "kinds": dict(sorted(by_kind.items())),
        }
        if not small:
            _recording.record("grading_odd" if odd else "grading", result)
        print(json.dumps(result, indent=1))
        sys.exit(bool(wrong))


def there(folder: Path) -> list[Path]:
    """Outcomes that are written by now."""
    return list(folder.glob("results/*/*.json"))


if __name__ == "__main__":
    main()

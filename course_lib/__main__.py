"""The command line of the course: `python -m course_lib COMMAND`.

>>> parser().parse_args(["run", "01", "--data", "digits"]).chapters
['01']
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence

from course_lib import faults


def parser() -> argparse.ArgumentParser:
    """What can be asked for, and the help that `--help` prints."""
    root = argparse.ArgumentParser(prog="python -m course_lib", description=__doc__.splitlines()[0])
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="check this machine; each problem has its remedy")
    doctor.add_argument("--json", action="store_true", help="print one JSON object, nothing else")

    run = commands.add_parser("run", help="work through the chapters, all of them or some")
    run.add_argument("chapters", nargs="*", metavar="CHAPTER", help="01, or its name")
    run.add_argument("--data", metavar="NAME|FOLDER", help="other images than the built-in leaves")
    run.add_argument(
        "--strict", action="store_true", help="claims that depend on the machine raise too"
    )
    run.add_argument(
        "--full", action="store_true", help="compute again what is otherwise recorded (long)"
    )

    notebooks = commands.add_parser(
        "notebooks", help="build and execute the notebooks whose source changed"
    )
    notebooks.add_argument("names", nargs="*", metavar="NAME", help="01, or its name")
    notebooks.add_argument(
        "--check", action="store_true", help="change nothing; fail where source and notebook differ"
    )

    compress = commands.add_parser(
        "compress", help="the smallest network that is hardly worse, from a data set or a folder"
    )
    compress.add_argument("--data", metavar="NAME|FOLDER", required=True, help="the images")
    compress.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        help="where the files go; the same command goes on there after an interruption",
    )
    compress.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=float,
        default=0.5,
        help="of accuracy on the validation images, at most (%(default)s)",
    )
    compress.add_argument(
        "--minutes",
        type=float,
        default=3,
        help="go on making it smaller while a further try fits into these (%(default)s)",
    )
    compress.add_argument("--seed", type=int, default=0, help="of all that is random (%(default)s)")
    compress.add_argument(
        "--no-baseline", action="store_true", help="without the same network from scratch beside it"
    )
    compress.add_argument("--json", action="store_true", help="print one JSON object, nothing else")

    search = commands.add_parser(
        "search", help="many recipes: the front of accuracy, bytes and time"
    )
    search.add_argument("--data", metavar="NAME|FOLDER", required=True, help="the images")
    search.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        help="journal and files; the same command goes on there after an interruption",
    )
    search.add_argument("--trials", type=int, help="cheap trials; a quarter goes on in full (24)")
    search.add_argument("--minutes", type=float, help="instead of --trials: how long")
    search.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=float,
        default=1.0,
        help="the smallest that loses at most so many is judged (%(default)s)",
    )
    search.add_argument("--dask", metavar="ADDRESS", help="a cluster's scheduler, tcp://host:port")
    search.add_argument("--seed", type=int, default=0, help="of all that is random (%(default)s)")
    search.add_argument("--json", action="store_true", help="print one JSON object, nothing else")

    app = commands.add_parser("app", help="the plant app: a phone page, built and served")
    app.add_argument(
        "what", nargs="?", choices=("serve", "build"), default="serve",
        help="build: only make the folder that any web host can serve",
    )  # fmt: skip
    app.add_argument("--model", metavar="DIR", help="what compress wrote; the leaves without it")
    app.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        help="its images, for samples and to know what it is not; with --out they are compressed",
    )
    app.add_argument(
        "--out", metavar="DIR", help="build: the page; else where the networks of --data go"
    )
    app.add_argument("--port", type=int, help="of the address (a free one)")
    app.add_argument(
        "--lan", action="store_true", help="serve phones in this network, by HTTPS, with a code"
    )

    _class_parser(commands.add_parser("class", help="hand out the exercises, and grade a class"))
    commands.add_parser("work", help="fill work/ with your own copies; never overwrites yours")
    return root


def _class_parser(parent: argparse.ArgumentParser) -> None:
    commands = parent.add_subparsers(dest="what", required=True, metavar="new|grade")
    new = commands.add_parser(
        "new", help="make a class's folder, or bring its exercises up to date"
    )
    new.add_argument("folder", metavar="CLASS")
    grade = commands.add_parser("grade", help="grade submissions; the same command goes on later")
    grade.add_argument("folder", metavar="CLASS")
    grade.add_argument("submissions", metavar="FOLDER|ZIP", help="as the learning platform gave it")
    grade.add_argument(
        "--due",
        metavar="2026-01-31T18:00",
        help="what came later is noted as late; in this machine's time, or with Z or +01:00",
    )
    grade.add_argument("--jobs", type=int, help="submissions at a time (as many as cores)")
    grade.add_argument(
        "--cell-seconds", type=int, default=60, help="a cell's time limit (%(default)s)"
    )
    grade.add_argument(
        "--seconds", type=int, default=300, help="a submission's time limit (%(default)s)"
    )
    grade.add_argument("--memory-gb", type=float, default=3.0, help="memory limit (%(default)s)")
    grade.add_argument(
        "--unsafe", action="store_true", help="run strangers' code without walls; see SECURITY.md"
    )
    grade.add_argument("--json", action="store_true", help="print one JSON object, nothing else")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; its exit code: 0 success, 1 failure, 2 a wrong request."""
    asked = parser().parse_args(arguments)
    try:
        return _carry_out(asked)
    except Exception as error:
        place = getattr(asked, "out", None) or getattr(asked, "folder", None)
        if (said := faults.sentence(error, place)) is not None:  # the machine's, not the request's
            print(f"{asked.command}: {said}", file=sys.stderr)
            return 1
        if not isinstance(error, ValueError | FileNotFoundError) or getattr(error, "errno", None):
            raise  # where it arose matters
        print(f"{asked.command}: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:  # a training says how to go on with it
        print(f"{asked.command}: {str(stopped) or 'interrupted'}", file=sys.stderr)
        return 130


def _carry_out(asked: argparse.Namespace) -> int:
    if asked.command in ("compress", "search", "app", "run"):
        tempfile.gettempdir()  # who has none is told now, not by what fails without it

    if asked.command == "doctor":
        from course_lib.classroom import doctor

        return doctor.report(as_json=asked.json)

    if asked.command == "compress":
        return _compress(asked)

    if asked.command == "search":
        return _search(asked)

    if asked.command == "app":
        from course_lib.phone import app

        return app.command(asked)

    if asked.command == "class":
        return _class(asked)

    if asked.command == "work":
        from course_lib.classroom.copies import fill_work

        print(f"Your own copies are in {fill_work()}")
        return 0

    # The notebooks need the extra `lab`; the doctor above must work without anything.
    try:
        from course_lib.classroom import notebooks
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is missing: run `python course.py setup`, or in an environment of "
            "your own `pip install -e .[lab]`"
        ) from error

    if asked.command == "run":
        return notebooks.run(asked.chapters, asked.data, asked.strict, asked.full)
    return notebooks.build(asked.names, asked.check)


def _compress(asked: argparse.Namespace) -> int:
    import json

    from course_lib.images import data
    from course_lib.phone import app
    from course_lib.recipes import recipe

    images = data.load(asked.data)
    found = recipe.compress(
        images,
        max_drop=asked.max_drop,
        folder=asked.out,
        minutes=asked.minutes,
        baseline=not asked.no_baseline,
        seed=asked.seed,
    )
    print(json.dumps(found.as_dict(), indent=2) if asked.json else found)
    try:
        app.write_models(asked.out, images)
    except ValueError as error:  # grey images, say: a camera has no such network
        print(f"No model files for the plant app: {_one_line(error)}", file=sys.stderr)
    if not asked.json:
        print(f"\nThe files are in {asked.out}; `app --model {asked.out}` shows them on a phone.")
    return 0 if found.holds else 1


def _search(asked: argparse.Namespace) -> int:
    import json
    from functools import partial

    from course_lib.images import data
    from course_lib.recipes import search

    trials = 24 if asked.trials is None and asked.minutes is None else asked.trials
    found = search.search(
        data.load(asked.data), asked.out, trials, asked.minutes, dask=asked.dask, seed=asked.seed
    )
    found.picture().savefig(f"{asked.out}/front.png", dpi=150)
    try:
        chosen = found.choose(partial(search.smallest, max_drop=asked.max_drop))
    except ValueError as error:  # nothing holds: the front is there, a choice is not
        print(json.dumps(found.as_dict(), indent=2) if asked.json else found)
        print(f"search: {error}", file=sys.stderr)
        return 1
    judged = found.judge(chosen)
    if asked.json:
        before, after = judged.cards
        print(json.dumps({"before": before.as_dict(), "after": after.as_dict(), **found.as_dict()},
                         indent=2))  # fmt: skip
    else:
        print(f"{found}\n\nThe smallest within {asked.max_drop:g} points: {chosen}\n\n{judged}")
        print(f"\nThe journal, the packed files and the picture are in {asked.out}.")
    return 0


def _class(asked: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict
    from pathlib import Path

    try:
        from course_lib.classroom.grading import gradebook, grader, sandbox, submissions
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing: `pip install -e .[lab,dev]`") from error

    folder = Path(asked.folder)
    if asked.what == "new":
        names = gradebook.new(folder)
        print(f"{folder}: {len(names)} exercises; hand out what lies in {folder / 'release'}")
        return 0
    limits = sandbox.Limits(asked.cell_seconds, asked.seconds, int(asked.memory_gb * 1e9))
    try:
        summary = grader.grade(
            folder,
            Path(asked.submissions),
            submissions.deadline(asked.due) if asked.due else None,
            sandbox.Sandbox(limits, asked.unsafe),
            asked.jobs,
            on_progress=grader.say,
        )
    except RuntimeError as error:
        print(f"class: {_one_line(error)}", file=sys.stderr)
        return 2
    found = {
        "outcomes": [asdict(one) for one in summary.outcomes],
        "odd": summary.odd,
        "ran": summary.ran,
    }
    print(json.dumps(found, indent=2) if asked.json else summary)
    return 0


def _one_line(error: Exception) -> str:
    """An error's message without line breaks.

    >>> _one_line(ValueError("sparsity must be in [0, 1),\\n  got 1.2"))
    'sparsity must be in [0, 1), got 1.2'
    """
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())

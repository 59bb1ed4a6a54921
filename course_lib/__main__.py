"""The command line of the course: `python -m course_lib COMMAND`.

>>> parser().parse_args(["run", "01", "--data", "digits"]).chapters
['01']
"""

import argparse
import sys
from collections.abc import Sequence


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

    commands.add_parser("work", help="fill work/ with your own copies; never overwrites yours")
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; its exit code: 0 success, 1 failure, 2 a wrong request."""
    asked = parser().parse_args(arguments)
    try:
        return _carry_out(asked)
    except (ValueError, FileNotFoundError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's error, not one of our messages: where it arose matters
        print(f"{asked.command}: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{asked.command}: interrupted", file=sys.stderr)
        return 130


def _carry_out(asked: argparse.Namespace) -> int:
    if asked.command == "doctor":
        from course_lib import doctor

        return doctor.report(as_json=asked.json)

    if asked.command == "compress":
        return _compress(asked)

    if asked.command == "search":
        return _search(asked)

    # The notebooks need the extra `lab`; the doctor above must work without anything.
    try:
        from course_lib import notebooks
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is missing: run `python course.py setup`, or in an environment of "
            "your own `pip install -e .[lab]`"
        ) from error

    if asked.command == "run":
        return notebooks.run(asked.chapters, asked.data, asked.strict, asked.full)
    if asked.command == "notebooks":
        return notebooks.build(asked.names, asked.check)
    print(f"Your own copies are in {notebooks.fill_work()}")
    return 0


def _compress(asked: argparse.Namespace) -> int:
    import json

    from course_lib import data, recipe

    found = recipe.compress(
        data.load(asked.data),
        max_drop=asked.max_drop,
        folder=asked.out,
        minutes=asked.minutes,
        baseline=not asked.no_baseline,
        seed=asked.seed,
    )
    print(json.dumps(found.plain(), indent=2) if asked.json else found)
    if not asked.json:
        print(f"\nThe files are in {asked.out}.")
    return 0 if found.holds else 1


def _search(asked: argparse.Namespace) -> int:
    import json
    from functools import partial

    from course_lib import data, search

    trials = 24 if asked.trials is None and asked.minutes is None else asked.trials
    found = search.search(
        data.load(asked.data), asked.out, trials, asked.minutes, dask=asked.dask, seed=asked.seed
    )
    found.picture().savefig(f"{asked.out}/front.png", dpi=150)
    try:
        chosen = found.choose(partial(search.smallest, max_drop=asked.max_drop))
    except ValueError as error:  # nothing holds: the front is there, a choice is not
        print(json.dumps(found.plain(), indent=2) if asked.json else found)
        print(f"search: {error}", file=sys.stderr)
        return 1
    judged = found.judge(chosen)
    if asked.json:
        before, after = judged.cards
        print(json.dumps({"before": before.plain(), "after": after.plain(), **found.plain()},
                         indent=2))  # fmt: skip
    else:
        print(f"{found}\n\nThe smallest within {asked.max_drop:g} points: {chosen}\n\n{judged}")
        print(f"\nThe journal, the packed files and the picture are in {asked.out}.")
    return 0


def _one_line(error: Exception) -> str:
    """An error's message without line breaks.

    >>> _one_line(ValueError("sparsity must be in [0, 1),\\n  got 1.2"))
    'sparsity must be in [0, 1), got 1.2'
    """
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())

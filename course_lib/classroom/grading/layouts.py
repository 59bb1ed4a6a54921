"""Whose a file is, in the layouts of platforms.

    ana/04_quantization.ipynb                                        a folder for each learner
    submitted/ana/04_quantization/04_quantization.ipynb              nbgrader
    ana+04_quantization+2026-01-31 18:00:00 UTC/...ipynb             nbgrader's exchange
    Ana Diaz_123_assignsubmission_file_/...ipynb                     Moodle
    diazana_LATE_123_456_04_quantization-1.ipynb                     Canvas
    04 quantization_s1234_attempt_2026-01-31-18-00-00_...ipynb       Blackboard
    123-456 - Ana Diaz - Jan 31, 2026 600 PM/...ipynb                Brightspace
    Exercise 4/Diaz, Ana(adiaz)/Submission attachment(s)/...ipynb    Sakai
    Exercise 4/Ana Diaz - 04_quantization.ipynb                      Google Classroom
    Submitted files/Ana Diaz/Exercise 4/Version 2/...ipynb           Teams
    ex-04-quantization-adiaz/04_quantization.ipynb                   GitHub Classroom
    ana_04_quantization (2).ipynb                                    files by mail

Two names that the platform tells apart are two learners, however alike; a number that the platform
gives is part of the name. Only the outermost folder or file that is the platform's is looked at:
what learners call their own folders names nobody else.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from . import archives
from .exercise_names import KEYWORD, Names

ATTEMPT = re.compile(
    r"(?i)((attempt|try|draft|version|submission|v)[\W_]*\d*|again|final|old|new|backup|copy|work|"
    r"exercises?|solutions?|notebooks?|\(\d+\)|\d{4}-\d\d.*)$"
)
MOODLE = re.compile(r"(?i)(?P<name>.+?)_(?P<number>\d+)_assign(?:submission|feedback)_[a-z]+_?")
EXCHANGE = re.compile(
    r"(?P<name>[^+]+)\+[^+]+\+(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(\+.*)?$"
)
BLACKBOARD = re.compile(
    r"(?P<before>.+)_(?P<name>[^_]+)_attempt_(?P<date>\d{4}(?:-\d\d){5})(?:[_.].*)?$"
)
NO_PERSON = rf"(?!(?:{KEYWORD}|week|lab|task|unit|session|day|group|team|section|class)_)"
CANVAS = re.compile(
    rf"(?i){NO_PERSON}(?P<name>.+?)(?:_LATE)?_(?P<number>\d+)_(?:\d+_.+|text\.html?)$"
)
BRIGHTSPACE = re.compile(
    r"(?P<number>\d+)-\d+ - (?P<name>.+?) - "
    r"(?P<day>[A-Z][a-z]{2} \d{1,2}, \d{4}) (?P<time>\d{3,4} [AP]M)( - .+)?$"
)
CANVAS_ANONYMOUS = re.compile(r"(?i)(?P<name>anon_[a-z0-9]+)(?:_LATE)?_\d+_.+$")
NOBODY = "unknown"


@dataclass(frozen=True)
class Owner:
    """Who handed a file in. Two labels are two learners; `name` is for people, it may be shared."""

    label: str
    name: str
    number: str = ""  # the platform's
    steady: bool = False  # the same number in every exercise: Canvas's, not Moodle's
    date: datetime | None = None  # in the platform's name of the file
    platform: bool = False  # a platform says so, not a folder of any name
    doubt: str = ""


def platform(part: str, names: Names, file: bool) -> Owner | None:
    """Who it is by a name that only a platform gives; None for any other."""
    if match := MOODLE.match(part):
        label = f"{match['name']}_{match['number']}"
        return Owner(label, match["name"], match["number"], platform=True)
    if match := EXCHANGE.match(part):
        return Owner(match["name"], match["name"], date=_date(match["date"]), platform=True)
    if match := BLACKBOARD.match(part):
        before = f"{match['before']}_{match['name']}"
        name = names.without(before) if names.named(before) else match["name"]
        return Owner(before, name or before, date=_date(match["date"]), platform=True)
    if match := BRIGHTSPACE.match(part):
        label = f"{match['name']}_{match['number']}"
        date = _date(f"{match['day']} {match['time']:0>7}")
        return Owner(label, match["name"], match["number"], True, date, platform=True)
    if file and (match := CANVAS_ANONYMOUS.match(part)):
        return Owner(match["name"], match["name"], platform=True)
    if file and (match := CANVAS.match(part)):
        label = f"{match['name']}_{match['number']}"
        return Owner(label, match["name"], match["number"], steady=True, platform=True)
    return None


def _date(text: str) -> datetime | None:
    """A platform's date, as this machine's clock says it."""
    from nbgrader.utils import parse_utc

    try:
        if re.fullmatch(r"\d{4}(-\d\d){5}", text):
            return datetime.strptime(text, "%Y-%m-%d-%H-%M-%S")
        if text.endswith("M"):
            return datetime.strptime(text, "%b %d, %Y %I%M %p")
        when: datetime = parse_utc(text)
        return when.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def owners(
    paths: Sequence[PurePosixPath],
    told: Sequence[str | None],
    names: Names,
    in_place: bool = False,
) -> list[Owner]:
    """Who handed in each of these files, in the same order.

    told: the exercise that each is of, None for what is no notebook. in_place: they lie in a
    class's `submitted/`, where the first folder is the learner, whatever it is called.
    """
    if in_place:
        return [
            Owner(path.parts[0], path.parts[0])
            if len(path.parts) > 1
            else _owner(path.parts, False, names)
            for path in paths
        ]
    around = _around([path for path, one in zip(paths, told, strict=True) if one], names)
    rests = [_below(path, around) for path in paths]
    seats = _seats(rests, told, names)
    made = [_owner(parts, seats, names) for parts in rests]
    return _split(made, rests, told, names)


def _below(path: PurePosixPath, around: tuple[str, ...]) -> tuple[str, ...]:
    depth = len(around)
    return path.parts[depth:] if path.parts[:depth] == around else path.parts


def _around(paths: Sequence[PurePosixPath], names: Names) -> tuple[str, ...]:
    """The folders that lie around all learners."""
    around: tuple[str, ...] = ()
    while paths:
        depth = len(around)
        level = {path.parts[: depth + 1] for path in paths if len(path.parts) > depth + 1}
        if len(level) != 1 or any(len(path.parts) <= depth + 1 for path in paths):
            break
        [deeper] = level
        if not _wraps(deeper[-1], [path.parts[depth + 1 :] for path in paths], names):
            break
        around = deeper
    return around


def _wraps(folder: str, inside: Sequence[tuple[str, ...]], names: Names) -> bool:
    """Whether a folder that holds everything is no learner's, but lies around several."""
    if platform(folder, names, file=False):
        return False
    if names.only(folder):
        return True
    inside = [_people(parts, names) for parts in inside]
    folders = {parts[0] for parts in inside if len(parts) > 1 and not names.only(parts[0])}
    files = {parts[0] for parts in inside if len(parts) == 1}
    if any(platform(part, names, file=part in files) for part in (*folders, *files)):
        return True
    whose = {_named(file, names) for file in files}
    return (
        "" not in whose
        and len(folders | whose) > 1
        and not any(map(ATTEMPT.match, folders | whose))
    )


def _seats(rests: Sequence[tuple[str, ...]], told: Sequence[str | None], names: Names) -> bool:
    """Whether folders that are bare numbers are learners, not exercises."""
    for parts, exercise in zip(rests, told, strict=True):
        if len(parts) > 1 and parts[0].isdecimal() and exercise is not None:
            other = int(parts[0]) != int(exercise[:2])
            if other or (all(map(names.only, parts[1:-1])) and names.only(parts[-1])):
                return True
    return False


def _owner(parts: tuple[str, ...], seats: bool, names: Names) -> Owner:
    *folders, file = parts
    for folder in folders:
        if found := platform(folder, names, file=False):
            return found
        numbered = folder.isdecimal() and not seats and names.exercise(folder)
        if not numbered and not names.only(folder):
            return Owner(folder, names.without(folder))
    if found := platform(file, names, file=True):
        return found
    if said := names.without(file):
        return Owner(said, said)
    return Owner("/".join(parts), NOBODY, doubt="neither its folder nor its name says whose it is")


def _split(
    made: Sequence[Owner],
    rests: Sequence[tuple[str, ...]],
    told: Sequence[str | None],
    names: Names,
) -> list[Owner]:
    """In a folder of several with the same exercise these are learners: `section A/ana`, `/ben`."""
    subs = [_sub(*one, names) for one in zip(made, rests, strict=True)]
    holds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for owner, sub, exercise in zip(made, subs, told, strict=True):
        if exercise is not None:
            holds[owner.label, exercise].add(sub)
    several = {label for (label, _), found in holds.items() if "" not in found and len(found) > 1}
    # What many have in their folders is how they work, and nobody's name.
    often = Counter(sub for _, sub in {(o.label, s) for o, s in zip(made, subs, strict=True)})
    split = []
    for owner, sub in zip(made, subs, strict=True):
        if owner.label in several and sub and often[sub] == 1:
            doubt = f"taken as one of several learners in the folder {owner.label!r}"
            name = f"{owner.name} {sub}"
            owner = replace(owner, label=f"{owner.label}/{sub}", name=name, doubt=doubt)
        split.append(owner)
    return split


def _sub(owner: Owner, parts: tuple[str, ...], names: Names) -> str:
    """Who might be named within a learner's folder, by a folder or a file; else empty."""
    if owner.platform or owner.label not in parts[:-1]:
        return ""
    inside = _people(parts[parts.index(owner.label) + 1 :], names)
    sub = inside[0] if len(inside) > 1 else _named(inside[0], names)
    return "" if names.only(sub) or ATTEMPT.match(sub) else sub


def _people(parts: tuple[str, ...], names: Names) -> tuple[str, ...]:
    """Without the folders in front that name nobody: `submissions`, `exercise 4`."""
    return (*itertools.dropwhile(names.only, parts[:-1]), parts[-1])


def _named(file: str, names: Names) -> str:
    """Who is named by a file of the exercise's name, or by an archive; else empty."""
    says = names.named(file) or archives.NAMED.search(file)
    return names.without(file) if says else ""

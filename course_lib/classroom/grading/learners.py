"""Names for learners: what the platform tells apart stays apart, from one time to the next.

>>> kims = [Learner("Kim Lee_101", "Kim Lee", {"04_quantization"}, "101"),
...         Learner("Kim Lee_202", "Kim Lee", {"04_quantization"}, "202")]
>>> named(kims, [])
{'Kim Lee_101': 'Kim_Lee_101', 'Kim Lee_202': 'Kim_Lee_202'}
>>> named([Learner("Pat O'Neil_7", "Pat O'Neil", {"04_quantization"}, "7")], [])
{"Pat O'Neil_7": 'Pat_ONeil'}
"""

import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ... import files
from .layouts import NOBODY

LONGEST = 60  # characters
# What Moodle and Canvas call everybody where marking is anonymous: the number is the name.
ANONYMOUS = re.compile(
    r"(?i)(^|\W)(participa\w*|partecipante|teilnehmer\w*|deelnemer|deltag\w*|uczestnik|anonym\w*|"
    r"osallistuja|účastník|résztvevő|участник|参与者|参加者)$"
)


@dataclass(frozen=True)
class Learner:
    """Somebody who handed something in, as a platform tells them from others."""

    label: str
    name: str
    exercises: set[str]
    number: str = ""
    steady: bool = False  # the number is the same in every exercise
    called: str = ""  # in the class

    def is_other(self, other: "Learner") -> bool:
        """Whether two labels are surely, or possibly, two people.

        Moodle numbers everybody anew in each exercise, others name the exercise in the label: one
        name in different exercises is one learner, unless steady numbers tell them apart.
        """
        if self.label == other.label:
            return False
        numbers = self.steady and other.steady and self.number != other.number
        return numbers or self.name != other.name or bool(self.exercises & other.exercises)


def named(learners: Sequence[Learner], before: Sequence[Learner]) -> dict[str, str]:
    """{label: name}, good for folders and tables; who would be taken for another gets a number.

    before: those who handed in earlier, who keep the names that they have.
    """
    names = {one.label: one.called for one in before}
    wanted = [one for one in sorted(learners, key=lambda one: one.label) if one.label not in names]
    plain: dict[str, list[Learner]] = defaultdict(list)
    for one in [*learners, *before]:
        plain[_key(_clean(one.name))].append(one)
    used = {_key(one.called) for one in before}
    shared: dict[str, str] = {}  # by those who are one learner under several labels
    for one in wanted:
        key = _key(_clean(one.name))
        known = {b.called for b in before if b.name == one.name}
        alone = not (any(map(one.is_other, plain[key])) or len(known) > 1 or _anonymous(one))
        if alone and (known or key not in used or key in shared):
            names[one.label] = shared[key] = next(iter(known), _clean(one.name))
        else:
            free = (name for name in _numbered(one) if _key(name) not in used)
            names[one.label] = next(free)
        used.add(_key(names[one.label]))
    return {one.label: names[one.label] for one in learners}


def _numbered(one: Learner) -> Iterator[str]:
    if one.number:
        yield f"{_clean(one.name)}_{one.number}"
    digest = hashlib.sha256(one.label.encode("utf-8", "surrogatepass")).hexdigest()
    yield from (f"{_clean(one.name)}_{digest[:length]}" for length in (6, 12, 64))


def _anonymous(one: Learner) -> bool:
    return bool(one.number and ANONYMOUS.search(one.name))


def _clean(name: str) -> str:
    """Letters, digits and ._@- alone: a name for a folder on any disk."""
    name = unicodedata.normalize("NFC", name)
    name = re.sub(r"[^\w.@ -]", "", re.sub(r"[()\[\]{},;:/|+&=]", " ", name))
    name = re.sub(r"\s+", "_", name.strip(". _-"))
    return name[:LONGEST].rstrip(". _-") or NOBODY


def _key(name: str) -> str:
    """The same for names that a disk, or an eye, would take for one."""
    return unicodedata.normalize("NFKC", name).casefold()


def kept_apart(learners: Sequence[Learner], before: Sequence[Learner]) -> list[str]:
    """A line for each group of learners whose names are alike, if one of them is here now."""
    groups: dict[str, set[str]] = {}
    for one in learners:
        if not _anonymous(one) and _clean(one.name) != NOBODY:
            groups.setdefault(_key(_clean(one.name)), set()).add(one.called)
    for one in before:
        if (key := _key(_clean(one.name))) in groups and not _anonymous(one):
            groups[key].add(one.called)
    return [
        f"{', '.join(sorted(group))}: their names are alike, they are kept apart; if they are one "
        "learner, put their files into one folder"
        for group in groups.values()
        if len(group) > 1
    ]


def load(path: Path) -> list[Learner]:
    """Those who handed in before; none if there is no list yet."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [Learner(**one | {"exercises": set(one["exercises"])}) for one in found]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is damaged ({error}); put it back, or remove it") from error


def save(path: Path, learners: Sequence[Learner], before: Sequence[Learner]) -> None:
    """Write who handed in what so far."""
    every: dict[str, Learner] = {one.label: one for one in before}
    for one in learners:
        known = every.get(one.label)
        exercises = one.exercises | (known.exercises if known else set())
        every[one.label] = Learner(**asdict(one) | {"exercises": exercises})
    rows = [asdict(one) | {"exercises": sorted(one.exercises)} for one in every.values()]
    files.write(path, json.dumps(rows, indent=1) + "\n")

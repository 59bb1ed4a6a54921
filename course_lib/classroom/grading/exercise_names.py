"""Which exercise a name names, by whole words; and what else the name says."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

ENDINGS = re.compile(
    r"(?i)(\.(ipynb|packed|json|py|txt|md|pdf|html?|docx?|zip|tar|t?gz|tbz2?|bz2|txz|xz|7z|rar|"
    r"download))+$"
)
KEYWORD = (
    r"(?:exercise|exercice|ejercicio|exo|ex|homework|hw|assignment|chapter|notebook|nb|aufgabe|"
    r"übung|uebung)s?"
)
AROUND = {"submitted", "submissions", "submission", "handed in", "collected", "inbound",
          "downloads", "download", "submitted files", "working files", "student work",
          "abgaben", "entregas", "rendus"}  # fmt: skip
VERSION = re.compile(
    r"(?i)[\s_-]*(\(\d+\)|-[1-9]\d?|\b(copy|copie|kopie|final)\b|\bv\d+|\bversion[\s_-]*\d+)$"
)


class Names:
    """Which exercise a name names, by whole words.

    >>> names = Names(["01_jigsaw", "04_quantization"])
    >>> names.exercise("hw4_quantization (2).ipynb"), names.exercise("student_01.ipynb")
    ('04_quantization', None)
    >>> names.without("ana_04_quantization (2).ipynb"), names.without("ex-04-quantization-ben")
    ('ana', 'ben')
    """

    def __init__(self, exercises: Sequence[str]):
        self.titles: dict[str, re.Pattern] = {}
        self.numbers: dict[str, re.Pattern] = {}
        for exercise in exercises:
            number, _, title = exercise.partition("_")
            words = r"[\W_]*".join(map(re.escape, title.split("_")))
            before = (
                rf"(?:copy[\W_]+of[\W_]+)?(?:(?<![^\W\d_]){KEYWORD}[\W_]*)?"
                rf"(?:(?<!\d)0*{int(number)}(?!\d)[\W_]*)?(?<![^\W\d_])"
            )
            self.titles[exercise] = re.compile(rf"(?i){before}{words}(?![^\W\d_])")
            self.numbers[exercise] = re.compile(
                rf"(?i)(?<![^\W\d_]){KEYWORD}[\W_]*0*{int(number)}(?!\d)"
            )

    def named(self, text: str) -> list[tuple[str, re.Match]]:
        """All exercises that a name names, by their titles or else by `exercise 4`, and where."""
        text = _plain(text)
        for patterns in (self.titles, self.numbers):
            if found := [(name, m) for name, p in patterns.items() if (m := p.search(text))]:
                return found
        return []

    def exercise(self, text: str) -> str | None:
        """The exercise that a file's or a folder's name names; None for none, or for several."""
        found = self.named(text)
        if not found and (number := _plain(text)).isdecimal():
            return next((name for name in self.titles if int(name[:2]) == int(number)), None)
        return found[0][0] if len(found) == 1 else None

    def of(self, path: PurePosixPath) -> str | None:
        """The exercise that a file's name names, else the innermost folder that names any."""
        for part in reversed(path.parts):
            if (found := self.exercise(part)) or self.named(part):
                return found
        return None

    def without(self, text: str) -> str:
        """What a name says beside the exercise: the learner, if it names one."""
        text = _plain(text)
        if not (found := self.named(text)):
            return text
        match = found[0][1]
        before, after = text[: match.start()].strip(" _-."), text[match.end() :]
        while before and (version := VERSION.search(after)):
            after = after[: version.start()]
        if VERSION.fullmatch(after):
            after = ""
        return " ".join(part for part in (before, after.strip(" _-.")) if part)

    def only(self, folder: str) -> bool:
        """Whether a folder is named for an exercise, or for all submissions, and for nobody."""
        rest = self.without(folder)
        return rest.lower() in AROUND or not rest


def _plain(text: str) -> str:
    return ENDINGS.sub("", unquote(text))

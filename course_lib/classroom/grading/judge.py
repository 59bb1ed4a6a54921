"""Judges one submission, in a process where no line of the learner's runs.

It reads orders on standard input: the released notebook's own code, then checks, one by one. A
check runs here, with the right answers; where its code names what the learner was to write, it gets
something that asks their kernel for values and compares what comes back.
"""

import ast
import builtins
import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from ...checks.borrowing import Borrowed
from .plain import Afar, Unreadable, pack, unpack

WORDS = 2000  # letters of what a check says
HIDDEN = r"(?m)^(?=### BEGIN HIDDEN TESTS)"


class Unanswered(BaseException):
    """The learner's kernel gave no answer; no check may take that for an error of a function."""

    def __init__(self, why: str, doubt: str = ""):
        super().__init__(why)
        self.doubt = doubt  # for a human


class Judge:
    """Runs checks; asks: sends a question to the learner's kernel, and gives its reply."""

    def __init__(self, given: str, ask: Callable[[bytes], bytes]):
        self.given, self.ask = Given(given), ask
        self.afar = Afar(self._differentiable, self._network)
        self.leaves: list[Tensor] = []  # what the last call's inputs had to be differentiated by
        self.hidden = False  # whether hidden tests are running

    def verdict(self, check: str) -> dict[str, Any]:
        """Share of the points, what the check said, and what a human should know."""
        share, doubt = 0, ""
        try:
            share, said = 1, self._passed(check)
        except Unanswered as error:
            said, doubt = f"not passed: {error}", error.doubt
        except BaseException as error:
            said = _words_of(error)
        said = said.encode("utf-8", "replace").decode()[:WORDS]
        return {"share": share, "said": said, "doubt": doubt}

    def _passed(self, check: str) -> str:
        visible, *hidden = re.split(HIDDEN, check)
        self.hidden, names = False, self._names(check)
        passed = eval(compile(visible.strip(), "check", "eval"), names)
        self.hidden = True
        exec(compile("".join(hidden), "hidden tests", "exec"), names)
        return str(passed)

    def _names(self, check: str) -> dict[str, Any]:
        """What a check names: the released notebook's own, else what the learner has by it."""
        code = ast.parse(check)
        wanted = _read(code) - _bound(code) - set(vars(builtins))
        names = self.given.provide(wanted)
        checks = names.get("checks")
        for name in sorted(wanted - set(names)):
            names[name] = self._learners(name, getattr(checks, name, None))
        if isinstance(file := names.get("FILE"), str) and "FILE" in wanted:
            self._fetch(Path(file))
        return names

    def _learners(self, name: str, task: Any) -> Any:
        reply = self._asked(do="look", name=name)
        if "missing" in reply:
            raise NameError(f"name '{name}' is not defined")
        if "callable" not in reply:
            return reply["result"]
        borrowed = tuple(sorted(getattr(task, "borrowed", ())))

        def function(*inputs: Any, **named: Any) -> Any:
            if named:
                raise TypeError("inputs of a learner's function have no names here")
            grad = torch.is_grad_enabled()
            with _unwatched():
                return self._called(inputs, do="call", name=name, borrowed=borrowed, gradients=grad)

        function.__name__ = name
        return function

    def _fetch(self, file: Path) -> None:
        """A file that was not handed in is what the learner's kernel wrote."""
        if not file.exists():
            content = self._asked(do="file", name=file.name)["result"]
            if isinstance(content, bytes):
                Path(file.name).write_bytes(content)

    def _called(self, inputs: tuple, **question: Any) -> Any:
        """The result of a call; inputs that the function changed are changed for its task to see.

        Hidden tests go on with their own: what is compared must not be the learner's to choose.
        """
        self.leaves = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
        reply = self._asked(inputs=inputs, **question)
        try:
            if not self.hidden:
                _take_over(inputs, reply["inputs"])
        except Exception as error:
            raise _forged(error) from None
        return reply["result"]

    def _asked(self, **question: Any) -> dict:
        try:
            reply = unpack(self.ask(pack(question)), self.afar)
            if "raised" not in reply:
                if not reply.keys() & {"result", "missing", "callable"}:
                    raise Unreadable("an answer of another kind")
                return reply
            name, said, line = reply["raised"]
        except Exception as error:
            raise _forged(error) from None
        raise _raised(name, said, line)

    # What stays in the learner's kernel

    def _network(self, kept: int) -> nn.Module:
        def answer(inputs: tuple, training: bool) -> Any:
            return self._called(inputs, do="forward", kept=kept, training=training)

        return _Network(answer)

    def _differentiable(self, kept: int, value: Tensor) -> Tensor:
        def gradient(upstream: Tensor) -> list:
            return list(self._asked(do="gradient", kept=kept, upstream=upstream)["result"])

        return _Differentiable.apply(gradient, value, *self.leaves)


@contextlib.contextmanager
def _unwatched() -> Iterator[None]:
    """Borrowing is watched where the learner's function runs; what asks it may borrow."""
    watch = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(watch)


class _Network(nn.Module):
    """A network that answers from the learner's kernel; the layers in it are here to look at."""

    def __init__(self, answer: Callable[[tuple, bool], Any]):
        super().__init__()
        self.answer = answer

    def forward(self, *inputs: Any) -> Any:
        return self.answer(inputs, self.training)


class _Differentiable(torch.autograd.Function):
    """A value whose gradient is asked for."""

    @staticmethod
    def forward(ctx: Any, gradient: Callable[[Tensor], list], value: Tensor, *leaves: Tensor):
        ctx.gradient = gradient
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Any:
        return None, None, *ctx.gradient(upstream)


class Given:
    """The released notebook's own code, of which as much is run as a check needs."""

    def __init__(self, code: str):
        self.statements = ast.parse(code).body
        self.done: set[int] = set()
        self.names: dict[str, Any] = {}

    def provide(self, wanted: set[str]) -> dict[str, Any]:
        """A dictionary of names; with those of the wanted ones that the notebook defines."""
        needed: set[int] = set()
        self._trace(wanted | {"checks"}, needed)
        for number in sorted(needed - self.done):
            code = ast.Module([self.statements[number]], [])
            exec(compile(code, "released notebook", "exec"), self.names)
            self.done.add(number)
        return dict(self.names)

    def _trace(self, names: set[str], needed: set[int]) -> None:
        for number, statement in enumerate(self.statements):
            if number not in needed and names & _bound(statement):
                needed.add(number)
                self._trace(_read(statement), needed)


def _read(code: ast.AST) -> set[str]:
    """All names that code reads, its functions' own among them."""
    return {
        node.id
        for node in ast.walk(code)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _bound(code: ast.AST) -> set[str]:
    """All names that code gives a meaning."""
    found = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
    return found


def _take_over(mine: Any, theirs: Any) -> None:
    """Give what is mine the values that the learner's function left in its copy."""
    if isinstance(mine, Tensor):
        mine.data = theirs.data
    elif isinstance(mine, nn.Module):
        for own in ("_parameters", "_buffers"):
            vars(mine)[own].update(vars(theirs)[own])
        for name, child in mine.named_children():
            _take_over(child, theirs.get_submodule(name))
    elif isinstance(mine, np.ndarray):
        mine[...] = theirs
    elif isinstance(mine, list):
        mine[:] = theirs
    elif isinstance(mine, dict):
        mine.clear()
        mine.update(theirs)
    elif isinstance(mine, tuple):
        for own, other in zip(mine, theirs, strict=True):
            _take_over(own, other)


def _forged(error: Exception) -> Unanswered:
    said = str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"
    return Unanswered(
        f"what came back is no answer ({said[:150]})", "its answer was no plain value"
    )


def _raised(name: str, said: str, line: int | None) -> Exception:
    """An error as the learner's function raised it."""
    known = {"NotImplementedError": NotImplementedError, "Borrowed": Borrowed}
    kind = known.get(name) or type(str(name)[:60] or "Exception", (Exception,), {})
    error: Exception = kind(str(said))
    error.learners_line = line if isinstance(line, int) else None  # type: ignore[attr-defined]
    return error


def _words_of(error: BaseException) -> str:
    """What a check said by an error: a hint as it stands, anything else with its kind."""
    said = str(error).strip()
    kind = type(error).__name__
    if kind in ("NotYet", "NotImplementedError") and said:
        return said
    return f"not passed: {kind}: {said}" if said else f"not passed: {kind}"


# Orders


def receive(stream: BinaryIO) -> tuple[dict, bytes]:
    """A message: a line of JSON, which says how many bytes follow, and these."""
    head = json.loads(stream.readline())
    return head, stream.read(head["bytes"])


def send(stream: BinaryIO, head: dict, content: bytes = b"") -> None:
    """The same, the other way."""
    stream.write(json.dumps({**head, "bytes": len(content)}).encode() + b"\n" + content)
    stream.flush()


def main() -> None:
    """Follow orders until there are no more."""
    orders, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the notebook's own code prints is no reply

    def ask(question: bytes) -> bytes:
        send(replies, {"do": "ask"}, question)
        head, content = receive(orders)
        if head["do"] != "reply":
            raise Unanswered(head["why"], head["why"] if head["doubtful"] else "")
        return content

    _, given = receive(orders)
    judge = Judge(given.decode(), ask)
    while True:
        try:
            _, check = receive(orders)
        except ValueError:  # the end
            return
        send(replies, {"do": "verdict", **judge.verdict(check.decode())})


if __name__ == "__main__":
    main()

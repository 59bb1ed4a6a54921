"""Ctrl-C and the kernel's stop button end a training between two steps, never within one.

>>> try:
...     with Held():
...         signal.raise_signal(signal.SIGINT)  # somebody presses stop
...         print("a whole step")
... except KeyboardInterrupt:
...     print("and the end")
a whole step
and the end
"""

import signal
import threading


class Stopped(KeyboardInterrupt):
    """A training that was stopped by hand; Jupyter shows these words without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Held:
    """Within the block an interruption waits for `release`, or the end; a second one does not wait.

    Elsewhere than in the main thread, and where a program has a handler of its own, nothing waits.
    """

    def __init__(self) -> None:
        self.asked = self.holds = False

    def __enter__(self) -> "Held":
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self.holds = usual and threading.current_thread() is threading.main_thread()
        if self.holds:
            signal.signal(signal.SIGINT, self._asked)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.holds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:
            self.release()

    def _asked(self, number: int, frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def release(self) -> None:
        """Raise KeyboardInterrupt now if it was asked for."""
        if self.asked:
            raise KeyboardInterrupt

"""JupyterLab as a learner finds it: it opens with the welcome page, and asks nobody about news.

`python -m course_lib.classroom.lab [WHAT JUPYTERLAB TAKES ...]`, which is `make lab`. What it shows
and leaves out stands in lab_settings/, a folder of Jupyter's configuration; Binder takes the same.
"""

import os
import re
import secrets
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from .copies import fill_work

SETTINGS = Path(__file__).with_name("lab_settings")
PORTS = range(8888, 8988)


def free_port(ports: Sequence[int] = PORTS) -> int:
    """The first port of these that nobody uses; any free one if all are taken."""
    for port in (*ports, 0):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = trial.getsockname()[1]
            return found
    raise OSError("there is no free port on this machine")


def words(work: Path, port: int, given: Sequence[str]) -> list[str]:
    """What JupyterLab is started with: our own, but for what was given."""
    own = {
        "--ServerApp.root_dir": str(work),
        "--ServerApp.port": str(port),
        "--ServerApp.answer_yes": "True",  # Ctrl-C ends it, as was said
        "--Application.log_level": "ERROR",
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        own["--ServerApp.allow_root"] = "True"  # in a container one often is root
    if asked_port(given):
        del own["--ServerApp.port"]
    names = {word.partition("=")[0] for word in given}
    return [*(f"{name}={value}" for name, value in own.items() if name not in names), *given]


def asked_port(given: Sequence[str]) -> int | None:
    """The port that was asked for.

    >>> asked_port(["--no-browser", "--port", "9000"]), asked_port([])
    (9000, None)
    """
    found = re.search(r"--(?:ServerApp\.)?port[= ](\d+)", " ".join(given))
    return int(found[1]) if found else None


def main(given: Sequence[str], root: Path | None = None) -> None:
    """Fill work/ (of the repository, or another root), say where it is, serve it until Ctrl-C."""
    work = fill_work(root)
    port = asked_port(given) or free_port()
    os.environ.setdefault("JUPYTER_TOKEN", secrets.token_hex(16))
    paths = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    os.environ.setdefault("PYTHONSTARTUP", str(SETTINGS / "startup.py"))
    token = os.environ["JUPYTER_TOKEN"]
    print(f"The course opens in your browser; else go to http://localhost:{port}/?token={token}")
    print(f"Your notebooks lie in {work}, and are saved there by themselves.")
    print("Ctrl-C here ends it.", flush=True)

    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(words(work, port, given))


if __name__ == "__main__":
    main(sys.argv[1:])

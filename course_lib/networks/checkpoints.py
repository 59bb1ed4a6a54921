"""Half a training as a file, to go on from; `training.fit(..., checkpoint=path)` uses it.

The file is a digest and then PyTorch's, read as plain numbers: nothing in it is run.
"""

import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib import files
from course_lib.images.data import ImageData
from course_lib.networks import identity
from course_lib.networks.epochs import Run

DIGEST = 32  # bytes of SHA-256, in front


def tied_to(network: nn.Module, data: ImageData, *settings: object) -> str | None:
    """What a checkpoint belongs to: the network as it began, the images, the settings.

    None for a network that cannot be told from others: it has no checkpoint.
    """
    learns = identity.of(network, data.shape, training=True)
    key = f"{learns} {data.fingerprint} {settings}"
    return hashlib.sha256(key.encode()).hexdigest() if learns else None


def keep(path: Path, key: str, run: Run, history: dict[str, Any]) -> None:
    """Write what training goes on from; never leave half a file behind."""
    stored = io.BytesIO()
    torch.save(
        {
            "tied_to": key,
            "network": run.network.state_dict(),
            "best": run.best,
            "history": history,
            "optimiser": run.optimiser.state_dict(),
            "schedule": run.schedule.last_epoch,
            "generators": [generator.get_state() for generator in run.generators],
        },
        stored,
    )
    content = stored.getvalue()
    files.write(path, _digest(content) + content)


def read(path: Path) -> dict[str, Any] | None:
    """What `keep` wrote, or None where it is no longer that."""
    content = path.read_bytes()
    digest, content = content[:DIGEST], content[DIGEST:]
    whole = digest == _digest(content)
    return torch.load(io.BytesIO(content), weights_only=True) if whole else None


def resumed(path: Path, key: str, run: Run) -> dict[str, Any] | None:
    """Go on from what `keep` wrote; returns its history.

    None, and a line on stderr, for a file that is no longer what was written: training begins anew.
    Raises ValueError for one of another training.
    """
    found = read(path)
    if found is None:
        print(f"{path} is damaged (its checksum differs): training begins anew", file=sys.stderr)
        return None
    if found["tied_to"] != key:
        raise ValueError(
            f"{path} was left by a training with other settings, images or weights; delete it, or "
            f"go on with those it was left by"
        )
    run.network.load_state_dict(found["network"])
    run.optimiser.load_state_dict(found["optimiser"])
    run.schedule.last_epoch = found["schedule"]
    for group, base in zip(run.optimiser.param_groups, run.schedule.base_lrs, strict=True):
        group["lr"] = base * run.schedule.lr_lambdas[0](run.schedule.last_epoch)
    for generator, state in zip(run.generators, found["generators"], strict=True):
        generator.set_state(state)
    run.best = found["best"]
    return found["history"]


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()

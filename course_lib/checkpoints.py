"""Half a training as a file, to go on from; `training.fit(..., checkpoint=path)` uses it.

The file is PyTorch's, read as plain numbers: nothing in it is run.
"""

import io
import pickle

import torch
from torch import nn

from course_lib import files, surgery
from course_lib.data import ImageData


def tied_to(network: nn.Module, data: ImageData, *settings: object) -> str:
    """What a checkpoint belongs to: the network as it began, the images, the settings."""
    return surgery.digest(network, data.fingerprint, settings)


def keep(path, key, network, best, history, optimiser, schedule, generators) -> None:
    """Write what training goes on from; never leave half a file behind."""
    stored = io.BytesIO()
    torch.save(
        {
            "tied_to": key,
            "network": network.state_dict(),
            "best": best,
            "history": history,
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.last_epoch,
            "generators": [generator.get_state() for generator in generators],
        },
        stored,
    )
    files.write(path, stored.getvalue())


def resumed(path, key, network, optimiser, schedule, generators) -> tuple[dict, dict]:
    """Go on from what `_keep` wrote: the history, and the best weights so far."""
    try:
        found = torch.load(path, weights_only=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, KeyError) as error:
        raise ValueError(
            f"{path} cannot be read ({_one_line(error)}); delete it and training starts again"
        ) from None
    if found["tied_to"] != key:
        raise ValueError(
            f"{path} was left by a training with other settings, images or weights; delete it, or "
            f"go on with those it was left by"
        )
    network.load_state_dict(found["network"])
    optimiser.load_state_dict(found["optimiser"])
    schedule.last_epoch = found["schedule"]
    for group, base in zip(optimiser.param_groups, schedule.base_lrs, strict=True):
        group["lr"] = base * schedule.lr_lambdas[0](schedule.last_epoch)
    for generator, state in zip(generators, found["generators"], strict=True):
        generator.set_state(state)
    return found["history"], found["best"]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]

"""What a network computes, as a short text: the key of what is kept of its answers.

Two networks can print alike and hold the same weights, and still answer otherwise: a stride set by
hand, another `forward`, a buffer that no checkpoint holds. So a copy is run on a few blank images,
and every operation that PyTorch is asked for is written down, with its settings and with what it
is applied to; the text is the digest of that list and of the weights.

>>> import copy
>>> network = nn.Sequential(nn.Conv2d(1, 2, 3))
>>> other = copy.deepcopy(network)
>>> of(network, (1, 8, 8)) == of(other, (1, 8, 8))
True
>>> other[0].forward = lambda images: images  # prints as before
>>> of(network, (1, 8, 8)) == of(other, (1, 8, 8))
False
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as every_module
from torch.overrides import TorchFunctionMode, resolve_name

from course_lib import kept
from course_lib.images import normalisation
from course_lib.networks import structure

# What Python may ask of a tensor: nothing that depends on its numbers.
ASKED = {
    "__len__", "device", "dim", "dtype", "element_size", "is_complex", "is_contiguous", "is_cpu",
    "is_cuda", "is_floating_point", "is_quantized", "is_sparse", "ndim", "ndimension", "nelement",
    "numel", "requires_grad", "shape", "size", "stride",
}  # fmt: skip
# Operations that give more numbers or fewer, depending on the numbers they are given.
COUNTING = {"argwhere", "bincount", "masked_select", "nonzero", "repeat_interleave", "unique",
            "unique_consecutive"}  # fmt: skip
SETTINGS = (bool, int, float, complex, str, slice, type(None), type(...), torch.dtype,
            torch.device, torch.layout, torch.memory_format)  # fmt: skip


class _Unknown(Exception):
    """The network does something that a list of its operations does not hold."""


def of(
    network: nn.Module,
    shape: Sequence[int],  # of one image: (channels, height, width)
    batches: Sequence[int] = (2,),  # how many images at a time it will be asked about
    training: bool = False,
) -> str | None:
    """64 hex digits, the same for networks that compute the same; None where that can't be told.

    What is None must not be kept. The network is left as it was: a copy is run, in evaluation
    mode, or (training) in training mode, where what may learn counts, and drawing random numbers
    is no reason for None.

    Not to be told: networks with hooks (they are there to be called), those that draw random
    numbers, and those whose Python code looks at the numbers of a tensor or at anything that
    differs between two calls.
    """
    hooks = [every_module._global_forward_hooks, every_module._global_forward_pre_hooks]
    hooks += chain(*((m._forward_hooks, m._forward_pre_hooks) for m in network.modules()))
    if any(hooks):
        return None
    before = torch.get_rng_state()
    # A `forward` set by hand may reach the network itself from the copy.
    kept = [(tensor, tensor.detach().clone()) for _, tensor in _tensors(network)]
    try:
        still = structure.duplicate(network).cpu().train(training)
        names = {id(tensor): name for name, tensor in _tensors(still)}
        devices = sorted({tensor.device.type for _, tensor in _tensors(network)})
        fed = normalisation.of(network).as_json()
        said: list[Any] = [torch.__version__, devices, training, fed]
        for name, tensor in _tensors(still):
            said.append([name, content(tensor), training and tensor.requires_grad])
        shown = [torch.zeros(size, *shape) for size in batches]
        # Once more with other numbers: what differs now depends on them, or on the time of day.
        shown.append(torch.rand(shown[-1].shape, generator=torch.Generator().manual_seed(0)))
        with nullcontext() if training else structure.evaluating(network):
            *runs, again = [_Listening(still, names, images) for images in shown]
    except Exception:  # of any kind: what can't be copied or run here can't be told
        return None
    finally:
        random = not torch.equal(torch.get_rng_state(), before)
        torch.set_rng_state(before)
        for tensor, was in kept:
            if not torch.equal(tensor, was):
                tensor.data.copy_(was)
    changing = again.said != runs[-1].said or any(
        run.others.keys() != again.others.keys() for run in runs
    )
    if changing or (random and not training):
        return None
    said += [run.said for run in runs]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class _Listening(TorchFunctionMode):
    """One run of the network: `said` holds its operations, one after the other."""

    def __init__(self, network: nn.Module, names: dict[int, str], images: Tensor):
        super().__init__()
        images = images.to(memory_format=torch.channels_last)
        self.names = names  # of the weights, by id
        self.results = {id(images): 0}  # how many there were before
        self.others: dict[int, Tensor] = {}  # neither weight nor result: from a closure, say
        self.alive = [images]  # else the id could be another tensor's later
        self.said: list[Any] = [list(images.shape)]
        with torch.set_grad_enabled(network.training), self:
            answers = network(images)
        self.said.append(self.told(answers))

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = resolve_name(function)
        if name is None:
            raise _Unknown(f"{function} is no operation of PyTorch")
        last = name.removesuffix(".__get__").rpartition(".")[2]
        if last in COUNTING or (last == "__getitem__" and _masked(args[1])):
            raise _Unknown(f"{name} tells Python by a shape what the numbers are")
        self.said.append([name, self.told(args), self.told(kwargs)])
        result = function(*args, **kwargs)
        if last in ASKED:
            self.said.append(str(result))
        else:
            self.heard(result)
        return result

    def heard(self, result: object) -> None:
        """Note the tensors that an operation gave; raises _Unknown for anything else."""
        if isinstance(result, (tuple, list)):
            for part in result:
                self.heard(part)
        elif isinstance(result, Tensor):
            self.results.setdefault(id(result), len(self.results))
            self.alive.append(result)
        elif result is not None:
            raise _Unknown("Python is told the numbers of a tensor")

    def told(self, value: Any) -> Any:
        """What an operation is given, as JSON holds it; raises _Unknown for what is no setting."""
        if isinstance(value, Tensor):
            if id(value) in self.names:
                return ["weight", self.names[id(value)]]
            if id(value) in self.results:
                return ["result", self.results[id(value)]]
            self.others[id(value)] = value
            return ["other", content(value)]
        if isinstance(value, (tuple, list)):
            return [self.told(part) for part in value]
        if isinstance(value, dict):
            return [[self.told(key), self.told(part)] for key, part in value.items()]
        if isinstance(value, SETTINGS):
            return [type(value).__name__, repr(value)]
        raise _Unknown(f"a {type(value).__name__} is no setting")


def _masked(index: Any) -> bool:
    """Does this index take as many places as a mask has ones?"""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, Tensor) and p.dtype in (torch.bool, torch.uint8) for p in parts)


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def content(tensor: Tensor) -> str:
    """The numbers of a tensor, with their type and places, as a digest."""
    digest = hashlib.sha256(kept.content(tensor)).hexdigest()
    return f"{tensor.dtype} {list(tensor.shape)} {digest}"

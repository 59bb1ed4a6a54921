"""Threads that share the work of one training step: each has a part of the batch.

At a small network's layers two threads wait for each other more than they compute. Two halves of a
batch, on one thread each, have nothing to wait for.

>>> network = nn.Linear(3, 2)
>>> images, numbers = torch.ones(4, 3), torch.arange(4)
>>> def loss(network, part):
...     return network(images[part]).square().mean()
>>> with Workers(network, 2) as workers:
...     halves = workers.step(loss, numbers.split(2)), network.weight.grad.clone()
>>> network.zero_grad()
>>> whole = loss(network, numbers)
>>> whole.backward()
>>> torch.allclose(halves[0], whole), torch.allclose(halves[1], network.weight.grad)
(True, True)
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from course_lib.networks import structure


class Workers:
    """One copy of the network for each worker; all of them use the same weights in memory.

    Buffers are each copy's own: the network's batch norms measure the first part of each batch,
    as they do in PyTorch's DistributedDataParallel.
    """

    def __init__(self, network: nn.Module, count: int):
        self.copies = [network]
        for _ in range(count - 1):
            other = structure.duplicate(network)
            for own, shared in zip(other.parameters(), network.parameters(), strict=True):
                own.data = shared.data
            self.copies.append(other)
        self.threads = torch.get_num_threads()

    def __enter__(self) -> "Workers":
        if len(self.copies) > 1:
            # Of this thread too: where the setting is one for all threads, it must be 1.
            torch.set_num_threads(1)
            self.pool = ThreadPoolExecutor(len(self.copies), initializer=_one_thread)
        return self

    def __exit__(self, *_: object) -> None:
        if len(self.copies) > 1:
            self.pool.shutdown()
            torch.set_num_threads(self.threads)

    def train(self) -> None:
        """All copies in training mode."""
        for network in self.copies:
            network.train()

    def step(self, loss: Callable[[nn.Module, Tensor], Tensor], parts: Sequence[Tensor]) -> Tensor:
        """Leave the gradient of the mean loss in the network; return the loss, a scalar.

        parts: the batch's image numbers, a part for each worker.
        """
        count = sum(map(len, parts))

        def work(network: nn.Module, part: Tensor) -> Tensor:
            network.zero_grad()
            value = loss(network, part) * (len(part) / count)
            value.backward()
            return value.detach()

        if len(parts) == 1:
            return work(self.copies[0], parts[0])
        values = list(self.pool.map(work, self.copies, parts))
        with torch.no_grad():
            for other in self.copies[1 : len(parts)]:
                for mine, its in zip(self.copies[0].parameters(), other.parameters(), strict=True):
                    if its.grad is not None:
                        mine.grad = its.grad if mine.grad is None else mine.grad.add_(its.grad)
        return torch.stack(values).sum()


def _one_thread() -> None:
    torch.set_num_threads(1)

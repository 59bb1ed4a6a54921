"""What flows back: answers that something is to be trained by are compared with their gradients."""

from typing import Any

import torch
from torch import Tensor


def with_gradient(result: Any, x: Tensor, *_others: Any) -> tuple[Any, Tensor]:
    """The answer, and how it changes with the first input: zeros where nothing flows back."""
    if not isinstance(result, Tensor) or not result.requires_grad:
        return result, torch.zeros_like(x)
    weights = torch.arange(1.0, 1 + result.numel()).reshape(result.shape)
    return result.detach(), torch.autograd.grad((result * weights).sum(), _leaf(result))[0]


def learns(result: Any) -> bool:
    """Whether anything flows back at all."""
    return isinstance(result, Tensor) and result.requires_grad


def _leaf(result: Tensor) -> Tensor:
    """The one input that a result was computed from, found by going back through its graph."""
    waiting: list[Any] = [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if hasattr(node, "variable"):
            return node.variable
        waiting += [following for following, _ in getattr(node, "next_functions", ())]
    return result

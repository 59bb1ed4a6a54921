"""Modules of a network with parameters drawn by chance."""

import torch
from torch import nn


def made(random: torch.Generator, kind: type[nn.Module], *sizes: int, **settings) -> nn.Module:
    """A module with random numbers for parameters, and statistics for a norm; no gradients."""
    with torch.random.fork_rng(devices=[]):  # the learner's own random numbers stay what they are
        module = kind(*sizes, **settings)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=random)
    if isinstance(module, nn.BatchNorm2d):
        module.running_mean = torch.randn(module.num_features, generator=random)
        module.running_var = 0.2 + 2 * torch.rand(module.num_features, generator=random)
    return module.requires_grad_(False).eval()

"""The networks of :mod:`dctheory.train` in PyTorch, with the same weights, and a SimCLR step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def simclr_step(
    params: Any,
    views: Any,
    temperature: float,
    rate: float,
    momentum: float,
    decay: float,
    *,
    bfloat16: bool,
    compiled: bool,
    device: str = "cpu",
    augment: Callable[[Any], Any] | None = None,
) -> Callable[[], Any]:
    """A function that takes one more step on these views and returns its loss.

    Args:
        params: of a "convnet" or "resnet18" with projector.
        views: (2N, height, width, channels), row i ± N the other view of row i.
        bfloat16: autocast of the network's pass.
        compiled: by torch.compile.
        device: "cpu", where the loss is a float, or "cuda", where it stays on the device.
        augment: to be applied to the views, (2N, channels, height, width), in each step.
    """
    network = _network(params).to(device, memory_format=torch.channels_last)
    forward = torch.compile(network) if compiled else network
    matrices = [each for each in network.parameters() if each.ndim > 1]
    vectors = [each for each in network.parameters() if each.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": matrices, "weight_decay": decay}, {"params": vectors}], rate, momentum
    )
    x = torch.tensor(np.asarray(views)).permute(0, 3, 1, 2)
    x = x.to(device).contiguous(memory_format=torch.channels_last)
    positives = torch.arange(len(x), device=device).roll(len(x) // 2)
    shown = torch.compile(augment) if augment is not None and compiled else augment

    def step() -> Any:
        optimizer.zero_grad()
        inputs = x if shown is None else shown(x).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            z = forward(inputs)
        z = functional.normalize(z.float())
        logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
        loss = functional.cross_entropy(logits, positives)
        loss.backward()
        optimizer.step()
        return loss.item() if device == "cpu" else loss.detach()

    return step


def _network(params: Any) -> nn.Sequential:
    encoder = params["encoder"]
    layers = _resnet(encoder) if "stem" in encoder else _convnet(encoder)
    hidden, output = params["projector"]["hidden"], params["projector"]["output"]
    size = hidden["dense"]["kernel"].shape[1]
    return nn.Sequential(
        *layers, _linear(hidden["dense"]), nn.BatchNorm1d(size), nn.ReLU(), _linear(output)
    )


def _resnet(encoder: Any) -> list[nn.Module]:
    blocks = [
        _BasicBlock(encoder["blocks"][f"stage{stage}_block{block}"], 2 if stage > block == 1 else 1)
        for stage in range(1, 5)
        for block in (1, 2)
    ]
    stem = _conv_norm(encoder["stem"]["conv"]["kernel"], 1)
    return [stem, nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def _convnet(encoder: Any) -> list[nn.Module]:
    layers, stages = [], encoder["stages"]
    for i in range(len(stages)):
        kernel = stages[f"stage{i + 1}"]["dense"]["kernel"]
        kernel = kernel.reshape(3, 3, -1, kernel.shape[1])
        layers += [_conv_norm(kernel, 1 if i == 0 else 2), nn.ReLU()]
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), _linear(encoder["output"])]


class _BasicBlock(nn.Module):
    def __init__(self, layers: Any, stride: int) -> None:
        super().__init__()
        self.first = _conv_norm(layers["first"]["conv"]["kernel"], stride)
        self.second = _conv_norm(layers["second"]["conv"]["kernel"], 1)
        self.shortcut = nn.Identity()
        if "shortcut" in layers:
            self.shortcut = _conv_norm(layers["shortcut"]["conv"]["kernel"], stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = self.second(functional.relu(self.first(x)))
        return functional.relu(inside + self.shortcut(x))


def _conv_norm(kernel: Any, stride: int) -> nn.Sequential:
    size, _, inputs, outputs = kernel.shape
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    conv.weight.data = torch.tensor(np.transpose(kernel, (3, 2, 0, 1)))
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def _linear(layer: Any) -> nn.Linear:
    inputs, outputs = layer["kernel"].shape
    linear = nn.Linear(inputs, outputs, bias="bias" in layer)
    linear.weight.data = torch.tensor(np.transpose(layer["kernel"]))
    if "bias" in layer:
        linear.bias.data = torch.tensor(np.array(layer["bias"]))
    return linear

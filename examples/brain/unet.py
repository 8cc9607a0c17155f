# SPDX-License-Identifier: Apache-2.0
"""A small 3-D U-Net, and a minute of training with it."""

from __future__ import annotations

import itertools
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from varo.plugin.pytorch import GenericIterator

from .data import CLASSES
from .varo_pipeline import training


def block(before, after):
    return nn.Sequential(nn.Conv3d(before, after, 3, padding=1), nn.InstanceNorm3d(after, affine=True), nn.LeakyReLU(0.01),
                         nn.Conv3d(after, after, 3, padding=1), nn.InstanceNorm3d(after, affine=True), nn.LeakyReLU(0.01))


class UNet(nn.Module):
    """Three levels, skip connections, `classes` output channels."""

    def __init__(self, classes, width=8):
        super().__init__()
        self.down = nn.ModuleList([block(1, width), block(width, 2 * width), block(2 * width, 4 * width)])
        self.up = nn.ModuleList([block(6 * width, 2 * width), block(3 * width, width)])
        self.head = nn.Conv3d(width, classes, 1)

    def forward(self, x):
        skips = []
        for level, layer in enumerate(self.down):
            x = layer(F.max_pool3d(x, 2) if level else x)
            skips.append(x)
        for layer, skip in zip(self.up, reversed(skips[:-1])):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1))
        return self.head(x)


def loss_of(logits, label):
    """Cross-entropy plus one minus the mean Dice of the foreground classes."""
    chance = logits.softmax(1)
    truth = F.one_hot(label, logits.shape[1]).movedim(-1, 1).to(chance.dtype)
    axes = (0, 2, 3, 4)
    dice = (2 * (chance * truth).sum(axes) + 1) / ((chance + truth).sum(axes) + 1)
    return F.cross_entropy(logits, label) + 1 - dice[1:].mean()


def train(cases, seconds, patch=48, batch=2, threads=2):
    """Trains for `seconds`. Returns mean losses of the first and the last tenth of the steps, and the step count."""
    torch.manual_seed(0)
    net = UNet(len(CLASSES) + 1)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    pipe = training(cases, patch, batch_size=batch, num_threads=threads, seed=1)
    batches = GenericIterator(pipe, ["image", "label"], reader_name="reader", auto_reset=True)
    losses, start = [], time.monotonic()
    plain = not sys.stderr.isatty()  # into a file: a line now and then instead of a bar
    with tqdm(total=seconds, unit="s", ncols=100, disable=plain,
              bar_format="  {l_bar}{bar}| {n:.0f}/{total:.0f} s {postfix}") as bar:
        for step in itertools.chain.from_iterable(iter(batches) for _ in itertools.count()):
            loss = loss_of(net(step[0]["image"]), step[0]["label"].long())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            spent = time.monotonic() - start
            recent = losses[-20:]
            bar.set_postfix_str(f"step {len(losses)}, loss {sum(recent) / len(recent):.3f}")
            bar.update(min(spent, seconds) - bar.n)
            if plain and len(losses) % 20 == 0:
                print(f"  {spent:.0f} s, step {len(losses)}, loss {sum(recent) / len(recent):.3f}", flush=True)
            if spent > seconds:
                break
    tenth = max(1, len(losses) // 10)
    return sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth, len(losses)

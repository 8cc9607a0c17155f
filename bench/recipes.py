# SPDX-License-Identifier: Apache-2.0
"""What is drawn for a sample of each whole pipeline, for Varo and its peers alike.

A recipe is {name: Coin or Uniform}. Drawn by Varo the values are nodes, drawn by a peer they are
numbers; a check gives the same numbers to both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Coin:
    probability: float

    def node(self):
        from varo import fn, types

        return fn.random.coin_flip(probability=self.probability, dtype=types.BOOL)

    def number(self, rng):
        return bool(rng.random() < self.probability)


@dataclass(frozen=True)
class Uniform:
    low: float
    high: float

    def node(self):
        from varo import fn

        return fn.random.uniform(range=(self.low, self.high))

    def number(self, rng):
        return float(rng.uniform(self.low, self.high))


def nodes(recipe):
    return {name: draw.node() for name, draw in recipe.items()}


def numbers(recipe, rng):
    return {name: draw.number(rng) for name, draw in recipe.items()}


CHANNELS = range(4)

FLIPS = {"flip_z": Coin(0.5), "flip_y": Coin(0.5), "flip_x": Coin(0.5)}

BRATS = {
    "zoom": Coin(0.15), "scale": Uniform(0.7, 1.0), **FLIPS,
    "noise": Coin(0.15), "stddev": Uniform(0, 0.33),
    "blur": Coin(0.15), "sigma": Uniform(0.5, 1.5),
    "brightness": Coin(0.15), "factor": Uniform(0.7, 1.3),
    "contrast": Coin(0.15), "gain": Uniform(0.65, 1.5),
}

KITS = {
    **{name: Coin(1 / 3) for name in FLIPS},
    "brightness": Coin(0.1), "factor": Uniform(0.7, 1.3),
    "noise": Coin(0.1), "stddev": Uniform(0, 0.1),
}

# Where nnU-Net draws for each channel, so does this: names that end in a channel's number.
NNUNET = {
    "rotate": Coin(0.2), "angle_z": Uniform(-30, 30), "angle_y": Uniform(-30, 30), "angle_x": Uniform(-30, 30),
    "rescale": Coin(0.2), "scale": Uniform(0.7, 1.4),
    "noise": Coin(0.1), "stddev": Uniform(0, 0.1),  # nnU-Net calls this number a variance and uses it as a deviation
    "blur": Coin(0.2), "brightness": Coin(0.15), "contrast": Coin(0.15), "lowres": Coin(0.25),
    "gamma_inverted": Coin(0.1), "gamma": Coin(0.3), **FLIPS,
    **{f"{name}_{c}": draw for c in CHANNELS for name, draw in {
        "blur": Coin(0.5), "sigma_z": Uniform(0.5, 1.0), "sigma_y": Uniform(0.5, 1.0), "sigma_x": Uniform(0.5, 1.0),
        "factor": Uniform(0.75, 1.25), "gain": Uniform(0.75, 1.25),
        "lowres": Coin(0.5), "resolution": Uniform(0.5, 1.0),
        "up": Coin(0.5), "low_power": Uniform(0.7, 1), "high_power": Uniform(1, 1.5),
        "up_inverted": Coin(0.5), "low_power_inverted": Uniform(0.7, 1), "high_power_inverted": Uniform(1, 1.5),
    }.items()},
}

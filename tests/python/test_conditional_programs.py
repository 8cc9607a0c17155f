# SPDX-License-Identifier: Apache-2.0
"""Random programs with conditionals: converted, they give every sample what plain Python gives it."""

import importlib.util
import random

import numpy as np
import pytest

import varo
from varo import fn

SAMPLES = 16
INPUTS = [[np.float32(v) for v in np.random.default_rng(k).integers(-4, 5, SAMPLES)] for k in range(3)]


class Writer:
    """Writes a function of three numbers. Every value stays a small whole number, exact in float32."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines, self.loops = [], 0
        self.names = ["x", "y", "z", "a", "b", 's["p"]', "s[\"q\"][0]", "t[1]", "o.v"]

    def value(self):
        r = self.random
        name = r.choice(self.names)
        return r.choice([name, f"{name} + {r.choice(self.names)}", f"{name} - {float(r.randint(-3, 3))}", f"clip({name} * 2.0)",
                         f"({name} if {self.condition()} else {r.choice(self.names)})", str(float(r.randint(-3, 3))),
                         f"bounded({name}, {r.choice(self.names)})"])

    def condition(self, depth=0):
        r = self.random
        plain = ["n > 1", "n == 2", "True", "len(t) == 2"]
        nodes = [f"{r.choice(self.names)} > {float(r.randint(-2, 2))}", f"{r.choice(self.names)} == {r.choice(self.names)}", "flag"]
        pick = r.random()
        if depth < 2 and pick < 0.25:
            return f"({self.condition(depth + 1)} {r.choice(['and', 'or'])} {self.condition(depth + 1)})"
        if depth < 2 and pick < 0.35:
            return f"(not {self.condition(depth + 1)})"
        return r.choice(plain if pick < 0.5 else nodes)

    def write(self, indent, text):
        self.lines.append("    " * indent + text)

    def block(self, indent, depth):
        r = self.random
        for _ in range(r.randint(1, 3)):
            kind = r.random()
            if depth and kind < 0.4:
                self.write(indent, f"if {self.condition()}:")
                self.block(indent + 1, depth - 1)
                for _ in range(r.choice([0, 0, 1, 2])):
                    self.write(indent, f"elif {self.condition()}:")
                    self.block(indent + 1, depth - 1)
                if r.random() < 0.6:
                    self.write(indent, "else:")
                    self.block(indent + 1, depth - 1)
            elif depth and kind < 0.5:
                self.loops += 1
                self.write(indent, f"for i{self.loops} in range({r.randint(1, 3)}):")
                self.block(indent + 1, depth - 1)
            elif kind < 0.6:
                self.write(indent, f"{r.choice(self.names)} {r.choice(['+=', '-='])} {float(r.randint(-2, 2))}")
            elif kind < 0.65:
                self.write(indent, "a, b = b, a")
            elif kind < 0.7:
                self.write(indent, "bump(1.0)")
            elif kind < 0.75:
                self.write(indent, f"flag = {r.choice(self.names)} > 0.0")
            else:
                self.write(indent, f"{r.choice(self.names)} = clip({self.value()})")

    def text(self):
        self.write(0, "class Holder:")
        self.write(1, "pass")
        self.write(0, "def program(x, y, z, clip, n):")
        self.write(1, "a, b, flag = x, y, z > 0.0")
        self.write(1, 's, t, o = {"p": x, "q": [y, z]}, [z, x], Holder()')
        self.write(1, "o.v = y")
        self.write(1, "def bump(by):")
        self.write(2, "nonlocal a")
        self.write(2, "if b > 0.0:")
        self.write(3, "a = clip(a + by)")
        self.write(1, "def bounded(u, v):")
        self.write(2, "if u > v:")
        self.write(3, "return v")
        self.write(2, "else:")
        self.write(3, "return u")
        for _ in range(2):
            self.block(1, 3)
        self.write(1, 'return x, y, z, a, b, s["p"], s["q"][0], s["q"][1], t[0], t[1], o.v')
        return "\n".join(self.lines) + "\n"


def clip_of(value):
    return np.float32(min(max(value, np.float32(-50)), np.float32(50)))


def clip_node(node):
    return varo.math.clamp(node, -50.0, 50.0) if isinstance(node, varo.DataNode) else float(min(max(node, -50.0), 50.0))


@pytest.mark.parametrize("options", [dict(num_threads=3), dict(num_threads=1, schedule="reference")], ids=["3 threads", "reference"])
@pytest.mark.parametrize("seed", range(25))
def test_random_program(seed, options, tmp_path):
    text = Writer(seed).text()
    (tmp_path / "written.py").write_text(text)
    spec = importlib.util.spec_from_file_location("written", tmp_path / "written.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    @varo.pipeline_def(batch_size=SAMPLES, enable_conditionals=True)
    def define():
        x, y, z = (fn.external_source([numbers], cycle="quiet") for numbers in INPUTS)
        return module.program(x, y, z, clip_node, 2)

    outputs = define(**options).run()
    for i in range(SAMPLES):
        expected = module.program(*(INPUTS[k][i] for k in range(3)), clip_of, 2)
        got = [float(o[i]) for o in outputs]
        assert got == [float(v) for v in expected], f"sample {i} of\n{text}"

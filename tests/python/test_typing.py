# SPDX-License-Identifier: Apache-2.0
"""What type checkers say of programs; without mypy and pyright only that the stubs can be parsed."""

import ast
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import varo

ROOT = Path(__file__).parents[2]
PACKAGE = Path(varo._core.__file__).resolve().parent.parent

RIGHT = """
import numpy as np
from typing import List
import varo
from varo import fn, math, ops, pipeline_def, types
from varo.plugin.pytorch import GenericIterator, LastBatchPolicy

@pipeline_def(batch_size=2, num_threads=4, seed=1, enable_conditionals=True)
def train(files: List[str]) -> varo.DataNode:
    x: varo.DataNode = fn.readers.numpy(files=files, name="reader", random_shuffle=True)
    coin: varo.DataNode = fn.random.coin_flip(probability=0.5, dtype=types.BOOL)
    a, b = fn.noise.gaussian([x, x], stddev=fn.random.uniform(range=(0, 1)))
    x = fn.flip(x, horizontal=coin, depthwise=1, seed=None, device="cpu")
    if coin and not coin:
        x = math.sqrt(x) * 2.0 + a[0:3, 1] - b
    x = fn.select(coin, x, 0.0)
    x = fn.cast(fn.cat(x, x, axis=0), dtype=np.float32)
    x = ops.Flip(horizontal=1)(x)
    y: varo.DataNode = 1.0 - x
    return fn.cast(y, dtype="uint8", name="last")

pipe: varo.Pipeline = train(["a.npy"], batch_size=3)
batch: varo.TensorListCPU = pipe.run()[0]
sample: varo.TensorCPU = batch[0]
turned: varo.TensorCPU = fn.rotate(np.zeros((3, 4, 5)), angle=30, axis=(0, 0, 1), interp_type=types.INTERP_NN)
shape: List[int] = (turned + 1.0)[0].shape()
name: str = turned.dtype.name
for step in GenericIterator(pipe, ["x"], reader_name="reader", last_batch_policy=LastBatchPolicy.DROP):
    print(step[0]["x"].shape)
"""

# A line each that checkers refuse.
WRONG = """
fn.rotate(x, angle=30, kep_size=True)
fn.flip(x, horizontal=1, nmae="flip")
fn.crop(x, crop=(1, 2, 3), out_of_bounds_policy="pda")
fn.readers.nifti(file_roots="folder")
fn.random.uniform(ranges=(0, 1))
fn.transforms.rotation(angle=3, axes=(0, 0, 1))
ops.Flip(horizontl=1)
pipeline_def(batch_sizes=2)
math.sqrt(x, x, x)
fn.resize(x, sizes=(2, 2))
types.FLAOT
tensor.layuot()
"""


def readme_programs():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def tool(name):
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def complaints(command, folder):
    """Lines of the program that the checker refuses."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return {int(line): done.stdout for line in re.findall(r"program\.py:(\d+)(?::\d+)?\b.*error", done.stdout)}


def check(name, text, folder):
    (folder / "program.py").write_text(text)
    if name == "mypy":
        (folder / "mypy.ini").write_text(f"[mypy]\nmypy_path = {PACKAGE}\nfollow_imports = silent\ncheck_untyped_defs = true\n"
                                         "ignore_missing_imports = true\n")
        return complaints([tool("mypy"), "program.py"], folder)
    (folder / "pyrightconfig.json").write_text('{"extraPaths": ["%s"], "reportMissingImports": false}' % PACKAGE)
    return complaints([tool("pyright"), "program.py"], folder)


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
@pytest.mark.parametrize("number", range(len(readme_programs())))
def test_programs_of_the_readme(checker, number, tmp_path):
    text = readme_programs()[number]
    assert not check(checker, text, tmp_path)


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_types_of_results(checker, tmp_path):
    assert not check(checker, RIGHT, tmp_path)


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_misspelt_words_are_refused(checker, tmp_path):
    head = textwrap.dedent("""\
        import varo
        from varo import fn, math, ops, pipeline_def, types
        def use(x: varo.DataNode, tensor: varo.TensorCPU) -> None:
        """)
    lines = WRONG.strip().splitlines()
    first = head.count("\n") + 1
    found = check(checker, head + "".join(f"    {line}\n" for line in lines), tmp_path)
    assert set(found) == set(range(first, first + len(lines))), next(iter(found.values()), "nothing was refused")


def test_stubs_can_be_parsed():
    stubs = list((PACKAGE / "varo").rglob("*.pyi"))
    assert {"_core.pyi", "node.pyi", "math.pyi"} <= {file.name for file in stubs}
    for file in stubs:
        ast.parse(file.read_text())


def test_the_stub_of_the_extension_has_its_names():
    names = {n.name for n in ast.parse((PACKAGE / "varo" / "_core.pyi").read_text()).body if hasattr(n, "name")}
    names |= {n.target.id for n in ast.parse((PACKAGE / "varo" / "_core.pyi").read_text()).body if isinstance(n, ast.AnnAssign)}
    assert names == {n for n in dir(varo._core) if not n.startswith("__")}
    for cls in ("TensorCPU", "TensorListCPU", "PoolStats", "IoStats"):
        node = next(n for n in ast.parse((PACKAGE / "varo" / "_core.pyi").read_text()).body if getattr(n, "name", "") == cls)
        inside = {getattr(n, "name", None) or getattr(getattr(n, "target", None), "id", None) for n in node.body}
        assert {n for n in dir(getattr(varo._core, cls)) if not n.startswith("_")} <= inside, cls

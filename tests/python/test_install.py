# SPDX-License-Identifier: Apache-2.0
"""What users get: a C++ package for find_package, and a Python package from cmake or pip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

CONSUMER = {
    "CMakeLists.txt": """
        cmake_minimum_required(VERSION 3.22)
        project(consumer LANGUAGES CXX)
        find_package(varo 0.1 REQUIRED)
        add_executable(consumer main.cc)
        target_link_libraries(consumer PRIVATE varo::varo)
    """,
    "main.cc": """
        #include <varo/tensor.h>
        #include <cstdio>
        #include <vector>
        int main() {
          const std::vector<float> values{1, 2, 3, 4, 5, 6};
          const auto t = varo::Tensor::of<float>(values, {2, 3}).flipped(1);
          std::printf("%s %g", varo::to_string(t.shape()).c_str(), *t.view().ptr<float>());
        }
    """,
}
FLIP = "import numpy, varo; print(numpy.asarray(varo.fn.flip(varo.as_tensor(numpy.arange(3.0)[:, None, None], layout='DHW'), depthwise=1)).ravel())"


def run(*command, **options):
    """Output of a command that must succeed."""
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def environment(**more):
    """Nothing of the build tree, and of the caller's Python, leaks in."""
    left_out = ("PYTHONPATH", "LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH", "VIRTUAL_ENV")
    return {**{k: v for k, v in os.environ.items() if k not in left_out}, **more}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    tree = ROOT / "build" / "release"
    if not (tree / "build.ninja").exists():
        pytest.fail("no build tree: ./dev build first")
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", tree, "--prefix", prefix)
    return prefix


def test_cpp_package_links_and_runs(prefix, tmp_path):
    for name, text in CONSUMER.items():
        (tmp_path / name).write_text(text)
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "consumer") == "[2, 3] 3"


def test_python_package_of_the_prefix(prefix, tmp_path):
    packages = list(prefix.glob("lib*/**/varo/__init__.py"))
    assert len(packages) == 1
    package = packages[0].parent
    assert list(package.glob("**/*.pyi")), "no type stubs were installed"
    output = run(sys.executable, "-c", FLIP, cwd=tmp_path, env=environment(PYTHONPATH=str(package.parent)))
    assert output.strip() == "[2. 1. 0.]"


def test_pip_install(tmp_path):
    run(sys.executable, "-m", "venv", "--system-site-packages", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    env = environment(CMAKE_BUILD_PARALLEL_LEVEL="2", CCACHE_BASEDIR=str(tmp_path / "source"), CCACHE_NOHASHDIR="1")
    # pip builds in the folder it is given: a copy keeps this one clean.
    source = tmp_path / "source"
    listed = run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard").splitlines()
    for name in filter(lambda n: (ROOT / n).is_file(), listed):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    run(python, "-m", "pip", "install", "--no-build-isolation", "--no-index", source, env=env)
    assert run(python, "-c", FLIP, cwd=tmp_path, env=env).strip() == "[2. 1. 0.]"
    where = run(python, "-c", "import varo; print(varo.__file__)", cwd=tmp_path, env=env)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    package = Path(where.strip()).parent
    assert (package / "fn" / "__init__.pyi").exists() and (package / "py.typed").exists()

# SPDX-License-Identifier: Apache-2.0
"""The same bytes on every instruction set, and in every build: see digests.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from varo import _core

HERE = Path(__file__).parent
TARGETS = _core.simd_targets()


def child(target, *args):
    environment = {**os.environ, "VARO_SIMD": target}
    return subprocess.Popen([sys.executable, *args], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def digests():
    """{target: {case: digest}}, each computed by a process of its own, all at once."""
    children = {target: child(target, str(HERE / "digests.py")) for target in TARGETS}
    found = {}
    for target, process in children.items():
        out, err = process.communicate()
        assert process.returncode == 0, f"{target}: {err}"
        found[target] = json.loads(out)
        assert found[target]["targets"][0] == target, "VARO_SIMD was not heeded"
    return {target: all["digests"] for target, all in found.items()}


def assert_same(digests, wanted):
    assert digests.keys() == wanted.keys()
    differing = [case for case in wanted if digests[case] != wanted[case]]
    assert not differing, f"{len(differing)} of {len(wanted)} differ: {differing[:20]}"


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_the_same_bytes(digests, target):
    assert len(digests[target]) > 1000
    assert_same(digests[target], digests[TARGETS[-1]])


def test_every_build_gives_the_same_bytes(digests):
    """VARO_DIGEST names a file, as for the C++ tests. The first build that runs this writes one beside
    it, and every other build must find the same."""
    if not (path := os.environ.get("VARO_DIGEST")):
        pytest.skip("VARO_DIGEST is not set")
    beside = Path(path + ".json")
    if not beside.exists():
        beside.write_text(json.dumps(digests[TARGETS[0]]))
    assert_same(digests[TARGETS[0]], json.loads(beside.read_text()))


def test_unknown_target_is_refused():
    process = child("abacus", "-c", "import varo")
    _, err = process.communicate()
    assert process.returncode != 0
    assert "ImportError" in err and "abacus" in err and ", ".join(TARGETS) in err, err

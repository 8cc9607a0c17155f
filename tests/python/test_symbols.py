# SPDX-License-Identifier: Apache-2.0
"""What the shared library and the extension export: what include/varo marks, and nothing else."""

import re
import subprocess
from pathlib import Path

import varo

INCLUDE = Path(__file__).parents[2] / "include" / "varo"
MARKED = re.compile(r"VARO_API\s+(?:static\s+)?[\w:<>&\s]*?\b(\w+)\s*(?:[({]|:(?!:))")


def exported(library):
    """Demangled names, without the words for what stands beside a class."""
    listing = subprocess.run(["nm", "-D", "-C", "--defined-only", library], capture_output=True, text=True, check=True)
    names = [line.split(" ", 2)[2] for line in listing.stdout.splitlines()]
    return [re.sub(r"^(typeinfo name|typeinfo|vtable|guard variable) for ", "", name) for name in names]


def word_of(name):
    """Tensor for varo::Tensor::flipped(int) const."""
    found = re.match(r"varo::(\w+)", name)
    return found.group(1) if found else None


def marked(text):
    return set(MARKED.findall(re.sub(r"//.*", "", text)))


def public_words():
    return set().union(*(marked(header.read_text()) for header in INCLUDE.glob("*.h") if header.name != "api.h"))


def library():
    tree = Path(varo._core.__file__).resolve().parents[2]
    found = tree / "libvaro.so"
    assert found.exists(), f"no shared library in {tree}"
    return found


def test_the_library_exports_what_the_headers_mark():
    words = public_words()
    assert {"Tensor", "Pipeline", "Error", "to_string", "dtype_named", "is_dense"} <= words
    names = exported(library())
    assert not [name for name in names if word_of(name) not in words]
    assert not words - {word_of(name) for name in names}, "marked, but nothing of it is exported"


def test_the_extension_exports_its_entry_alone():
    assert exported(varo._core.__file__) == ["PyInit__core"]


def test_what_counts_as_public():
    text = "class VARO_API Cat : public Pet {\nVARO_API std::optional<DType> named(int x);\nint hidden();\n// VARO_API void no();"
    assert marked(text) == {"Cat", "named"}
    assert word_of("varo::Tensor::own(varo::Spec const&)") == "Tensor" and word_of("std::vector<int>::push_back()") is None
    assert word_of("varo::read_region(varo::File const&)") not in public_words()

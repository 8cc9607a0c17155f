#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Begins an operator: its source and its cases, in src/operators/<group>/.

    tools/new_op.py ROOT GROUP NAME

The result compiles and is callable at once; its test fails until a reference is written.
"""

import re
import sys
from pathlib import Path
from string import Template

SOURCE = Template('''\
// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/copy.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

class $type final : public Operator {
 public:
  explicit $type(const Args&) {}

  // Shape, dtype and layout of the outputs; touches no voxels.
  void infer(Sample& s) const override { s.set_output(0, s.spec(0)); }

  // Writes every element of the outputs. Loops over elements belong into src/kernels.
  void run(Sample& s) const override { copy(s.view(0), s.output(0), s.parallel()); }
};

}  // namespace

VARO_OPERATORS($group, $name) {
  return {OperatorDef("$name", "One line: what it does to a volume.")
              .input({.name = "data", .doc = "Which volumes it takes."})
              .output("result", "Shape, dtype and layout, compared with the input.")
              .arg({.name = "amount",
                    .type = ArgType::real,
                    .default_value = 1.0,
                    .doc = "Meaning and unit.",
                    .least = 0})
              .make<$type>()};
}

}  // namespace varo
''')

CASES = Template('''\
# SPDX-License-Identifier: Apache-2.0
from case import Case, ErrorCase, noise


def reference(data, amount=1.0):
    """What $name computes, in plain NumPy or SciPy."""
    raise AssertionError("write the reference of $name in src/operators/$group/${name}_cases.py")


CASES = [
    Case("odd sizes", "$name", [noise(5, 7, 3)], ["DHW"], dict(amount=2.0), reference,
         dtypes=("uint8", "int16", "float32"), docs=True),
    Case("one voxel", "$name", [noise(1, 1, 1)], ["DHW"], {}, reference),
    Case("empty", "$name", [noise(0, 4, 5)], ["DHW"], {}, reference),
    ErrorCase("amount below its range", "$name", [noise(2, 3, 4)], ["DHW"], dict(amount=-1.0),
              "ParamError", ["amount", "-1", "at least 0"]),
]
''')


def main() -> int:
    root, group, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for word in (group, name):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", word):
            print(f"new_op: '{word}' is no name: small letters, digits and _", file=sys.stderr)
            return 2
    folder = root / "src" / "operators" / group
    texts = {folder / f"{name}.cc": SOURCE, folder / f"{name}_cases.py": CASES}
    for file in texts:
        if file.exists():
            print(f"new_op: {file.relative_to(root)} exists already", file=sys.stderr)
            return 1

    words = dict(group=group, name=name, type="".join(part.capitalize() for part in name.split("_")))
    folder.mkdir(parents=True, exist_ok=True)
    for file, template in texts.items():
        file.write_text(template.substitute(words))
        print(file.relative_to(root))
    print(f"fill both in, then: ./dev test -k {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

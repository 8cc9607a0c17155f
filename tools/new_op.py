#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Begins an operator: its source and its cases, in src/operators/<group>/.

    tools/new_op.py [--kind KIND] ROOT GROUP NAME

  geometry   (default) loops of its own: HostOperator
  filter     as geometry, with rows as input and scratch
  pointwise  instructions for one element: Pointwise
  batch      depends on all samples of a batch
  source     begins a graph: SourceOperator

The result compiles and is callable at once; its test fails until a reference is written.
"""

import argparse
import re
import sys
from pathlib import Path
from string import Template

DATA = '''\
              .input({.name = "data", .doc = "Which volumes it takes."})
'''
AMOUNT = '''\
              .arg({.name = "amount",
                    .type = ArgType::real,
                    .default_value = 1.0,
                    .doc = "Meaning and unit.",
                    .late = true,
                    .least = 0})
'''

# includes, base class, members, and what the definition has between its outputs and its end.
KINDS = {
    "geometry": (["kernels/copy/copy.h", "operators/api/operator.h"], "HostOperator", '''\
  // Shape, dtype and layout of the outputs.
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }

  // What run() has to know of arguments and draws.
  void prepare(Inference& s) const override { s.state() = s.real("amount"); }

  // What is read of the input, in which form.
  Need need(const Inference&, int) const override { return {Access::padded}; }

  // Where the voxels went: the voxel-to-world map of the output.
  std::optional<Affine> moved(const Inference&, const Affine& input) const override {
    return input;
  }

  // Writes every element of the outputs. Loops over elements belong into src/kernels.
  void run(const HostRun& r) const noexcept override {
    copy_padded(r.in[0], r.out[0], r.parallel);
  }
''', DATA, AMOUNT),
    "filter": (["kernels/copy/copy.h", "operators/api/operator.h"], "HostOperator", '''\
  // Shape, dtype and layout of the outputs.
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }

  // Weights, from arguments and draws.
  void prepare(Inference& s) const override { s.state() = s.real("amount"); }

  // What is read of the input, in which form.
  Need need(const Inference&, int) const override { return {Access::rows}; }

  // Bytes of scratch, when strides are known.
  std::size_t setup(const HostRun& r, std::any&) const override {
    return static_cast<std::size_t>(r.out[0].volume()) * r.out[0].element_size();
  }

  // Writes every element of the outputs. Loops over elements belong into src/kernels.
  void run(const HostRun& r) const noexcept override {
    const View& out = r.out[0];
    const View between{r.scratch.data(), out.dtype, out.shape, dense_strides(out.shape)};
    copy(r.view(0), between, r.parallel);
    copy(between, out, r.parallel);
  }
''', DATA, AMOUNT + '''\
              .traits({.keeps_grid = true})
'''),
    "pointwise": (["operators/api/pointwise.h"], "Pointwise", '''\
  // Shape, dtype and layout of the output.
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }

  // What emit() has to know of arguments.
  void prepare(Inference& s) const override { s.state() = s.real("amount"); }

  // The instructions for one element.
  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const Register factor = to.constant(DType::f32, s.kept<double>());
    const Register product = to.binary(Op::mul, to.convert(in[0], DType::f32), factor);
    return to.convert(product, s.output_spec(0).dtype);
  }
''', DATA, AMOUNT),
    "batch": (["operators/api/operator.h"], "HostOperator", '''\
  // Once an iteration, from what is known of every sample.
  BatchNeed batch_need() const override { return BatchNeed::shapes; }
  std::any combine(std::span<const BatchItem> items) const override {
    std::int64_t most = 0;
    for (const BatchItem& item : items) most = std::max(most, volume(item.facts.spec(0).shape));
    return most;
  }

  // Shape, dtype and layout of the outputs; reads what combine() found.
  void infer(Inference& s) const override {
    s.state() = static_cast<double>(*s.batch<std::int64_t>());
    s.set_output(0, {DType::f32, {}, {}});
  }

  // The rest of what run() has to know.
  void prepare(Inference& s) const override { s.kept<double>() *= s.real("amount"); }

  // The input's elements are not read.
  Need need(const Inference&, int) const override { return {Access::spec}; }

  // Writes every element of the outputs. Loops over elements belong into src/kernels.
  void run(const HostRun& r) const noexcept override {
    *r.out[0].ptr<float>() = static_cast<float>(r.state<double>());
  }
''', DATA, AMOUNT),
    "source": (["core/convert.h", "operators/api/operator.h"], "SourceOperator", '''\
  // Once an iteration: a ticket a sample. Touches no file.
  std::vector<Ticket> tick(int batch_size) override {
    std::vector<Ticket> tickets(static_cast<std::size_t>(batch_size));
    for (Ticket& ticket : tickets) ticket.index = next_++;
    return tickets;
  }
  void skip(int batch_size) override { next_ += batch_size; }
  // Where it stands, for checkpoints.
  void save(SourceState& state) const override { state.words = {next_}; }
  void restore(const SourceState& state) override { next_ = state.words.at(0); }
  // For looking at headers before the first iteration.
  std::optional<Ticket> probe() const override { return Ticket{0, {}}; }

  // Shape, dtype and layout of what the ticket stands for.
  void infer(Inference& s) const override { s.set_output(0, {DType::f32, {}, {}}); }

  // Its elements: Tensor::defer() where they lie in a file.
  bool resolve(Views& v) const override {
    const double value = static_cast<double>(v.facts.ticket().index) * v.facts.real("amount");
    v.out[0] = Tensor::constant(v.facts.output_spec(0), bits_of(value, DType::f32));
    return true;
  }

 private:
  std::int64_t next_ = 0;
''', "", AMOUNT),
}

SOURCE = Template('''\
// SPDX-License-Identifier: Apache-2.0
$includes
namespace varo {

namespace {

class $type final : public $base {
 public:
  explicit $type(const Args&) {}

$members};

}  // namespace

VARO_OPERATORS($group, $name) {
  return {OperatorDef("$name", "One line: what it does to a volume.")
$inputs              .output("result", "Shape, dtype and layout, compared with the input.")
$more              .make<$type>()};
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
         dtypes=("uint8", "int16", "float32"), docs=True$wide),
    Case("one voxel", "$name", [noise(1, 1, 1)], ["DHW"], {}, reference$wide),
    Case("empty", "$name", [noise(0, 4, 5)], ["DHW"], {}, reference$wide),
    ErrorCase("amount below its range", "$name", [noise(2, 3, 4)], ["DHW"], dict(amount=-1.0),
              "ParamError", ["amount", "-1", "at least 0"]),
]
''')

# A source cannot be called on arrays: it is tested in pipelines.
SOURCE_TEST = Template('''\
# SPDX-License-Identifier: Apache-2.0
import varo
from varo import fn


def test_$name():
    pipe = varo.Pipeline(batch_size=2, num_threads=1)
    with pipe:
        pipe.set_outputs(fn.$name(amount=2.0))
    pipe.build()
    pipe.run()
    raise AssertionError("write what fn.$name gives in tests/python/test_$name.py")
''')


def main() -> int:
    parser = argparse.ArgumentParser(description="Begins an operator.")
    parser.add_argument("--kind", choices=KINDS, default="geometry")
    parser.add_argument("root", type=Path)
    parser.add_argument("group")
    parser.add_argument("name")
    args = parser.parse_args()
    root, group, name = args.root, args.group, args.name
    for word in (group, name):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", word):
            print(f"new_op: '{word}' is no name: small letters, digits and _", file=sys.stderr)
            return 2
    folder = root / "src" / "operators" / group
    texts = {folder / f"{name}.cc": SOURCE}
    if args.kind == "source":
        texts[root / "tests" / "python" / f"test_{name}.py"] = SOURCE_TEST
    else:
        texts[folder / f"{name}_cases.py"] = CASES
    for file in texts:
        if file.exists():
            print(f"new_op: {file.relative_to(root)} exists already", file=sys.stderr)
            return 1

    headers, base, members, inputs, more = KINDS[args.kind]
    standard = "#include <algorithm>\n\n" if "std::max" in members else ""
    words = dict(group=group, name=name, type="".join(part.capitalize() for part in name.split("_")),
                 includes=standard + "".join(f'#include "{h}"\n' for h in headers), base=base,
                 members=members, inputs=inputs, more=more,
                 wide=", batch_wide=True" if args.kind == "batch" else "")
    for file, template in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(template.substitute(words))
        print(file.relative_to(root))
    print(f"fill both in, then: ./dev test -k {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

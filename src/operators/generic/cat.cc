// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "operators/views.h"

namespace varo {

namespace {

void check_dtype(Sample& s, int input) {
  if (s.spec(input).dtype == s.spec(0).dtype) return;
  throw Error(ErrorKind::type, fmt::format("input {} has another element type than input 0", input))
      .got(std::string(varo::name_of(s.spec(input).dtype)))
      .allowed(std::string(varo::name_of(s.spec(0).dtype)))
      .hint("fn.cast(..., dtype=...)");
}

class Cat final : public Operator {
 public:
  explicit Cat(const Args& args) { exclusive(args, {"axis", "axis_name"}); }

  void infer(Sample& s) const override {
    Spec spec = s.spec(first(s));
    const int at = axis(s, spec);
    spec.layout = s.spec(0).layout.rank() == spec.shape.rank() ? s.spec(0).layout : spec.layout;
    spec.shape[at] = 0;
    for (int i = 0; i < s.input_count(); ++i) {
      check_dtype(s, i);
      if (takes(s, i, spec, at)) spec.shape[at] += s.spec(i).shape[at];
    }
    s.set_output(0, spec);
  }

  bool resolve(Sample& s) const override {
    if (s.input_count() != 1) return false;
    s.set_result(0, s.tensor(0));
    return true;
  }

  void run(Sample& s) const override {
    const View out = s.output(0);
    const Spec spec = s.output_spec(0);
    const int at = axis(s, spec);
    std::int64_t start = 0;
    for (int i = 0; i < s.input_count(); ++i) {
      if (!takes(s, i, spec, at)) continue;
      const std::int64_t count = s.spec(i).shape[at];
      s.write_input(i, out.part(at, start, count));
      start += count;
    }
  }

 private:
  // The input that says what the others must look like: the first that is not empty.
  static int first(Sample& s) {
    for (int i = 0; i < s.input_count(); ++i)
      if (volume(s.spec(i).shape) != 0) return i;
    return 0;
  }

  static int axis(Sample& s, const Spec& spec) {
    if (s.args().given("axis_name")) {
      const std::string name = s.text("axis_name");
      if (name.size() != 1)
        throw Error(ErrorKind::param, "axis_name is not one letter")
            .got(fmt::format("\"{}\"", name))
            .allowed("1 letter");
      return named_axes(name, s.spec(0).layout)[0];
    }
    return checked_axis(s.integer("axis"), spec.shape.rank());
  }

  // Whether the input takes part; one without elements need not fit.
  static bool takes(Sample& s, int input, const Spec& spec, int axis) {
    const Shape& shape = s.spec(input).shape;
    const bool empty = volume(shape) == 0;
    if (shape.rank() != spec.shape.rank()) {
      if (empty) return false;
      throw Error(ErrorKind::shape, fmt::format("input {} has another number of axes", input))
          .got(to_string(shape))
          .allowed(fmt::format("{} axes", spec.shape.rank()));
    }
    for (int i = 0; i < shape.rank(); ++i) {
      if (i == axis || shape[i] == spec.shape[i]) continue;
      if (empty) return false;
      throw Error(ErrorKind::shape, fmt::format("input {} has another extent along {}", input,
                                                axis_name(spec.layout, i)))
          .got(fmt::format("{} (shape {})", shape[i], to_string(shape)))
          .allowed(fmt::format("{}", spec.shape[i]));
    }
    return true;
  }
};

class Stack final : public Operator {
 public:
  explicit Stack(const Args&) {}

  void infer(Sample& s) const override {
    Spec spec = s.spec(0);
    const int rank = spec.shape.rank(), at = axis(s);
    for (int i = 1; i < s.input_count(); ++i) {
      check_dtype(s, i);
      if (s.spec(i).shape == spec.shape) continue;
      throw Error(ErrorKind::shape, fmt::format("input {} has another shape than input 0", i))
          .got(to_string(s.spec(i).shape))
          .allowed(to_string(spec.shape));
    }
    if (rank == kMaxRank)
      throw Error(ErrorKind::shape, "too many axes")
          .got(fmt::format("{}", rank + 1))
          .allowed(fmt::format("{}", kMaxRank));
    const std::string name = s.args().given("axis_name") ? s.text("axis_name") : "";
    if (name.size() > 1)
      throw Error(ErrorKind::param, "axis_name is not one letter")
          .got(fmt::format("\"{}\"", name))
          .allowed("1 letter");
    if (!name.empty() && rank > 0 && spec.layout.empty())
      throw Error(ErrorKind::layout,
                  "the new axis cannot be named where the others have no letters")
          .got(fmt::format("{} axes without a layout", rank))
          .allowed("labelled inputs, or scalars");
    spec.layout = name.empty() ? Layout() : spec.layout.with(at, name[0]);
    spec.shape.insert(at, s.input_count());
    s.set_output(0, spec);
  }

  bool resolve(Sample& s) const override {
    if (s.input_count() != 1) return false;
    s.set_result(0, s.tensor(0).expanded(axis(s), 0));
    return true;
  }

  void run(Sample& s) const override {
    const View out = s.output(0);
    const int at = axis(s);
    for (int i = 0; i < s.input_count(); ++i) s.write_input(i, out.part(at, i, 1).drop(at));
  }

 private:
  static int axis(Sample& s) {
    const int rank = s.spec(0).shape.rank();
    const std::int64_t axis = s.integer("axis");
    if (axis >= -rank && axis <= rank) return static_cast<int>(axis < 0 ? axis + rank + 1 : axis);
    throw Error(ErrorKind::param, "the new axis is out of range")
        .got(fmt::format("axis {}", axis))
        .allowed(fmt::format("{} to {}", -rank, rank));
  }
};

}  // namespace

VARO_OPERATORS(generic, cat) {
  const InputDef input{.name = "data", .doc = "Arrays of one element type.", .variadic = true};
  return {
      OperatorDef("cat", "Joins arrays along an axis that they have.")
          .input(input)
          .output("joined", "One after the other; layout of the first input.")
          .arg({.name = "axis",
                .type = ArgType::integer,
                .default_value = 0,
                .doc = "Axis along which to join, negative from the end. The other extents are "
                       "equal; inputs without "
                       "elements need not fit.",
                .constant = true})
          .arg({.name = "axis_name",
                .type = ArgType::text,
                .doc = "The same by letter of the first input. Excludes axis.",
                .constant = true})
          .traits({.moves_only = true})
          .make<Cat>(),
      OperatorDef("stack", "Joins arrays of one shape along a new axis.")
          .input(input)
          .output("stacked", "The inputs side by side. Without axis_name the output has no layout.")
          .arg({.name = "axis",
                .type = ArgType::integer,
                .default_value = 0,
                .doc = "Where the new axis is in the output; -1 means last.",
                .constant = true})
          .arg({.name = "axis_name",
                .type = ArgType::text,
                .doc = "Letter of the new axis; the others keep those of the first input.",
                .constant = true})
          .traits({.moves_only = true})
          .make<Stack>()};
}

}  // namespace varo

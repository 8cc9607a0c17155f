// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "operators/shared/axes.h"

namespace varo {

namespace {

void check_dtype(const Inference& s, int input) {
  if (s.spec(input).dtype == s.spec(0).dtype) return;
  throw Error(ErrorKind::type, fmt::format("input {} has another element type than input 0", input))
      .got(std::string(varo::name_of(s.spec(input).dtype)))
      .allowed(std::string(varo::name_of(s.spec(0).dtype)))
      .hint("fn.cast(..., dtype=...)");
}

class Cat final : public Join {
 public:
  explicit Cat(const Args&) {}

  void infer(Inference& s) const override {
    Spec spec = s.spec(first(s));
    const int at = axis(s, spec);
    spec.layout = s.spec(0).layout.rank() == spec.shape.rank() ? s.spec(0).layout : spec.layout;
    spec.shape[at] = 0;
    Places places{at, {}};
    for (int i = 0; i < s.input_count(); ++i) {
      check_dtype(s, i);
      const bool part = takes(s, i, spec, at);
      places.starts.push_back(part ? spec.shape[at] : -1);
      if (part) spec.shape[at] += s.spec(i).shape[at];
    }
    s.state() = std::move(places);
    s.set_output(0, spec);
  }

  Need need(const Inference& s, int input) const override {
    const bool part = s.kept<Places>().starts[static_cast<std::size_t>(input)] >= 0;
    return {part ? Access::view : Access::nothing};
  }

  std::optional<int> view_of(const Inference& s) const override {
    return s.input_count() == 1 ? std::optional(0) : std::nullopt;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }

  void parts(const Inference& s, const View& out,
             std::span<std::optional<View>> parts) const override {
    const auto& [axis, starts] = s.kept<Places>();
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (starts[i] >= 0)
        parts[i] = out.part(axis, starts[i], s.spec(static_cast<int>(i)).shape[axis]);
  }

 private:
  struct Places {
    int axis;
    std::vector<std::int64_t> starts;  // of each input along it; -1: the input takes no part
  };

  // The input that says what the others must look like: the first that is not empty.
  static int first(const Inference& s) {
    for (int i = 0; i < s.input_count(); ++i)
      if (volume(s.spec(i).shape) != 0) return i;
    return 0;
  }

  static int axis(const Inference& s, const Spec& spec) {
    if (s.args().given("axis_name")) {
      const std::string& name = s.text("axis_name");
      if (name.size() != 1)
        throw Error(ErrorKind::param, "axis_name is not one letter")
            .got(fmt::format("\"{}\"", name))
            .allowed("1 letter");
      return named_axes(name, s.spec(0).layout)[0];
    }
    return checked_axis(s.integer("axis"), spec.shape.rank());
  }

  // Whether the input takes part; one without elements need not fit.
  static bool takes(const Inference& s, int input, const Spec& spec, int axis) {
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

class Stack final : public Join {
 public:
  explicit Stack(const Args&) {}

  void infer(Inference& s) const override {
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
    if (s.args().given("axis_name") && name.size() != 1)
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

  std::optional<int> view_of(const Inference& s) const override {
    return s.input_count() == 1 ? std::optional(0) : std::nullopt;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in.expanded(axis(v.facts), 0);
    return true;
  }

  void parts(const Inference& s, const View& out,
             std::span<std::optional<View>> parts) const override {
    const int at = axis(s);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i] = out.part(at, static_cast<std::int64_t>(i), 1).drop(at);
    }
  }
  int added_axis(const Inference& s) const override { return axis(s); }

 private:
  static int axis(const Inference& s) {
    const int rank = s.spec(0).shape.rank();
    const std::int64_t axis = s.integer("axis");
    if (axis >= -rank && axis <= rank) return static_cast<int>(axis < 0 ? axis + rank + 1 : axis);
    throw Error(ErrorKind::param, "the new axis is out of range")
        .got(fmt::format("axis {}", axis))
        .allowed(fmt::format("{} to {}", -rank, rank));
  }
};

}  // namespace

VARO_OPERATORS(join, cat) {
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
          .traits({.moves_only = true, .keeps_grid = true})
          .one_of({"axis", "axis_name"})
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
          .traits({.moves_only = true, .keeps_grid = true})
          .make<Stack>()};
}

}  // namespace varo

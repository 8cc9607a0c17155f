// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <limits>

#include "operators/geometry/window.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

// The largest extent of each axis in the batch.
struct BatchMost {
  Shape extents;
};

class Pad final : public WindowOperator {
 public:
  explicit Pad(const Args& args) {
    // With every extent known beforehand no sample waits for another.
    if (args.constant("shape")) {
      const auto& shape = args.integers("shape");
      alone_ = std::all_of(shape.begin(), shape.end(), [](std::int64_t n) { return n > 0; }) &&
               !shape.empty();
    }
  }

  BatchNeed batch_need() const override { return alone_ ? BatchNeed::none : BatchNeed::shapes; }

  std::any combine(std::span<const BatchItem> items) const override {
    BatchMost most;
    for (const BatchItem& item : items) {
      const Shape& shape = item.facts.spec(0).shape;
      if (most.extents.rank() < shape.rank()) most.extents = Dims::filled(shape.rank(), 0);
      for (int i = 0; i < shape.rank(); ++i) most.extents[i] = std::max(most.extents[i], shape[i]);
    }
    return most;
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const std::vector<int> axes = listed_axes(s, spec.shape.rank(), s.spec(0).layout, NoAxes::all);
    const auto n = static_cast<int>(axes.size());
    const bool shaped = given_here(s, "shape"), aligned = given_here(s, "align");
    const std::vector<std::int64_t> shape =
        shaped ? s.integers("shape", n) : std::vector<std::int64_t>(axes.size(), -1);
    const std::vector<std::int64_t> align =
        aligned ? s.integers("align", n) : std::vector<std::int64_t>(axes.size(), 1);
    const auto* most = s.batch<BatchMost>();
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const int axis = axes[k];
      std::int64_t extent = shape[k];
      if (extent <= 0) extent = most != nullptr ? most->extents[axis] : spec.shape[axis];
      extent = std::max(extent, spec.shape[axis]);
      const std::int64_t up = (align[k] - extent % align[k]) % align[k];
      if (up > std::numeric_limits<std::int64_t>::max() - extent)
        throw Error(ErrorKind::shape, fmt::format("the padded extent is out of range along {}",
                                                  axis_name(s.spec(0).layout, axis)))
            .got(fmt::format("{}, to be a multiple of {}", extent, align[k]))
            .allowed(fmt::format("at most {}", std::numeric_limits<std::int64_t>::max()));
      spec.shape[axis] = extent + up;
    }
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    place(s, Window::whole(s.output_spec(0).shape), s.layout(0), {s.real("fill_value")});
  }

 private:
  bool alone_ = false;
};

}  // namespace

VARO_OPERATORS(geometry, pad) {
  return {OperatorDef("pad", "Extends axes at their end with a fill value.")
              .doc("Never cuts anything off. Without arguments each axis grows to the largest "
                   "extent in the batch, so "
                   "that the batch becomes one tensor. Until somebody needs the elements the "
                   "result is a view with a fill value.")
              .input({.name = "data", .doc = "Array of any layout and element type."})
              .output("padded", "Input, followed by fill along each padded axis.")
              .arg({.name = "fill_value",
                    .default_value = 0.0,
                    .doc = "What is added; saturates to the input's element type.",
                    .late = true})
              .arg({.name = "axes",
                    .type = ArgType::integers,
                    .doc = "Axes that grow, negative from the end; all if there is none, and if "
                           "neither axes nor axis_names is given."})
              .arg({.name = "axis_names",
                    .type = ArgType::text,
                    .doc = "The same by letter; \"\" means all. Excludes axes.",
                    .constant = true})
              .arg({.name = "align",
                    .type = ArgType::integers,
                    .doc = "Extents are rounded up to a multiple of this; one value, or one for "
                           "each axis listed.",
                    .least = 1})
              .arg({.name = "shape",
                    .type = ArgType::integers,
                    .doc = "Least extent of each axis listed; 0 or negative: the largest in the "
                           "batch, as when not given."})
              .traits({.moves_only = true})
              .one_of({"axes", "axis_names"})
              .make<Pad>()};
}

}  // namespace varo

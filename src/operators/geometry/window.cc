// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/window.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/convert.h"
#include "kernels/copy/copy.h"
#include "operators/shared/axes.h"

namespace varo {

void check_inside(const Window& window, int axis, const Shape& in, const Layout& layout) {
  const std::int64_t start = window.start[axis], count = window.shape[axis];
  if (start >= 0 && start + count <= in[axis]) return;
  throw Error(ErrorKind::shape,
              fmt::format("the window does not fit along {}", axis_name(layout, axis)))
      .got(fmt::format("{} elements starting at {}", count, start))
      .allowed(fmt::format("start >= 0 and start + size <= {} (input {}{}{})", in[axis],
                           layout.str(), layout.empty() ? "" : " ", to_string(in)))
      .hint(R"(out_of_bounds_policy="pad", "trim_to_shape" or another)");
}

Window bounded(Window window, const Shape& in, const Layout& layout, OutOfBounds policy) {
  for (int i = 0; i < in.rank(); ++i) {
    if (policy == OutOfBounds::error) check_inside(window, i, in, layout);
    if (policy != OutOfBounds::trim) continue;
    const std::int64_t lo = std::clamp<std::int64_t>(window.start[i], 0, in[i]);
    const std::int64_t hi = std::clamp<std::int64_t>(window.start[i] + window.shape[i], lo, in[i]);
    window.start[i] = lo;
    window.shape[i] = hi - lo;
  }
  return window;
}

std::vector<double> fill_values_of(const Inference& s, const Layout& layout, const Shape& out) {
  std::vector<double> fills = s.reals("fill_values");
  const int channels = layout.find('C');
  const std::int64_t allowed = channels >= 0 ? out[channels] : 1;
  const auto given = static_cast<std::int64_t>(fills.size());
  if (given != 1 && (channels < 0 || given != allowed))
    throw Error(ErrorKind::param, "argument fill_values needs one value, or one a channel")
        .got(fmt::format("{} values", given))
        .allowed(channels >= 0 ? fmt::format("1 or {} (the extent of C)", allowed)
                               : "1 (no channel axis)");
  if (std::all_of(fills.begin(), fills.end(), [&](double f) { return f == fills[0]; }))
    fills.resize(1);
  return fills;
}

namespace {

bool reaches_outside(const Window& window, const Shape& in) {
  for (int i = 0; i < in.rank(); ++i)
    if (window.start[i] < 0 || window.start[i] + window.shape[i] > in[i]) return true;
  return false;
}

}  // namespace

void WindowOperator::place(Inference& s, const Window& window, const Layout& layout,
                           const std::vector<double>& fills, OutOfBounds policy) {
  PlacedWindow placed{.window = window, .channel = layout.find('C')};
  const Shape& in = s.spec(0).shape;
  for (int i = 0; i < in.rank(); ++i) {
    const std::int64_t start = window.start[i];
    const std::int64_t lo = std::clamp<std::int64_t>(start, 0, in[i]);
    const std::int64_t hi = std::clamp<std::int64_t>(start + window.shape[i], lo, in[i]);
    placed.read.lo.push_back(lo);
    placed.read.hi.push_back(hi);
    placed.shown.lo.push_back(hi > lo ? lo - start : 0);
    placed.shown.hi.push_back(hi > lo ? hi - start : 0);
  }
  if (repeats_input(policy) && reaches_outside(window, in))
    placed.pieces = repeated_pieces(window.start, window.shape, in, layout, policy, placed.read);
  for (const double fill : fills) placed.fills.push_back(bits_of(fill, s.output_spec(0).dtype));
  s.state() = std::move(placed);
}

Need WindowOperator::need(const Inference& s, int) const {
  const auto* placed = std::any_cast<PlacedWindow>(&s.state());
  if (placed == nullptr) return {.alone = true};
  return {.region = placed->read, .alone = true};
}

std::optional<int> WindowOperator::view_of(const Inference& s) const {
  if (s.output_spec(0).dtype != s.spec(0).dtype) return std::nullopt;
  const auto& placed = s.kept<PlacedWindow>();
  if (!placed.pieces.empty()) return std::nullopt;
  if (placed.fills.size() > 1 && reaches_outside(placed.window, s.spec(0).shape))
    return std::nullopt;
  return 0;
}

bool WindowOperator::resolve(Views& views) const {
  const auto& [window, read, shown, fills, channel, pieces] = views.facts.kept<PlacedWindow>();
  Tensor t = views.in;
  for (int i = 0; i < t.rank(); ++i) {
    const auto part = t.windowed(i, window.start[i], window.shape[i], fills[0]);
    if (!part) return false;
    t = *part;
  }
  views.out[0] = std::move(t);
  return true;
}

std::optional<Affine> WindowOperator::moved(const Inference& s, const Affine& input) const {
  const Window& window = s.kept<PlacedWindow>().window;
  const auto& [dtype, shape, unused] = s.spec(0);
  const Layout& layout = s.output_spec(0).layout;
  // Slices of no elements: the affine follows them as it follows views.
  Tensor t = Tensor::wrap({nullptr, dtype, shape, Dims::filled(shape.rank(), 0)}, nullptr, layout)
                 .with_meta({.affine = input});
  for (int i = 0; i < t.rank(); ++i) t = t.sliced(i, window.start[i], window.shape[i]);
  return t.meta().affine;
}

void WindowOperator::run(const HostRun& r) const noexcept {
  const auto& [window, read, shown, fills, channel, pieces] = r.state<PlacedWindow>();
  const View out = r.out[0];
  if (!pieces.empty()) return copy_pieces(pieces, r.view(0), out, r.parallel);
  View inner = out;
  if (fills.size() == 1) {
    inner = fill_outside(shown, out, fills[0], r.parallel);
  } else {
    const auto size = static_cast<std::int64_t>(out.element_size());
    for (std::int64_t k = 0; k < out.shape[channel]; ++k) {
      View one = out;
      one.data = out.ptr<std::byte>() + k * out.strides[channel] * size;
      one.shape[channel] = 1;
      Box part = shown;
      part.lo[channel] = 0;
      part.hi[channel] = k >= shown.lo[channel] && k < shown.hi[channel] ? 1 : 0;
      fill_outside(part, one, fills[static_cast<std::size_t>(k)], r.parallel);
    }
    for (int i = 0; i < out.rank(); ++i) {
      inner.data = inner.ptr<std::byte>() + shown.lo[i] * out.strides[i] * size;
      inner.shape[i] = shown.hi[i] - shown.lo[i];
    }
  }
  if (!shown.empty()) convert(r.view(0), inner, r.parallel);
}

OperatorDef with_window_args(OperatorDef def) {
  return std::move(def)
      .arg(window_policy_arg("fill_values"))
      .arg({.name = "fill_values",
            .type = ArgType::reals,
            .default_value = std::vector<double>{0.0},
            .doc = "What is outside of the input, for policy \"pad\": one value, or one a channel.",
            .late = true})
      .arg({.name = "dtype",
            .type = ArgType::dtype,
            .doc = "Element type of the output; that of the input if not given. Values are rounded "
                   "and saturate (DALI cuts fractions off).",
            .constant = true});
}

}  // namespace varo

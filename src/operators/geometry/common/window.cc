// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/common/window.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/convert.h"
#include "kernels/copy/copy.h"
#include "operators/views.h"

namespace varo {

OutOfBounds out_of_bounds_of(const Args& args) {
  const std::string& text = args.text("out_of_bounds_policy");
  if (text == "error") return OutOfBounds::error;
  if (text == "pad") return OutOfBounds::pad;
  if (text == "trim_to_shape") return OutOfBounds::trim;
  throw Error(ErrorKind::param, "argument out_of_bounds_policy has no such choice")
      .got(fmt::format("\"{}\"", text))
      .allowed(R"("error", "pad" or "trim_to_shape")");
}

void check_inside(const Window& window, int axis, const Shape& in, const Layout& layout) {
  const std::int64_t start = window.start[axis], count = window.shape[axis];
  if (start >= 0 && start + count <= in[axis]) return;
  throw Error(ErrorKind::shape,
              fmt::format("the window does not fit along {}", axis_name(layout, axis)))
      .got(fmt::format("{} elements starting at {}", count, start))
      .allowed(fmt::format("start >= 0 and start + size <= {} (input {}{}{})", in[axis],
                           layout.str(), layout.empty() ? "" : " ", to_string(in)))
      .hint(R"(out_of_bounds_policy="pad" or "trim_to_shape")");
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

std::vector<double> fill_values_of(Sample& s, const Layout& layout, const Shape& out) {
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

bool resolve_window(Sample& s, const Window& window, const std::vector<double>& fills) {
  if (s.output_spec(0).dtype != s.spec(0).dtype) return false;
  Tensor t = s.tensor(0);
  for (int i = 0; i < t.rank(); ++i) {
    const std::int64_t start = window.start[i], count = window.shape[i];
    if (start >= 0 && start + count <= t.shape()[i]) {
      t = t.sliced(i, start, count);
      continue;
    }
    if (fills.size() != 1) return false;
    const std::optional<Tensor> padded = t.windowed(i, start, count, bits_of(fills[0], t.dtype()));
    if (!padded) return false;
    t = *padded;
  }
  s.set_result(0, t);
  return true;
}

void run_window(Sample& s, const Window& window, const std::vector<double>& fills) {
  const Tensor whole = s.tensor(0);
  const View out = s.output(0);
  Tensor inside = whole, moved = whole;
  Box box;  // of the output: where the input shows
  for (int i = 0; i < whole.rank(); ++i) {
    const std::int64_t start = window.start[i], count = window.shape[i];
    const std::int64_t lo = std::clamp<std::int64_t>(start, 0, whole.shape()[i]);
    const std::int64_t hi = std::clamp<std::int64_t>(start + count, lo, whole.shape()[i]);
    inside = inside.sliced(i, lo, hi - lo);
    moved = moved.sliced(i, start, count);
    box.lo.push_back(hi > lo ? lo - start : 0);
    box.hi.push_back(hi > lo ? hi - start : 0);
  }
  if (moved.meta().affine) s.set_affine(0, *moved.meta().affine);

  View inner = out;
  if (fills.size() == 1) {
    inner = fill_outside(box, out, bits_of(fills[0], out.dtype), s.parallel());
  } else {
    const int c = s.layout(0).find('C');
    for (std::int64_t k = 0; k < out.shape[c]; ++k) {
      Box part = box;
      const bool shows = k >= box.lo[c] && k < box.hi[c];
      part.lo[c] = 0;
      part.hi[c] = shows ? 1 : 0;
      fill_outside(part, out.part(c, k, 1), bits_of(fills[static_cast<std::size_t>(k)], out.dtype),
                   s.parallel());
    }
    inner = out.part(box);
  }
  if (!box.empty()) convert(s.fetch(inside), inner, s.parallel());
}

OperatorDef with_window_args(OperatorDef def) {
  return std::move(def)
      .arg(
          {.name = "out_of_bounds_policy",
           .type = ArgType::text,
           .default_value = std::string("error"),
           .doc =
               R"(Where the window reaches outside: "error", "pad" with fill_values, or "trim_to_shape".)",
           .constant = true})
      .arg(
          {.name = "fill_values",
           .type = ArgType::reals,
           .default_value = std::vector<double>{0.0},
           .doc = "What is outside of the input, for policy \"pad\": one value, or one a channel."})
      .arg({.name = "dtype",
            .type = ArgType::dtype,
            .doc = "Element type of the output; that of the input if not given. Values saturate.",
            .constant = true});
}

}  // namespace varo

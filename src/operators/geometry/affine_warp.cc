// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/affine_warp.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "core/convert.h"

namespace varo::affine_warp {
namespace {

std::string size_text(const Plan& p) {
  return p.axes == 2 ? fmt::format("H {}, W {}", p.in[1], p.in[0])
                     : fmt::format("D {}, H {}, W {}", p.in[2], p.in[1], p.in[0]);
}

}  // namespace

std::vector<Layout> layouts() {
  return layouts_of(
      {"HWC", "FHWC", "DHWC", "FDHWC", "CHW", "CDHW", "FCHW", "FCDHW", "HW", "DHW", "FHW", "FDHW"});
}

OperatorDef with_arguments(OperatorDef def) {
  return std::move(def)
      .arg({.name = "size",
            .type = ArgType::reals,
            .doc = "Output extents along D, H, W (H, W for a picture), in voxels."})
      .arg({.name = "fill_value",
            .type = ArgType::real,
            .doc = "Value outside of the input. Not given: the edge voxel repeats.",
            .constant = true})
      .arg({.name = "interp_type",
            .type = ArgType::interp,
            .default_value = 1,
            .doc = "INTERP_NN (labels) or INTERP_LINEAR.",
            .constant = true})
      .arg({.name = "dtype",
            .type = ArgType::dtype,
            .doc = "Element type of the output: the input's (default), or float32 from or to it.",
            .constant = true});
}

Layout layout_of(const Inference& s, bool three_axes) {
  if (three_axes && s.spec(0).layout.empty()) {
    if (s.spec(0).shape.rank() == 3) return "DHW";
    if (s.spec(0).shape.rank() == 4) return "DHWC";
  }
  return s.layout(0);
}

Plan plan(const Inference& s, const Layout& layout) {
  Plan p;
  const Spec spec = s.spec(0);
  p.layout = layout;
  p.axes = layout.has('D') ? 3 : 2;
  p.frame = layout.find('F');
  p.channel = layout.find('C');
  for (int i = 0; i < p.axes; ++i) {
    p.at[i] = layout.find("WHD"[i]);
    p.in[i] = p.out[i] = spec.shape[p.at[i]];
    if (p.in[i] > kMostVoxels)
      throw Error(ErrorKind::shape, "the input is too long to be warped")
          .got(fmt::format("{} voxels along {}", p.in[i], "WHD"[i]))
          .allowed(fmt::format("at most {}", kMostVoxels));
  }
  const std::int64_t filter = s.args().integer("interp_type");
  if (filter != 0 && filter != 1)
    throw Error(ErrorKind::param, "a warp knows nearest-neighbour and linear interpolation")
        .got(fmt::format("interp_type {}", filter))
        .allowed("types.INTERP_NN (0) or types.INTERP_LINEAR (1)");
  p.filter = filter == 0 ? WarpFilter::nearest : WarpFilter::linear;
  p.from = spec.dtype;
  p.to = s.args().given("dtype") ? s.args().dtype("dtype") : spec.dtype;
  if (!warp_takes(p.from, p.to, p.filter)) {
    if (p.from == p.to)
      throw Error(ErrorKind::param, "no linear interpolation for this element type")
          .got(std::string(name_of(p.from)))
          .allowed("uint8, int8, uint16, int16, int32 or float32")
          .hint("interp_type=types.INTERP_NN moves labels of every type; or cast first");
    throw Error(ErrorKind::param, "no conversion between these element types")
        .got(fmt::format("{} to {}", name_of(p.from), name_of(p.to)))
        .allowed("the input's type, or float32 to or from uint8, int8, uint16, int16, int32")
        .hint("cast before or after");
  }
  if (s.args().given("fill_value")) {
    p.border = WarpBorder::constant;
    // What the output's type makes of it, in the input's type.
    p.fill_bits = converted_bits(bits_of(s.args().real("fill_value"), p.to), p.to, p.from);
  }
  return p;
}

bool take_size(const Inference& s, Plan& p) {
  if (!s.args().given("size")) return false;
  const bool per_sample = s.args().per_sample("size");
  const std::vector<double> size = s.reals("size", p.axes);
  for (int i = 0; i < p.axes; ++i) {
    const double asked = size[static_cast<std::size_t>(p.axes - 1 - i)];
    const double voxels = per_sample ? std::trunc(asked) : std::round(asked);
    if (!(voxels >= (per_sample ? 0 : 1)) || voxels > static_cast<double>(kMostVoxels))
      throw Error(ErrorKind::param, fmt::format("the output size along {} is impossible", "WHD"[i]))
          .got(fmt::format("{}", asked))
          .allowed(fmt::format("{} to {} voxels", per_sample ? 0 : 1, kMostVoxels));
    p.out[i] = static_cast<std::int64_t>(voxels);
  }
  return true;
}

void set_output(Inference& s, Plan p) {
  Spec spec = s.spec(0);
  spec.dtype = p.to;
  spec.layout = p.layout;
  std::int64_t voxels = 1;
  for (int i = 0; i < p.axes; ++i) {
    spec.shape[p.at[i]] = p.out[i];
    voxels *= p.in[i];
  }
  if (voxels == 0 && p.border == WarpBorder::clamp && volume(spec.shape) != 0)
    throw Error(ErrorKind::shape, "an empty input has no edge to repeat")
        .got(size_text(p))
        .allowed("at least 1 voxel along every axis")
        .hint("give a fill_value");
  s.set_output(0, spec);
  s.state() = std::move(p);
}

}  // namespace varo::affine_warp

// SPDX-License-Identifier: Apache-2.0
/// What warp_affine and rotate share: arguments, the plan of one sample, views, the run.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/warp/warp.h"
#include "operators/operator.h"

namespace varo::affine_warp {

using Map = std::array<double, 12>;  ///< output position -> input position, as WarpParams has it

/// One sample's warp. Positions, extents and axes in the order x, y, z.
struct Plan {
  Layout layout;             ///< of the input, assumed letters included
  int axes = 3;              ///< 2 or 3
  int at[3] = {-1, -1, -1};  ///< tensor axis of W, H, D
  int frame = -1;            ///< tensor axis of F
  int channel = -1;          ///< tensor axis of C
  std::int64_t in[3] = {1, 1, 1};
  std::int64_t out[3] = {1, 1, 1};
  WarpFilter filter = WarpFilter::linear;
  WarpBorder border = WarpBorder::clamp;
  DType from = DType::u8, to = DType::u8;
  std::uint64_t fill_bits = 0;
  std::vector<Map> maps;  ///< one for every frame, or one for all
};

/// Positions along an axis fit what the kernel takes.
inline constexpr std::int64_t kMostVoxels = (std::int64_t{1} << 29) - 1;

/// The accepted layouts; an unlabelled input has the first of its rank.
inline std::vector<Layout> layouts() {
  return layouts_of(
      {"HWC", "FHWC", "DHWC", "FDHWC", "CHW", "CDHW", "FCHW", "FCDHW", "HW", "DHW", "FHW", "FDHW"});
}

/// The layout to work by. What tells of three axes makes a volume of an unlabelled input that
/// would be a picture otherwise.
inline Layout layout_of(Sample& s, bool three_axes) {
  if (three_axes && s.spec(0).layout.empty()) {
    if (s.spec(0).shape.rank() == 3) return "DHW";
    if (s.spec(0).shape.rank() == 4) return "DHWC";
  }
  return s.layout(0);
}

inline std::string size_text(const Plan& p) {
  return p.axes == 2 ? fmt::format("H {}, W {}", p.in[1], p.in[0])
                     : fmt::format("D {}, H {}, W {}", p.in[2], p.in[1], p.in[0]);
}

inline std::uint64_t fill_bits(double fill, DType from, DType to) {
  std::uint64_t bits = 0;
  dispatch_all(to, [&](auto to_tag) {
    const auto written = saturate<typename decltype(to_tag)::type>(fill);
    dispatch_all(from, [&](auto from_tag) {
      const auto read = saturate<typename decltype(from_tag)::type>(written);
      std::memcpy(&bits, &read, sizeof read);
    });
  });
  return bits;
}

/// Everything but `out` and `maps`. \pre arguments of with_arguments()
inline Plan plan(Sample& s, const Layout& layout) {
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
    p.fill_bits = fill_bits(s.args().real("fill_value"), p.from, p.to);
  }
  return p;
}

/// Reads `size` into p.out if it was given.
inline bool take_size(Sample& s, Plan& p) {
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

/// Checks what depends on `out` and declares the output.
inline void set_output(Sample& s, Plan p) {
  Spec spec = s.spec(0);
  spec.dtype = p.to;
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

inline const Map& map_of(const Plan& p, std::int64_t frame) {
  return p.maps[p.maps.size() == 1 ? 0 : static_cast<std::size_t>(frame)];
}

/// The affine of the warped grid: input index = M * (output index + 0.5) - 0.5.
inline Affine moved(const Affine& affine, const Plan& p) {
  Map index{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
  for (int i = 0; i < p.axes; ++i) {
    double shift = p.maps[0][i * 4 + 3] - 0.5;
    for (int j = 0; j < p.axes; ++j) {
      index[i * 4 + j] = p.maps[0][i * 4 + j];
      shift += 0.5 * index[i * 4 + j];
    }
    index[i * 4 + 3] = shift;
  }
  Affine result;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 4; ++j) {
      result[i * 4 + j] = j == 3 ? affine[i * 4 + 3] : 0;
      for (int k = 0; k < 3; ++k) result[i * 4 + j] += affine[i * 4 + k] * index[k * 4 + j];
    }
  return result;
}

/// A map that moves whole voxels (identity, shifts, mirrors, quarter turns) as a view of `t`;
/// nothing if the map does more, or would repeat an edge.
inline std::optional<Tensor> as_view(const Plan& p, const Tensor& t) {
  if (p.maps.size() != 1 || p.from != p.to) return std::nullopt;
  const Map& m = p.maps[0];
  int source[3] = {0, 1, 2};  // input axis that runs along output axis j
  std::array<int, kMaxRank> perm;
  for (int i = 0; i < t.rank(); ++i) perm[static_cast<unsigned>(i)] = i;
  bool taken[3] = {false, false, false};
  for (int j = 0; j < p.axes; ++j) {
    int found = -1;
    for (int i = 0; i < p.axes; ++i) {
      const double entry = m[i * 4 + j];
      if (entry == 0) continue;
      if (found >= 0 || taken[i] || std::abs(entry) != 1) return std::nullopt;
      found = i;
    }
    if (found < 0) return std::nullopt;
    taken[found] = true;
    source[j] = found;
    perm[static_cast<unsigned>(p.at[j])] = p.at[found];
  }
  Tensor v = t;
  for (int j = 0; j < p.axes; ++j) {
    const int i = source[j], axis = p.at[i];
    const double shift = m[i * 4 + 3];
    if (shift != std::floor(shift) || std::abs(shift) > static_cast<double>(kMostVoxels))
      return std::nullopt;
    const bool mirrored = m[i * 4 + j] < 0;
    const auto offset = static_cast<std::int64_t>(shift);
    const std::int64_t start = mirrored ? offset - p.out[j] : offset;
    if (start < 0 || start + p.out[j] > p.in[i]) {
      if (p.border == WarpBorder::clamp) return std::nullopt;
      const auto window = v.windowed(axis, start, p.out[j], p.fill_bits);
      if (!window) return std::nullopt;
      v = *window;
    } else if (start != 0 || p.out[j] != p.in[i]) {
      v = v.sliced(axis, start, p.out[j]);
    }
    if (mirrored && p.out[j] > 0) v = v.flipped(axis);
  }
  v = v.permuted({perm.data(), static_cast<std::size_t>(t.rank())}).relabelled(t.layout());
  Meta meta = t.meta();
  if (meta.affine) meta.affine = moved(*meta.affine, p);
  return v.with_meta(std::move(meta));
}

inline bool resolve(Sample& s) {
  auto view = as_view(s.kept<Plan>(), s.tensor(0));
  if (view) s.set_result(0, *std::move(view));
  return view.has_value();
}

/// [D, H, W, C] of frame `f`.
template <class AnyView>
AnyView frame_of(const AnyView& v, const Plan& p, std::int64_t f) {
  const auto shift =
      p.frame < 0 ? 0 : f * v.strides[p.frame] * static_cast<std::int64_t>(v.element_size());
  using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(v.data)>>,
                                  const std::byte, std::byte>;
  AnyView out{static_cast<Byte*>(v.data) + shift, v.dtype, {}, {}};
  for (const int axis : {p.at[2], p.at[1], p.at[0], p.channel}) {
    out.shape.push_back(axis < 0 ? 1 : v.shape[axis]);
    out.strides.push_back(axis < 0 ? 0 : v.strides[axis]);
  }
  return out;
}

/// Whether the kernel can make up the padding of `t`: padding along the warped axes alone, of a
/// value that is also what lies outside, or repeats there.
inline bool pads_along(const Plan& p, const Tensor& t) {
  constexpr std::int64_t kMostBefore = std::int64_t{1} << 27;
  const Box inside = t.valid();
  for (int i = 0; i < t.rank(); ++i) {
    const bool warped = std::find(p.at, p.at + p.axes, i) != p.at + p.axes;
    if (!warped && inside.extents()[i] != t.shape()[i]) return false;
    if (inside.lo[i] > kMostBefore) return false;
  }
  return (p.border == WarpBorder::clamp || t.fill_bits() == p.fill_bits) &&
         warp_mixes(p.from, t.fill_bits(), p.filter);
}

inline void run(Sample& s) {
  const Plan& p = s.kept<Plan>();
  const View out = s.output(0);
  WarpParams params{
      .axes = p.axes, .filter = p.filter, .border = p.border, .fill_bits = p.fill_bits};
  ConstView in;
  if (const Tensor& t = s.loaded(0); t.padded() && pads_along(p, t)) {
    in = t.valid_view();
    params.fill_bits = t.fill_bits();
    const Box inside = t.valid();
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.axes); ++i) {
      params.before[i] = inside.lo[p.at[i]];
      params.after[i] = t.shape()[p.at[i]] - inside.hi[p.at[i]];
    }
  } else {
    in = s.view(0);
  }
  const std::int64_t frames = p.frame < 0 ? 1 : out.shape[p.frame];
  for (std::int64_t f = 0; f < frames && out.volume() > 0; ++f) {
    params.source_of = map_of(p, f);
    varo::warp_affine(frame_of(in, p, f), frame_of(out, p, f), params, s.parallel());
  }
  const auto& affine = s.tensor(0).meta().affine;
  if (affine && p.maps.size() == 1) s.set_affine(0, moved(*affine, p));
}

/// Adds the arguments that plan() and take_size() read.
inline OperatorDef with_arguments(OperatorDef def) {
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

}  // namespace varo::affine_warp

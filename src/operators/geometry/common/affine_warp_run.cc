// SPDX-License-Identifier: Apache-2.0
// A warp as a view of its input, or by the kernel.
#include <algorithm>
#include <cmath>
#include <optional>

#include "operators/geometry/common/affine_warp.h"

namespace varo::affine_warp {
namespace {

const Map& map_of(const Plan& p, std::int64_t frame) {
  return p.maps[p.maps.size() == 1 ? 0 : static_cast<std::size_t>(frame)];
}

// The affine of the warped grid: input index = M * (output index + 0.5) - 0.5.
Affine moved(const Affine& affine, const Plan& p) {
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

// A map that moves whole voxels (identity, shifts, mirrors, quarter turns) as a view of `t`;
// nothing if the map does more, or would repeat an edge.
std::optional<Tensor> as_view(const Plan& p, const Tensor& t) {
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

// What `dims` says of [D, H, W, C]; `none` where there is no such axis.
Dims dhwc(const Dims& dims, const Plan& p, std::int64_t none) {
  Dims four;
  for (const int axis : {p.at[2], p.at[1], p.at[0], p.channel})
    four.push_back(axis < 0 ? none : dims[axis]);
  return four;
}

// [D, H, W, C] of frame `f`.
template <class AnyView>
AnyView frame_of(AnyView v, const Plan& p, std::int64_t f) {
  if (p.frame >= 0) v = v.part(p.frame, f, 1);
  v.shape = dhwc(v.shape, p, 1);
  v.strides = dhwc(v.strides, p, 0);
  return v;
}
PaddedView frame_of(const PaddedView& v, const Plan& p, std::int64_t f) {
  return {frame_of(v.inside, p, f),
          dhwc(v.shape, p, 1),
          {dhwc(v.box.lo, p, 0), dhwc(v.box.hi, p, 1)},
          v.fill};
}

// Whether the kernel can make up the padding of `v`: padding along the warped axes alone, of a
// value that is also what lies outside, or repeats there.
bool pads_along(const Plan& p, const PaddedView& v) {
  constexpr std::int64_t kMostBefore = std::int64_t{1} << 27;
  for (int i = 0; i < v.rank(); ++i) {
    const bool warped = std::find(p.at, p.at + p.axes, i) != p.at + p.axes;
    if (!warped && v.inside.shape[i] != v.shape[i]) return false;
    if (v.box.lo[i] > kMostBefore) return false;
  }
  return (p.border == WarpBorder::clamp || v.fill == p.fill_bits) &&
         warp_mixes(p.from, v.fill, p.filter);
}

}  // namespace

bool resolve(Sample& s) {
  auto view = as_view(s.kept<Plan>(), s.tensor(0));
  if (!view) return false;
  s.set_result(0, *std::move(view));
  return true;
}

void run(Sample& s) {
  const Plan& p = s.kept<Plan>();
  const View out = s.output(0);
  WarpParams params{
      .axes = p.axes, .filter = p.filter, .border = p.border, .fill_bits = p.fill_bits};
  PaddedView in = s.loaded(0).padded_view();
  if (in.padded() && !pads_along(p, in)) in = unpadded(s.view(0));
  const std::int64_t frames = p.frame < 0 ? 1 : out.shape[p.frame];
  for (std::int64_t f = 0; f < frames && out.volume() > 0; ++f) {
    params.source_of = map_of(p, f);
    varo::warp_affine(frame_of(in, p, f), frame_of(out, p, f), params, s.parallel());
  }
  const auto& affine = s.tensor(0).meta().affine;
  if (affine && p.maps.size() == 1) s.set_affine(0, moved(*affine, p));
}

}  // namespace varo::affine_warp

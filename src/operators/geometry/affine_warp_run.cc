// SPDX-License-Identifier: Apache-2.0
// A warp as a view of its input, or by the kernel.
#include <algorithm>
#include <cmath>
#include <optional>

#include "operators/geometry/affine_warp.h"

namespace varo::affine_warp {
namespace {

const Map& map_of(const Plan& p, std::int64_t frame) {
  return p.maps[p.maps.size() == 1 ? 0 : static_cast<std::size_t>(frame)];
}

// The affine of the warped grid: input index = M * (output index + 0.5) - 0.5.
Affine moved_affine(const Affine& affine, const Plan& p) {
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

// A map that moves whole voxels, along output axes x, y, z.
struct Moves {
  int source[3] = {0, 1, 2};  ///< the input axis that runs along it
  std::int64_t start[3] = {};
  bool mirrored[3] = {};
};

// Nothing if the map does more, or would repeat an edge.
std::optional<Moves> moves_of(const Plan& p) {
  if (p.maps.size() != 1 || p.from != p.to) return std::nullopt;
  const Map& m = p.maps[0];
  Moves moves;
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
    moves.source[j] = found;
  }
  for (int j = 0; j < p.axes; ++j) {
    const int i = moves.source[j];
    const double shift = m[i * 4 + 3];
    if (shift != std::floor(shift) || std::abs(shift) > static_cast<double>(kMostVoxels))
      return std::nullopt;
    moves.mirrored[j] = m[i * 4 + j] < 0;
    const auto offset = static_cast<std::int64_t>(shift);
    moves.start[j] = moves.mirrored[j] ? offset - p.out[j] : offset;
    const bool inside = moves.start[j] >= 0 && moves.start[j] + p.out[j] <= p.in[i];
    if (!inside && p.border == WarpBorder::clamp) return std::nullopt;
  }
  return moves;
}

// Nothing if another padding is in force.
std::optional<Tensor> as_view(const Plan& p, const Moves& moves, const Tensor& t) {
  std::array<int, kMaxRank> perm;
  for (int i = 0; i < t.rank(); ++i) perm[static_cast<unsigned>(i)] = i;
  Tensor v = t;
  for (int j = 0; j < p.axes; ++j) {
    const int axis = p.at[moves.source[j]];
    perm[static_cast<unsigned>(p.at[j])] = axis;
    const auto window = v.windowed(axis, moves.start[j], p.out[j], p.fill_bits);
    if (!window) return std::nullopt;
    v = *window;
    if (moves.mirrored[j] && p.out[j] > 0) v = v.flipped(axis);
  }
  v = v.permuted({perm.data(), static_cast<std::size_t>(t.rank())}).relabelled(t.layout());
  Meta meta = t.meta();
  if (meta.affine) meta.affine = moved_affine(*meta.affine, p);
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

}  // namespace

Need WarpOperator::need(const Inference&, int) const { return {Access::padded}; }

// The kernel makes up padding along the warped axes alone, of a value that is also what lies
// outside, or repeats there.
bool WarpOperator::takes_padding(const Inference& s, int, const PaddedView& padding) const {
  constexpr std::int64_t kMostBefore = std::int64_t{1} << 27;
  const Plan& p = s.kept<Plan>();
  const auto& [inside, shape, box, fill] = padding;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool warped = std::find(p.at, p.at + p.axes, i) != p.at + p.axes;
    if (!warped && box.extents()[i] != shape[i]) return false;
    if (box.lo[i] > kMostBefore) return false;
  }
  return (p.border == WarpBorder::clamp || fill == p.fill_bits) &&
         warp_mixes(p.from, fill, p.filter);
}

std::optional<int> WarpOperator::view_of(const Inference& s) const {
  return moves_of(s.kept<Plan>()) ? std::optional(0) : std::nullopt;
}

bool WarpOperator::resolve(Views& views) const {
  const Plan& p = views.facts.kept<Plan>();
  auto view = as_view(p, *moves_of(p), views.in);
  if (!view) return false;
  views.out[0] = *std::move(view);
  return true;
}

std::optional<Affine> WarpOperator::moved(const Inference& s, const Affine& input) const {
  const Plan& p = s.kept<Plan>();
  if (p.maps.size() != 1) return std::nullopt;
  return moved_affine(input, p);
}

void WarpOperator::run(const HostRun& r) const noexcept {
  const Plan& p = r.state<Plan>();
  const View out = r.out[0];
  WarpParams params{
      .axes = p.axes, .filter = p.filter, .border = p.border, .fill_bits = p.fill_bits};
  const PaddedView& in = r.in[0];
  if (in.padded()) params.fill_bits = in.fill;
  const std::int64_t frames = p.frame < 0 ? 1 : out.shape[p.frame];
  for (std::int64_t f = 0; f < frames && out.volume() > 0; ++f) {
    params.source_of = map_of(p, f);
    warp_affine(frame_of(in, p, f), frame_of(out, p, f), params, r.parallel);
  }
}

}  // namespace varo::affine_warp

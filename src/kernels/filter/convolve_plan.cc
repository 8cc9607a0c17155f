// SPDX-License-Identifier: Apache-2.0
#include "kernels/filter/convolve_plan.h"

#include <algorithm>

namespace varo::filter {

namespace {

// Rows that the windows go over again and again should stay in half of a usual L2 cache.
constexpr std::int64_t kTileBytes = 512 * 1024;
// So should the rings of rows; shorter rows than this are mostly borders, or jumps in memory.
constexpr std::int64_t kRingFloats = 16 * 1024, kRowFloats = 512;
// Rather a long row than vectors that are mostly tail.
constexpr std::int64_t kWideChannel = 32;
constexpr std::int64_t kTasks = 32;
// Rows of neighbouring planes are apart by a large power of two as often as not: of more of them
// than a cache set has ways, what one vector leaves of a line may be gone before the next one wants
// it. From about here on it is no slower to copy them together first.
constexpr std::int64_t kDirectPlanes = 12;

constexpr float kOne = 1.0F;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t whole_vectors(std::int64_t floats) {
  return ceil_div(floats, kLineFloats) * kLineFloats;
}
// Equal pieces of at most `most`.
std::int64_t even_tile(std::int64_t extent, std::int64_t most) {
  most = std::clamp<std::int64_t>(most, 1, extent);
  return ceil_div(extent, ceil_div(extent, most));
}
std::int64_t kept(const Axis& a) { return std::min(a.extent, 2 * a.radius + kGroupRows); }
std::int64_t reached(const Axis& a, std::int64_t tile) {
  return std::min(a.extent, tile + 2 * a.radius);
}

void assign_axes(Plan& p, const ConstView& in, const View& out,
                 std::span<const AxisWindow> windows) {
  Axis axes[kMaxRank];
  const int rank = in.rank();
  for (int i = 0; i < rank; ++i) axes[i] = {in.shape[i], in.strides[i], out.strides[i], 0, nullptr};
  for (const AxisWindow& w : windows) {
    axes[w.axis].half = w.half.data();
    axes[w.axis].radius = static_cast<std::int64_t>(w.half.size()) - 1;
  }

  // Innermost first: the row's axis and its channels, then y and z; what is left is outer. The
  // order is the logical one, whatever the strides: it decides about rounding.
  AxisSet outer = 0;
  p.z = p.y = p.x = p.channel = {1, 0, 0, 0, nullptr};
  const int last = rank - 1;
  const bool plain_row = rank > 0 && windows.size() < 3 && axes[last].half == nullptr &&
                         axes[last].extent >= kWideChannel;
  bool have_x = false, have_channel = false;
  if (plain_row) {
    p.x = axes[last];
    have_x = have_channel = true;
  }
  int smoothed = 0;
  for (int k = plain_row ? last - 1 : last; k >= 0; --k) {
    const Axis& a = axes[k];
    if (a.half != nullptr) {
      if (!have_x) {
        p.x = a;
        have_x = true;
      } else {
        (smoothed == 0 ? p.y : p.z) = a;
        ++smoothed;
      }
    } else if (!have_x && !have_channel) {
      p.channel = a;
      have_channel = true;
    } else {
      outer |= AxisSet{1} << k;
    }
  }
  p.outer = walk_along(outer, in.shape, Order::logical, in.strides, out.strides);
  p.has_z = p.z.half != nullptr;
  for (Axis* a : {&p.x, &p.y, &p.z})
    if (a->half == nullptr) a->half = &kOne;
}

}  // namespace

Plan make_plan(const ConstView& in, const View& out, const Convolution& what) {
  Plan p;
  p.in_type = in.dtype;
  p.out_type = out.dtype;
  p.add = what.mode == WriteMode::add;
  if (in.volume() == 0) return p;
  assign_axes(p, in, out, what.windows);

  const std::int64_t channels = p.channel.extent;
  const bool unit_channel_in = channels == 1 || p.channel.in == 1;
  const bool unit_channel_out = channels == 1 || p.channel.out == 1;
  const bool dense_in = unit_channel_in && (p.x.extent == 1 || p.x.in == channels);
  p.direct_in = in.dtype == DType::f32 && kept(p.z) <= kDirectPlanes && dense_in;
  p.load = dense_in ? row_converter(in.dtype, DType::f32) : nullptr;
  p.save = row_converter(DType::f32, out.dtype);
  p.dense_out = unit_channel_out && (p.x.extent == 1 || p.x.out == channels);

  const std::int64_t rings = kept(p.y) * (p.has_z ? kGroupRows : 1);
  const std::int64_t most = std::max(kRowFloats, kRingFloats / rings);
  p.tile_x = p.x.extent * channels <= 2 * most
                 ? p.x.extent
                 : even_tile(p.x.extent, std::max(most / channels, 8 * p.x.radius));
  const std::int64_t row_floats = reached(p.x, p.tile_x) * channels;
  const std::int64_t rows = kTileBytes / (kept(p.z) * row_floats * 4);
  p.tile_y = std::max({rows - 2 * p.y.radius, 4 * p.y.radius, std::int64_t{16}});
  p.tile_y = ceil_div(even_tile(p.y.extent, p.tile_y), kGroupRows) * kGroupRows;
  std::int64_t others = ceil_div(p.y.extent, p.tile_y) * ceil_div(p.x.extent, p.tile_x);
  others *= p.outer.count();
  p.tile_z = std::max({p.z.extent * others / kTasks, 8 * p.z.radius, std::int64_t{16}});
  p.tile_z = ceil_div(even_tile(p.z.extent, p.tile_z), kGroupRows) * kGroupRows;
  p.tiles = others * ceil_div(p.z.extent, p.tile_z);

  p.row = whole_vectors(row_floats);
  p.planes = p.direct_in || !p.has_z ? 0 : kept(p.z);
  p.plane_rows = reached(p.y, p.tile_y);
  p.z_rows = kept(p.y);
  p.pointers = 2 * std::max(p.z.radius, p.y.radius) + kGroupRows;
  p.pointer_bytes = static_cast<std::size_t>(ceil_div(2 * p.pointers * 8, 64) * 64);
  // Reading ahead by one vector reaches beyond the last output's vector, which may be all margin.
  p.margin = std::max(whole_vectors(p.x.radius * channels), kLineFloats);
  p.line = whole_vectors(p.tile_x * channels) + 2 * p.margin;
  p.ring = p.row * p.z_rows + p.line * kGroupRows;
  const std::int64_t floats =
      p.row * p.planes * p.plane_rows + p.ring * kGroupRows + whole_vectors(p.tile_x * channels);
  p.slot_bytes = p.pointer_bytes + static_cast<std::size_t>(floats) * 4;
  return p;
}

}  // namespace varo::filter

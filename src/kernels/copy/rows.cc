// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/rows.h"

#include <algorithm>

namespace varo {

namespace {

using rows_detail::Axis;
using rows_detail::Plan;

constexpr std::int64_t kGrainElements = std::int64_t{1} << 16;
// Shorter rows move as one wide element, or in tiles (walk.h).
constexpr std::int64_t kLeastRowBytes = 128;

// dst's axes, outermost first, with positive steps and merged where both sides allow; -1 where
// nothing lies inside.
int normalise(const ConstView& inside, const Box& box, const View& dst, Plan& p) {
  const std::int64_t size = p.element_bytes;
  int n = 0;
  for (int i = 0; i < dst.rank(); ++i) {
    if (box.lo[i] >= box.hi[i]) return -1;
    Axis a{dst.shape[i], inside.strides[i], dst.strides[i], box.lo[i], box.hi[i]};
    if (a.extent == 1) continue;
    if (a.to < 0) {
      p.dst += (a.extent - 1) * a.to * size;
      p.src += (inside.shape[i] - 1) * a.from * size;
      a = {a.extent, -a.from, -a.to, a.extent - a.hi, a.extent - a.lo};
    }
    int k = n++;
    for (; k > 0 && p.axis[k - 1].to < a.to; --k) p.axis[k] = p.axis[k - 1];
    p.axis[k] = a;
  }
  int merged = 0;
  for (int i = 0; i < n; ++i) {
    const Axis a = p.axis[i];
    Axis* const outer = merged > 0 ? &p.axis[merged - 1] : nullptr;
    if (outer != nullptr && a.lo == 0 && a.hi == a.extent && outer->to == a.to * a.extent &&
        outer->from == a.from * a.extent)
      *outer = {outer->extent * a.extent, a.from, a.to, outer->lo * a.extent, outer->hi * a.extent};
    else
      p.axis[merged++] = a;
  }
  return merged;
}

bool runs(const Axis& a) { return a.from == 1 || a.from == -1; }

// Takes the rows out of the axes; false where there are none.
bool take_rows(Plan& p) {
  if (p.rank == 0 || p.axis[p.rank - 1].to != 1) return false;
  const Axis last = p.axis[p.rank - 1];
  if (runs(last)) {
    p.row = last;
    --p.rank;
  } else {
    if (p.rank < 2 || last.extent > 4 || last.lo != 0 || last.hi != last.extent) return false;
    p.row = p.axis[p.rank - 2];
    if (!runs(p.row) || p.row.to != last.extent) return false;
    p.channels = static_cast<int>(last.extent);
    p.channel_from = last.from;
    p.rank -= 2;
  }
  return p.row.extent * p.channels * p.element_bytes >= kLeastRowBytes;
}

}  // namespace

bool copy_rows(const ConstView& inside, const Box& box, const View& dst, std::uint64_t bits,
               Parallel& parallel, std::int64_t stream_above) {
  Plan p;
  p.src = inside.ptr<std::byte>();
  p.dst = static_cast<std::byte*>(dst.data);
  p.element_bytes = static_cast<int>(dst.element_size());
  p.bits = bits;
  p.rank = normalise(inside, box, dst, p);
  if (p.rank < 0 || !take_rows(p)) return false;
  const std::int64_t elements = volume(dst.shape);
  p.stream = elements * p.element_bytes > stream_above;
  if (!p.stream && p.channels == 1 && inside.shape == dst.shape) return false;

  p.piece = std::min(p.row.extent, kGrainElements / p.channels);
  p.pieces = (p.row.extent + p.piece - 1) / p.piece;
  p.units = elements / (p.row.extent * p.channels) * p.pieces;
  parallel_for(
      parallel, p.units, kGrainElements / (p.piece * p.channels),
      [&](std::int64_t begin, std::int64_t end) { rows_detail::write_units(p, begin, end); });
  return true;
}

}  // namespace varo

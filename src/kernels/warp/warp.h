// SPDX-License-Identifier: Apache-2.0
/// Resampling of a volume or picture through an affine map of its positions.
#pragma once

#include <array>
#include <cstdint>

#include "core/parallel.h"
#include "varo/view.h"

namespace varo {

enum class WarpFilter : std::uint8_t {
  nearest,  ///< the voxel whose cell [i, i+1) holds the position
  linear,   ///< the 2 x 2 (x 2) voxels around it, in float32
};

enum class WarpBorder : std::uint8_t {
  clamp,     ///< a tap outside reads the nearest voxel of the edge
  constant,  ///< a tap outside reads as the fill; the edge fades into it over one voxel
};

struct WarpParams {
  /// 2: positions are (x, y), every slice along D is warped alike; 3: (x, y, z).
  int axes = 3;
  /// Row-major 3x4, output position -> input position. Positions are (x, y, z), along W, H and D,
  /// in voxels; voxel i covers [i, i+1). With 2 axes row 2 and column 2 are not looked at.
  std::array<double, 12> source_of{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
  WarpFilter filter = WarpFilter::linear;
  WarpBorder border = WarpBorder::clamp;
  /// The fill of WarpBorder::constant: an element of the input's dtype, in its first bytes. An
  /// input that has padding has the same there.
  std::uint64_t fill_bits = 0;
};

/// Whether warp_affine() takes this pair.
///   nearest  every T -> T, and T -> float32, float32 -> T for the types below
///   linear   T -> T, T -> float32 and float32 -> T for uint8, int8, uint16, int16, int32, float32
bool warp_takes(DType in, DType out, WarpFilter filter);

/// Whether any mix of `fill_bits` with itself gives it again: not for -0.0 nor what is not finite,
/// with WarpFilter::linear.
bool warp_mixes(DType in, std::uint64_t fill_bits, WarpFilter filter);

/// out[z, y, x, c] = in at source_of * (x + 0.5, y + 0.5, z + 0.5), in every channel c.
///
/// in       [D, H, W, C], any strides; extents of D, H, W below 2^29, with their padding too; with
///          WarpBorder::clamp none of D, H, W is 0 unless `out` is empty. Padding lies along the
///          axes of the map, and what is before the elements is below 2^28
/// out      [D', H', W', C], any strides, not overlapping `in`
/// params   see there; values that are not finite count as a position outside
/// padding  stays out of memory. Results equal those of an input that has it there, bit for bit,
///          for a fill that mixes with itself (warp_mixes())
/// reach    anywhere
/// accuracy positions within 2e-5 voxel of a float64 evaluation at any extent; results equal bit
///          for bit across strides, threads and instruction sets
/// memory   none; 16 KiB of stack
/// errors   none. \pre warp_takes(in.dtype, out.dtype, params.filter)
void warp_affine(const PaddedView& in, const View& out, const WarpParams& params,
                 Parallel& parallel);
inline void warp_affine(const ConstView& in, const View& out, const WarpParams& params,
                        Parallel& parallel) {
  warp_affine(unpadded(in), out, params, parallel);
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// Sums, moments and extremes along any axes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/parallel.h"
#include "kernels/reduce/reduction.h"
#include "varo/view.h"

namespace varo {

struct ReduceSpec {
  Reduction what = Reduction::sum;
  std::uint32_t axes = 0;  ///< bit i: axis i is reduced
  ConstView mean = {};     ///< variance and std_dev: float32 or float64, shaped as the output
  double ddof = 0;         ///< variance and std_dev: subtracted from the number of elements N
};

/// Bytes of scratch for reduce().
std::size_t reduce_scratch_bytes(const ConstView& in, const ReduceSpec& spec);

/// Reduces along the axes of `spec`; N is the product of their extents.
///
/// in       any dtype, any strides; min and max need N > 0
/// out      any dtype, in's rank, extent 1 on reduced axes, in's extents on the others; any
///          strides, overlapping neither in nor spec.mean
/// values   sums of integers are exact in 64 bits, beyond which they wrap; every other sum is made
///          in float64. Then core/convert.h's saturating conversion. Partial sums depend on the
///          shape and the axes alone: equal bits for any strides, threads and instruction set
/// NaN      makes its result NaN, min and max included
/// N = 0    sum 0; means, rms, variance and std_dev NaN
/// memory   none; scratch holds reduce_scratch_bytes(in, spec) bytes, 8-byte aligned
/// errors   none
void reduce(const ConstView& in, const View& out, const ReduceSpec& spec, Parallel& parallel,
            std::span<std::byte> scratch);

/// What reduce() takes, but for the view that is reduced.
struct ReduceRequest {
  View out;
  ReduceSpec spec;
  std::span<std::byte> scratch;
};

/// Reductions of one view, in one pass over it that may be part of another one: a piece is reduced
/// while it is in the cache, to sums, deviations and extremes of f32 in one loop. Results are those
/// of reduce(), bit for bit.
class ReducePass {
 public:
  static constexpr std::int64_t kPiece = std::int64_t{1} << 16;  ///< elements
  /// Whether a pass can do this: all of a row-major view, or its last axes, where they hold whole
  /// pieces and outputs are few.
  static bool takes(const ConstView& in, const ReduceSpec& spec);

  /// \pre takes(in, r.spec) for every request
  ReducePass(const ConstView& in, std::span<const ReduceRequest> requests);
  ~ReducePass();
  /// Elements from number * kPiece on, kPiece of them or up to the end. Every piece once, in any
  /// order, from any thread.
  void piece(std::int64_t number);
  /// After the last piece.
  void finish();

 private:
  struct Part;
  std::unique_ptr<Part[]> parts_;
  std::size_t count_;
};

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// Components of a part of a volume.
#pragma once

#include <cstddef>
#include <memory>

#include "core/pooled.h"
#include "kernels/label/forest.h"
#include "kernels/label/runs.h"
#include "kernels/label/touch.h"
#include "kernels/label/visit_order.h"

namespace varo::label {

/// The runs of one hyper-slice.
struct Slice {
  PooledVector<Run> runs;
  PooledVector<std::uint32_t> ends;  // [rows + 1]: where each row's runs begin

  void clear() {
    runs.clear();
    ends.assign(1, 0);
  }
  Run* begin(std::int64_t row) { return runs.data() + ends[static_cast<std::size_t>(row)]; }
  Run* end(std::int64_t row) { return runs.data() + ends[static_cast<std::size_t>(row) + 1]; }
};

/// Finds runs of a slab of hyper-slices and links them.
class Slab {
 public:
  /// Keeps a reference to `walk`.
  Slab(const VisitOrder& walk, bool has_background, std::uint32_t background);
  /// Hyper-slices [begin, end).
  void run(std::int64_t begin, std::int64_t end);

  Forest forest;
  Slice first, last_slice;  ///< nodes are those of the forest

 private:
  bool next_line(int last);
  // `rows` rows along the last outer axis (at_ stands on the first), or the one row there is.
  void lines(std::int64_t rows);
  void find(std::int64_t offset, std::int64_t stride, std::int64_t rows, std::int64_t length);
  void gather(const std::byte* data, std::int64_t stride, std::int64_t rows, std::int64_t length);
  // Links the row whose runs were just appended; `along_last` is its place on the last outer axis.
  void finish_row(std::int64_t along_last);
  // Gives runs of a row the nodes of what they touch in another row, and unites those.
  void join_few(const Run* a, const Run* a_end, Run* b, Run* b_end);
  // The same for many runs and two other rows.
  void join(const Meeting& x, const Meeting& y, Run* runs);

  const VisitOrder& walk_;
  Slice current_, previous_;
  bool have_previous_ = false;
  std::int64_t at_[kMaxRank] = {};
  RunRows request_;
  std::shared_ptr<Run[]> found_;
  std::shared_ptr<std::uint32_t[]> ends_;
  std::shared_ptr<std::byte[]> gathered_;
  PooledVector<Touch> touches_;
};

}  // namespace varo::label

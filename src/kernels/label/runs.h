// SPDX-License-Identifier: Apache-2.0
/// Run-length coding of rows of labels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace varo {

/// A maximal stretch [start, end) of one value along a row.
struct Run {
  std::uint32_t start, end;
  std::uint32_t value;  ///< the label's bits, zero-extended
  std::uint32_t node;   ///< for the caller
};

/// Rows of equal length at equal distances. Only equality counts, so that the element type matters
/// by its width alone.
struct RunRows {
  const void* data;
  std::size_t element_size;   ///< 1, 2 or 4 bytes
  std::int64_t stride;        ///< from row to row, in elements
  std::int64_t rows, length;  ///< length below 2^32
  bool has_background;        ///< false: every run is wanted
  std::uint32_t background;   ///< bits of the value whose runs are left out
};

/// Finds the runs of every row, in order.
///
/// runs    receives them; Run::node is not written. Has room for in.rows * in.length runs
/// ends    [rows]: how many runs there are up to and including that row
/// memory  none
/// errors  none
void find_runs(const RunRows& in, Run* runs, std::uint32_t* ends);

}  // namespace varo

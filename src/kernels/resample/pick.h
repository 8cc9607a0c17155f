// SPDX-License-Identifier: Apache-2.0
/// Gathers along a row with one pattern for many rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/pooled.h"

namespace varo {

/// dst[j] = src[offsets[j]], by byte shuffles where 16 output bytes come from few input bytes.
struct PickPattern {
  int width = 1;  ///< bytes of an element: 1, 2, 4 or 8
  PooledVector<std::int64_t> offsets;
  // Group g writes 16 bytes at 16 * g (the last one: the row's last 16), from `windows` times 16
  // bytes at bases[g]. masks[g][window] are shuffle controls that give 0 where another window has
  // the byte. windows is 0 where that does not pay or fit.
  int windows = 0;
  PooledVector<std::int64_t> bases;
  PooledVector<std::uint8_t> masks;
};

/// `readable`: elements from 0 on that may be read; 0 where they do not lie in a row.
/// memory  8 bytes an element, 16 to 64 bytes an element of 1 or 2 bytes more
/// errors  none
PickPattern make_pick_pattern(PooledVector<std::int64_t> offsets, int width, std::int64_t readable);

/// One row; dst without gaps.
/// memory, errors  none
void pick_row(const PickPattern& pattern, const void* src, void* dst);

}  // namespace varo

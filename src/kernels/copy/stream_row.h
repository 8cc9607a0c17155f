// SPDX-License-Identifier: Apache-2.0
/// Rows written past the caches: lines that nobody reads soon are not read before they are written.
#pragma once

#include <cstdint>

namespace varo {

/// Whether `bytes` from dst on are cache lines that nothing else lies in.
inline bool whole_lines(const void* dst, std::int64_t bytes) {
  return (reinterpret_cast<std::uintptr_t>(dst) | static_cast<std::uintptr_t>(bytes)) % 64 == 0;
}

/// Copies `bytes` from src to dst. After the last row, hwy::FlushStream().
///
/// src     any alignment
/// dst     whole_lines(dst, bytes), not overlapping src
/// memory  none
/// errors  none
void stream_row(const void* src, void* dst, std::int64_t bytes);

/// The same backwards: dst[i] = last[-i] for i below count; elements of `size` bytes: 1, 2, 4 or 8.
///
/// last    the row's last element; aligned as elements are
/// dst     whole_lines(dst, count * size), not overlapping the row
/// memory  none
/// errors  none
void stream_reversed_row(const void* last, void* dst, std::int64_t count, int size);

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// A row written backwards.
#pragma once

#include <cstdint>

namespace varo {

/// dst[i] = last[-i] for i below count; elements of `size` bytes: 1, 2, 4 or 8.
///
/// last    the row's last element; aligned as elements are
/// dst     aligned as elements are; does not overlap the row
/// memory  none
/// errors  none
void reverse_row(const void* last, void* dst, std::int64_t count, int size);

}  // namespace varo

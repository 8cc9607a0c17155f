// SPDX-License-Identifier: Apache-2.0
/// convert() for elements that lie side by side.
#pragma once

#include <cstdint>

#include "varo/dtype.h"

namespace varo {

/// dst[i] = src[i], saturating as core/convert.h says, for i below n; the rows do not overlap.
using RowConverter = void (*)(const void* src, void* dst, std::int64_t n);

/// The loop for a pair of types on this machine; its results do not depend on the machine.
RowConverter row_converter(DType from, DType to);

}  // namespace varo

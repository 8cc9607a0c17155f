// SPDX-License-Identifier: Apache-2.0
/// Elements of tensors that are deferred, padded or strided, brought into memory.
#pragma once

#include "core/parallel.h"
#include "varo/tensor.h"

namespace varo {

/// The elements of a deferred tensor, read from its source; any other tensor as it is. Padding
/// stays padding. Throws ReadError.
Tensor loaded(const Tensor& tensor, Parallel& parallel);

/// As loaded(), with padding filled in, and row-major if `dense`; a tensor that is so already is
/// returned as it is. Throws ReadError.
Tensor in_memory(const Tensor& tensor, bool dense, Parallel& parallel);

}  // namespace varo

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

/// The box `region` of a tensor, as a view.
Tensor part_of(Tensor tensor, const Box& region);

/// Whether a `piece` of a deferred tensor is read by itself: where it is a smaller part. Otherwise the
/// whole is read, which its other readers then share.
bool worth_cutting(const Tensor& piece, const Tensor& all);

/// The last axis is contiguous, forwards or backwards: what Access::rows wants.
bool by_rows(const ConstView& view);

}  // namespace varo

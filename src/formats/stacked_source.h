// SPDX-License-Identifier: Apache-2.0
/// Files of one case as one array: each is an index of a new first axis.
#pragma once

#include <memory>
#include <vector>

#include "varo/tensor.h"

namespace varo {

/// The tensors one behind the other along a new first axis, as a source. Of each, no more is read than
/// the part of the region that lies in it.
///
/// parts   at least one; deferred, not padded, steps of 1 or -1, all of one shape
/// dtype   of the elements; those of other types are converted as they are read
/// memory  a region of the part, for a part of another type
std::shared_ptr<Source> stacked_source(std::vector<Tensor> parts, DType dtype);

}  // namespace varo

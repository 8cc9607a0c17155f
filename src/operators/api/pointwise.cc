// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"

namespace varo {

Index row_major(const Shape& shape) { return {dense_strides(shape)}; }

}  // namespace varo

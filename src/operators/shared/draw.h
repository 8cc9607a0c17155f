// SPDX-License-Identifier: Apache-2.0
/// What operators that draw numbers share: the shape and the type of what they draw.
#pragma once

#include <optional>

#include "operators/api/operator.h"

namespace varo {

/// Adds the optional input shape_like, the argument shape and, where `dtype_default` is given, the
/// argument dtype.
OperatorDef drawing(OperatorDef def, std::optional<DType> dtype_default);

/// The shape that the call asks for: `shape`, that of input number `like`, or a scalar.
///
/// errors  ParamError if both are given
Shape drawn_shape(const Inference& sample, int like = 0);

}  // namespace varo

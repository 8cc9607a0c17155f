// SPDX-License-Identifier: Apache-2.0
/// Where the elements of a value belong when a view of it has a place.
#pragma once

#include <optional>

#include "varo/view.h"

namespace varo {

/// The same elements at the same addresses; strides of unit axes do not count.
bool same_elements(const ConstView& a, const ConstView& b);

/// `result` shows every element of the dense `source` once: flipped, its axes in another order,
/// with unit axes, or in order under another shape. The view with the shape and dtype of `source`
/// through which writing fills `place` (shaped as `result`) so that the same view of it is `place`.
/// Nothing if result is another kind of view, or place has no such view.
std::optional<View> place_of_source(const ConstView& result, const ConstView& source,
                                    const View& place);

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// One element of a copy to another type. The loops of this folder have these bits.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include "core/convert.h"
#include "core/hd.h"

namespace varo {

/// What convert() writes for an element; one of the same type is moved as it is.
template <class To, class From>
VARO_HD constexpr To convert_element(From value) {
  return saturate<To>(value);
}

}  // namespace varo

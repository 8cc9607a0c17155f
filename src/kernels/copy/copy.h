// SPDX-License-Identifier: Apache-2.0
/// The one strided copy: transposes, flips, pads and converts in a single pass.
#pragma once

#include "core/parallel.h"
#include "varo/view.h"

namespace varo {

/// Copies elements of equal size between views of equal shape.
///
/// src     any strides, also negative and zero
/// dst     any strides, not overlapping src
/// past_caches  nobody reads dst soon: rows are written with non-temporal stores, as those of more
///         than 16 MiB always are
/// memory  none
/// errors  none
void copy(const ConstView& src, const View& dst, Parallel& parallel, bool past_caches = false);

/// As copy(), with the padding. \pre equal shapes and element sizes
void copy_padded(const PaddedView& src, const View& dst, Parallel& parallel,
                 bool past_caches = false);

/// Sets every element of dst outside of `box` to the value whose bytes are `bits` and returns the
/// part of dst inside. \pre box lies inside dst's index space
View fill_outside(const Box& box, const View& dst, std::uint64_t bits, Parallel& parallel);

/// Sets every element to the value whose bytes are `bits`.
void fill(const View& dst, std::uint64_t bits, Parallel& parallel);

/// Copies with saturating conversion (core/convert.h) from src.dtype to dst.dtype.
void convert(const ConstView& src, const View& dst, Parallel& parallel);

}  // namespace varo

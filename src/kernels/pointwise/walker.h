// SPDX-License-Identifier: Apache-2.0
/// Where inputs and output of run_program() are on its walk over the elements.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "core/pooled.h"
#include "core/walk.h"
#include "kernels/copy/reverse.h"
#include "kernels/copy/stream_row.h"
#include "kernels/pointwise/program.h"

namespace varo {

// Something that is walked along with the output: an input, an index, or the output itself. All of
// them have the same axes, from the output's longest stride to its shortest.
struct Walker {
  const void* data = nullptr;
  Walk<1> walk;
  bool dense = false;    // consecutive in the order of the walk
  bool uniform = false;  // the same everywhere
};

// The output's, then those of the inputs and of the indices.
PooledVector<Walker> walkers_of(const View& out, std::span<const ConstView> inputs,
                                std::span<const Index> indices);

// Where a walker stands for `count` elements of the walk from `begin` on: rows of equal steps.
// Calls row(offset, step, length) for each.
template <class Row>
void for_rows(const Walker& walker, std::int64_t begin, std::int64_t count, const Row& row) {
  const Walk<1>& walk = walker.walk;
  const auto& [extent, step] = walk.axis[walk.rank - 1];
  Odometer at(walk, walk.rank - 1, begin / extent);
  for (std::int64_t first = begin % extent; count > 0; first = 0, at.next()) {
    const std::int64_t length = std::min(extent - first, count);
    row(at.offset[0] + first * step[0], step[0], length);
    count -= length;
  }
}

// Whether `count` elements are consecutive for this walker; if so, the offset of the first.
inline bool consecutive(const Walker& walker, std::int64_t begin, std::int64_t count,
                        std::int64_t* offset) {
  if (walker.dense) {
    *offset = begin;
    return true;
  }
  const auto& [extent, step] = walker.walk.axis[walker.walk.rank - 1];
  if (begin % extent + count > extent || (step[0] != 1 && count != 1)) return false;
  *offset = walker.walk.offset(begin, 0);
  return true;
}

// Whether `count` elements are one and the same for this walker; if so, its offset.
inline bool repeats_one(const Walker& walker, std::int64_t begin, std::int64_t count,
                        std::int64_t* offset) {
  const auto& [extent, step] = walker.walk.axis[walker.walk.rank - 1];
  if (step[0] != 0 || begin % extent + count > extent) return false;
  *offset = walker.walk.offset(begin, 0);
  return true;
}

template <class T>
void gather(const Walker& walker, std::int64_t begin, std::int64_t count, T* to) {
  const T* data = static_cast<const T*>(walker.data);
  for_rows(walker, begin, count, [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
    const T* from = data + offset;
    if (step == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(length) * sizeof(T));
    } else if (step == 0) {
      std::fill_n(to, length, *from);
    } else if (step == -1) {
      reverse_row(from, to, length, sizeof(T));
    } else {
      for (std::int64_t i = 0; i < length; ++i) to[i] = from[i * step];
    }
    to += length;
  });
}

// `past_caches`: with non-temporal stores, as run_program() says.
template <class T>
void scatter(const Walker& walker, std::int64_t begin, std::int64_t count, const T* from,
             bool past_caches) {
  T* data = static_cast<T*>(const_cast<void*>(walker.data));
  for_rows(walker, begin, count, [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
    T* to = data + offset;
    T* const first = step == -1 ? to - (length - 1) : to;
    const auto bytes = length * static_cast<std::int64_t>(sizeof(T));
    const bool streams = past_caches && whole_lines(first, bytes);
    if (step == -1 && streams) {
      stream_reversed_row(from + length - 1, first, length, sizeof(T));
    } else if (step == -1) {
      reverse_row(from + length - 1, first, length, sizeof(T));
    } else if (step == 1 && streams) {
      stream_row(from, first, bytes);
    } else if (step == 1) {
      std::memcpy(first, from, static_cast<std::size_t>(bytes));
    } else {
      for (std::int64_t i = 0; i < length; ++i) to[i * step] = from[i];
    }
    from += length;
  });
}

}  // namespace varo

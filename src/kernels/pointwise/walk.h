// SPDX-License-Identifier: Apache-2.0
/// The order in which run_program() visits the elements of its output, and where every input is on
/// the way.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/copy/reverse.h"
#include "kernels/copy/stream_row.h"
#include "kernels/pointwise/program.h"

namespace varo {

// Something that is walked along with the output: an input, an index, or the output itself.
struct Walker {
  const void* data = nullptr;
  std::int64_t stride[kMaxRank] = {};
  bool dense = false;    // consecutive in the order of the walk
  bool uniform = false;  // the same everywhere
};

// The output's axes from the longest stride to the shortest, neighbours merged where every walker
// allows it.
struct Walk {
  int rank = 0;
  std::int64_t extent[kMaxRank] = {};
  std::vector<Walker> walkers;
};

Walk walk_of(const View& out, std::span<const ConstView> inputs, std::span<const Index> indices);

// Where one walker stands for `count` elements of the walk from `begin` on: rows of equal steps.
// Calls row(offset, step, length) for each.
template <class Row>
void for_rows(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count,
              const Row& row) {
  std::int64_t at[kMaxRank];
  std::int64_t rest = begin, offset = 0;
  for (int i = walk.rank - 1; i >= 0; --i) {
    at[i] = rest % walk.extent[i];
    rest /= walk.extent[i];
    offset += at[i] * walker.stride[i];
  }
  const int last = walk.rank - 1;
  while (true) {
    const std::int64_t length = std::min(walk.extent[last] - at[last], count);
    row(offset, walker.stride[last], length);
    count -= length;
    if (count == 0) return;
    offset -= at[last] * walker.stride[last];
    at[last] = 0;
    for (int i = last - 1; i >= 0; --i) {
      offset += walker.stride[i];
      if (++at[i] < walk.extent[i]) break;
      offset -= walk.extent[i] * walker.stride[i];
      at[i] = 0;
    }
  }
}

// Whether `count` elements are consecutive for this walker; if so, the offset of the first.
inline bool consecutive(const Walk& walk, const Walker& walker, std::int64_t begin,
                        std::int64_t count, std::int64_t* offset) {
  if (walker.dense) {
    *offset = begin;
    return true;
  }
  const std::int64_t length = walk.extent[walk.rank - 1];
  if (begin % length + count > length || (walker.stride[walk.rank - 1] != 1 && count != 1))
    return false;
  for_rows(walk, walker, begin, count,
           [&](std::int64_t at, std::int64_t, std::int64_t) { *offset = at; });
  return true;
}

// Whether `count` elements are one and the same for this walker; if so, its offset.
inline bool repeats_one(const Walk& walk, const Walker& walker, std::int64_t begin,
                        std::int64_t count, std::int64_t* offset) {
  const int last = walk.rank - 1;
  if (walker.stride[last] != 0 || begin % walk.extent[last] + count > walk.extent[last])
    return false;
  for_rows(walk, walker, begin, count,
           [&](std::int64_t at, std::int64_t, std::int64_t) { *offset = at; });
  return true;
}

template <class T>
void gather(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count, T* to) {
  const T* data = static_cast<const T*>(walker.data);
  for_rows(walk, walker, begin, count,
           [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
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

// `past_caches`: as run_program() says.
template <class T>
void scatter(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count,
             const T* from, bool past_caches) {
  T* data = static_cast<T*>(const_cast<void*>(walker.data));
  for_rows(walk, walker, begin, count,
           [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
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

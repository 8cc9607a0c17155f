// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/foreground.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/dispatch.h"

namespace varo {

namespace {

constexpr std::int64_t kBlock = std::int64_t{1} << 16;

// A mask as rows along its last axis; a scalar is one row of one.
struct Rows {
  std::int64_t length, count, per_block;
};

Rows rows_of(const Shape& shape) {
  const std::int64_t length = shape.empty() ? 1 : shape.back();
  const std::int64_t count = length == 0 ? 0 : volume(shape) / length;
  return {length, count, std::max<std::int64_t>(1, kBlock / std::max<std::int64_t>(length, 1))};
}

// Where a row begins, in elements.
std::int64_t offset_of(const ConstView& mask, std::int64_t row) {
  std::int64_t offset = 0;
  for (int i = mask.rank() - 2; i >= 0; --i) {
    offset += row % mask.shape[i] * mask.strides[i];
    row /= mask.shape[i];
  }
  return offset;
}

// Calls use(test) with a test of elements that compiles to one comparison.
template <class T, class Use>
void with_test(const Foreground& f, const Use& use) {
  const auto none = [](T) { return false; };
  const auto all = [](T) { return true; };
  if (f.value) {
    bool holds = false;
    if constexpr (std::is_same_v<T, bool>) {
      holds = *f.value == 0 || *f.value == 1;
    } else if constexpr (std::is_same_v<T, float>) {
      const double near = static_cast<float>(*f.value);
      holds = near < 0x1p63 && static_cast<std::int64_t>(near) == *f.value;
    } else {
      holds = std::in_range<T>(*f.value);
    }
    if (!holds) return use(none);
    return use([v = static_cast<T>(*f.value)](T x) { return x == v; });
  }
  if constexpr (std::is_same_v<T, float>) {
    return use([t = static_cast<float>(f.threshold)](T x) { return x > t; });
  } else {
    // x > t for integers is x > floor(t); 2^digits is the first number above the type.
    const double least =
        std::is_signed_v<T> ? static_cast<double>(std::numeric_limits<T>::min()) : 0.0;
    const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
    const double t = std::floor(f.threshold);
    if (t < least) return use(all);
    if (!(t < above)) return use(none);
    return use([v = static_cast<T>(t)](T x) { return x > v; });
  }
}

template <class Use>
void with_typed_test(DType dtype, const Foreground& f, const Use& use) {
  dispatch<bool, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
           std::int32_t, std::uint64_t, std::int64_t, float>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    with_test<T>(f, [&](const auto& test) { use(tag, test); });
  });
}

template <class T, class Test>
std::int64_t count_row(const T* row, std::int64_t stride, std::int64_t n, const Test& test) {
  if (stride != 1) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < n; ++i) count += test(row[i * stride]);
    return count;
  }
  // Pieces short enough for a counter as narrow as the elements fill whole vectors with counters.
  using Counter = std::conditional_t<sizeof(T) == 1, std::uint8_t, std::uint32_t>;
  constexpr std::int64_t kPiece = sizeof(T) == 1 ? 128 : 4096;
  std::int64_t count = 0;
  for (std::int64_t at = 0; at < n; at += kPiece) {
    const std::int64_t end = std::min(n, at + kPiece);
    Counter piece = 0;
    for (std::int64_t i = at; i < end; ++i) piece = static_cast<Counter>(piece + test(row[i]));
    count += piece;
  }
  return count;
}

}  // namespace

std::int64_t foreground_blocks(const Shape& shape) {
  const Rows rows = rows_of(shape);
  return (rows.count + rows.per_block - 1) / rows.per_block;
}

std::int64_t count_foreground(const ConstView& mask, const Foreground& foreground,
                              std::span<std::int64_t> counts, Parallel& parallel) {
  const Rows rows = rows_of(mask.shape);
  const std::int64_t stride = mask.rank() == 0 ? 1 : mask.strides[mask.rank() - 1];
  with_typed_test(mask.dtype, foreground, [&](auto tag, const auto& test) {
    using T = typename decltype(tag)::type;
    parallel_for(parallel, rows.count, rows.per_block, [&](std::int64_t begin, std::int64_t end) {
      // Called with everything at once if that is one block.
      std::int64_t count = 0;
      for (std::int64_t row = begin; row < end; ++row)
        count += count_row(mask.ptr<T>() + offset_of(mask, row), stride, rows.length, test);
      counts[static_cast<std::size_t>(begin / rows.per_block)] = count;
    });
  });
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) sum += count;
  return sum;
}

Dims nth_foreground(const ConstView& mask, const Foreground& foreground,
                    std::span<const std::int64_t> counts, std::int64_t n) {
  const Rows rows = rows_of(mask.shape);
  const std::int64_t stride = mask.rank() == 0 ? 1 : mask.strides[mask.rank() - 1];
  std::int64_t row = 0, at = 0;
  for (const std::int64_t count : counts) {
    if (n < count) break;
    n -= count;
    row += rows.per_block;
  }
  with_typed_test(mask.dtype, foreground, [&](auto tag, const auto& test) {
    using T = typename decltype(tag)::type;
    for (;; ++row) {
      const T* elements = mask.ptr<T>() + offset_of(mask, row);
      const std::int64_t count = count_row(elements, stride, rows.length, test);
      if (n >= count) {
        n -= count;
        continue;
      }
      for (at = 0;; ++at)
        if (test(elements[at * stride]) && n-- == 0) return;
    }
  });
  Dims index = Dims::filled(mask.rank(), 0);
  if (mask.rank() > 0) index[mask.rank() - 1] = at;
  for (int i = mask.rank() - 2; i >= 0; --i) {
    index[i] = row % mask.shape[i];
    row /= mask.shape[i];
  }
  return index;
}

}  // namespace varo

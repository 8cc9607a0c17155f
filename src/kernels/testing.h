// SPDX-License-Identifier: Apache-2.0
/// Views for tests of kernels: any element type, any order of strides.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "core/convert.h"
#include "core/dispatch.h"
#include "varo/view.h"

namespace varo::testing {

/// Memory of a view that need not be dense.
struct Volume {
  std::vector<std::byte> bytes;
  View view;
};

/// variant 0: row-major; 1: axes in another order in memory; 2: also with gaps between elements;
/// 3: also with every other axis reversed. What no element occupies holds 0x5a.
inline Volume make_volume(DType dtype, const Shape& shape, unsigned variant) {
  Volume v;
  const int rank = shape.rank();
  std::vector<int> order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  if (variant != 0) std::shuffle(order.begin(), order.end(), std::mt19937(variant));
  v.view.dtype = dtype;
  v.view.shape = shape;
  v.view.strides = Dims::filled(rank, 0);
  std::int64_t step = variant == 2 ? 2 : 1, offset = 0;
  for (int k = rank - 1; k >= 0; --k) {
    const int axis = order[static_cast<std::size_t>(k)];
    v.view.strides[axis] = step;
    step *= shape[axis];
    if (variant == 3 && axis % 2 == 0 && shape[axis] > 0) {
      offset += (shape[axis] - 1) * v.view.strides[axis];
      v.view.strides[axis] = -v.view.strides[axis];
    }
  }
  v.bytes.resize((static_cast<std::size_t>(step) + 2) * size_of(dtype), std::byte{0x5a});
  v.view.data = v.bytes.data() + offset * static_cast<std::int64_t>(size_of(dtype));
  return v;
}

/// `count` elements that begin `shift` elements after a cache line, and 64 bytes or more of 0x5a on
/// both sides of them.
template <class T>
class Shifted {
 public:
  explicit Shifted(std::size_t count, std::size_t shift = 0)
      : count_(count), bytes_((count + shift) * sizeof(T) + 192, std::byte{0x5a}) {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    at_ = 128 - address % 64 + shift * sizeof(T);
  }
  Shifted(const std::vector<T>& values, std::size_t shift) : Shifted(values.size(), shift) {
    std::copy(values.begin(), values.end(), data());
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data() + at_); }
  std::vector<T> values() { return {data(), data() + count_}; }
  /// Nothing was written around them.
  bool intact() const {
    const std::byte *const begin = bytes_.data(), *const end = begin + bytes_.size();
    const auto clean = [](std::byte b) { return b == std::byte{0x5a}; };
    return std::all_of(begin, begin + at_, clean) &&
           std::all_of(begin + at_ + count_ * sizeof(T), end, clean);
  }

 private:
  std::size_t count_, at_ = 0;
  std::vector<std::byte> bytes_;
};

/// body(index, its row-major number)
template <class Body>
void for_each_index(const Shape& shape, const Body& body) {
  Dims at = Dims::filled(shape.rank(), 0);
  const std::int64_t n = volume(shape);
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t rest = i;
    for (int k = shape.rank() - 1; k >= 0; --k) {
      at[k] = rest % shape[k];
      rest /= shape[k];
    }
    body(at, i);
  }
}

/// Uniform in [-range, range), from 0 for unsigned types, saturated.
inline void fill_random(const View& v, unsigned seed, float range) {
  std::mt19937 gen(seed);
  std::uniform_real_distribution<float> draw(is_signed(v.dtype) ? -range : 0.0F, range);
  for_each_index(v.shape, [&](const Dims& at, std::int64_t) {
    const float x = draw(gen);
    dispatch_all(v.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      static_cast<T*>(v.data)[offset_of(v.strides, at)] = saturate<T>(x);
    });
  });
}

/// Row-major values as double.
inline std::vector<double> values_of(const ConstView& v) {
  std::vector<double> out;
  for_each_index(v.shape, [&](const Dims& at, std::int64_t) {
    dispatch_all(v.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      out.push_back(saturate<double>(v.ptr<T>()[offset_of(v.strides, at)]));
    });
  });
  return out;
}

}  // namespace varo::testing

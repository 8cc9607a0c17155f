// SPDX-License-Identifier: Apache-2.0
/// Small pieces of the strided copies that fit into L1: a p x q tile turned over, a row gathered.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/copy/reverse.h"

namespace varo::walk_detail {

template <int Bytes>
struct LaneOf;
template <>
struct LaneOf<1> {
  using type = std::uint8_t;
};
template <>
struct LaneOf<2> {
  using type = std::uint16_t;
};
template <>
struct LaneOf<4> {
  using type = std::uint32_t;
};
template <>
struct LaneOf<8> {
  using type = std::uint64_t;
};

template <class Vec, int... I>
Vec interleave_lower(Vec a, Vec b, std::integer_sequence<int, I...>) {
  constexpr int n = sizeof...(I);
  return __builtin_shufflevector(a, b, (I / 2 + (I % 2) * n)...);
}
template <class Vec, int... I>
Vec interleave_upper(Vec a, Vec b, std::integer_sequence<int, I...>) {
  constexpr int n = sizeof...(I);
  return __builtin_shufflevector(a, b, (n / 2 + I / 2 + (I % 2) * n)...);
}

template <class T>
inline constexpr int kBlock = sizeof(T) <= 8 ? 16 / static_cast<int>(sizeof(T)) : 1;

// out[j * out_stride + i] = in[i * in_stride + j] for i, j below kBlock<T>. Interleaving row i with
// row i + n/2 is one step of a perfect shuffle; log2(n) such steps exchange the two index halves.
template <class T>
void turn_block(const T* in, std::int64_t in_stride, T* out, std::int64_t out_stride) {
  using Lane = typename LaneOf<sizeof(T)>::type;
  typedef Lane Vec __attribute__((vector_size(16)));
  constexpr int n = kBlock<T>;
  constexpr auto lanes = std::make_integer_sequence<int, n>();
  Vec v[n], u[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) std::memcpy(&v[i], in + i * in_stride, 16);
  // Inner loops unrolled, so that all of it stays in registers.
  for (int step = 0; step < std::countr_zero(static_cast<unsigned>(n)); ++step) {
#pragma GCC unroll 8
    for (int i = 0; i < n / 2; ++i) {
      u[2 * i] = interleave_lower(v[i], v[i + n / 2], lanes);
      u[2 * i + 1] = interleave_upper(v[i], v[i + n / 2], lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) v[i] = u[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) std::memcpy(out + i * out_stride, &v[i], 16);
}

template <int C, class T>
void split_channels(const T* in, std::int64_t count, T* out) {
  for (std::int64_t i = 0; i < count; ++i)
    for (int c = 0; c < C; ++c) out[c * count + i] = in[i * C + c];
}
template <int C, class T>
void join_channels(const T* in, std::int64_t stride, std::int64_t count, T* out) {
  for (std::int64_t i = 0; i < count; ++i)
    for (int c = 0; c < C; ++c) out[i * C + c] = in[c * stride + i];
}

// tile[i * q_count + j] = in[i * p_step + j * q_step]
template <class T>
void fill_tile(const T* in, std::int64_t p_step, std::int64_t q_step, std::int64_t p_count,
               std::int64_t q_count, T* tile) {
  if (p_step == 1 && q_step == p_count && p_count <= 4) {
    if (p_count == 2) return split_channels<2>(in, q_count, tile);
    if (p_count == 3) return split_channels<3>(in, q_count, tile);
    if (p_count == 4) return split_channels<4>(in, q_count, tile);
  }
  if (p_step == 1 && q_count <= 4) {
    if (q_count == 2) return join_channels<2>(in, q_step, p_count, tile);
    if (q_count == 3) return join_channels<3>(in, q_step, p_count, tile);
    if (q_count == 4) return join_channels<4>(in, q_step, p_count, tile);
  }
  constexpr std::int64_t n = kBlock<T>;
  if constexpr (n > 1) {
    if (p_step == 1 && p_count >= n && q_count >= n) {
      // The last block of an axis is moved inwards, over elements that are done already.
      for (std::int64_t j = 0; j < q_count; j += n) {
        const std::int64_t q = std::min(j, q_count - n);
        for (std::int64_t i = 0; i < p_count; i += n) {
          const std::int64_t p = std::min(i, p_count - n);
          turn_block(in + p + q * q_step, q_step, tile + p * q_count + q, q_count);
        }
      }
      return;
    }
  }
  for (std::int64_t i = 0; i < p_count; ++i)
    for (std::int64_t j = 0; j < q_count; ++j) tile[i * q_count + j] = in[i * p_step + j * q_step];
}

template <class T>
void gather_row(const T* in, std::int64_t step, std::int64_t count, T* out) {
  if constexpr (sizeof(T) <= 8) {
    if (step == -1 && count >= 8) return reverse_row(in, out, count, static_cast<int>(sizeof(T)));
  }
  for (std::int64_t i = 0; i < count; ++i) out[i] = in[i * step];
}

}  // namespace varo::walk_detail

// SPDX-License-Identifier: Apache-2.0
/// One number of a stream (core/philox.h). Ranges of them (random.h) have the same bits.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/hd.h"
#include "core/philox.h"
#include "core/scalar.h"

namespace varo::random {

// --- what the formulas of normals-inl.h are written in: one word and one float

template <int n>
VARO_HD constexpr std::uint32_t shift_left(std::uint32_t x) {
  return x << n;
}
template <int n>
VARO_HD constexpr std::uint32_t shift_right(std::uint32_t x) {
  return x >> n;
}
template <int n>
VARO_HD constexpr std::uint32_t signed_shift_right(std::uint32_t x) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(x) >> n);
}
VARO_HD constexpr float to_float(std::uint32_t x) {  // x as a signed number
  return static_cast<float>(static_cast<std::int32_t>(x));
}
VARO_HD constexpr std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
VARO_HD constexpr float from_bits(std::uint32_t x) { return std::bit_cast<float>(x); }
VARO_HD constexpr std::uint32_t masked(std::uint32_t x, std::uint32_t mask) { return x & mask; }
VARO_HD inline float root(float x) { return scalar::root(x); }
// By the top bit of `bits`.
VARO_HD constexpr float choose(std::uint32_t bits, float yes, float no) {
  return static_cast<std::int32_t>(bits) < 0 ? yes : no;
}

}  // namespace varo::random

#define VARO_FORMULAS random
#define VARO_FORMULA VARO_HD inline
#include "kernels/random/normals-inl.h"
#undef VARO_FORMULAS
#undef VARO_FORMULA

namespace varo {

/// Word number `index` of the stream: number index % 4 of block index / 4.
VARO_HD constexpr std::uint32_t random_word(const RandomKey& key, std::uint64_t index) {
  return key.block(index / 4)[index % 4];
}

/// Words 2 index, the upper half, and 2 index + 1 of the stream.
VARO_HD constexpr std::uint64_t random_word_pair(const RandomKey& key, std::uint64_t index) {
  const PhiloxBlock block = key.block(index / 2);
  return (std::uint64_t{block[index % 2 * 2]} << 32) | block[index % 2 * 2 + 1];
}

/// [0, 1) from a word and from a pair of them: the numbers that random.uniform scales to its range.
VARO_HD constexpr double unit_of(std::uint32_t word) { return word * 0x1p-32; }
VARO_HD constexpr double unit_of(std::uint64_t pair) {
  return static_cast<double>(pair & ~std::uint64_t{0x7ff}) * 0x1p-64;
}

/// Standard normal number `index` of the stream. Numbers 4b ... 4b+3 come from block b: its words 0,
/// 1 and 2, 3 each give a radius and an angle. Between -6.8 and 6.8; logarithm, sine and cosine are
/// series in float arithmetic, each within 2e-7 of the true value.
/// source  Box, Muller, "A note on the generation of random normal deviates", 1958
VARO_HD inline float random_normal(const RandomKey& key, std::uint64_t index) {
  const PhiloxBlock block = key.block(index / 4);
  const std::size_t half = index % 4 / 2 * 2;
  const auto pair = random::normal_pair(block[half], block[half + 1]);
  return index % 2 == 0 ? pair.x : pair.y;
}

}  // namespace varo

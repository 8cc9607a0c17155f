// SPDX-License-Identifier: Apache-2.0
/// Philox 4x32-10: random numbers as a function of a counter and a key.
/// source  Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
#pragma once

#include <array>
#include <cstdint>

namespace varo {

using PhiloxBlock = std::array<std::uint32_t, 4>;

constexpr PhiloxBlock philox4x32_10(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// Names one stream of random numbers: an operator's seed, the running number of the sample among
/// all delivered, and which draw of the operator it is. Blocks of the stream are addressable.
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t sample = 0;
  std::uint32_t draw = 0;  ///< below 65536

  /// The index-th block of four words; index below 2^48.
  constexpr PhiloxBlock block(std::uint64_t index) const {
    return philox4x32_10(
        {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32) | (draw << 16),
         static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(sample >> 32)},
        {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  }
};

/// Sequential draws for parameters (not for voxels: those address blocks by element).
class Rng {
 public:
  explicit constexpr Rng(const RandomKey& key) : key_(key) {}
  constexpr std::uint32_t word() {
    if (used_ == 4) {
      block_ = key_.block(next_++);
      used_ = 0;
    }
    return block_[used_++];
  }
  /// [0, 1) with 53 random bits.
  constexpr double uniform() {
    const std::uint64_t high = word() >> 5, low = word() >> 6;
    return static_cast<double>((high << 26) | low) * 0x1p-53;
  }
  /// 0 ... n-1, unbiased to 2^-64. \pre n > 0
  constexpr std::uint64_t below(std::uint64_t n) {
    const std::uint64_t bits = (std::uint64_t{word()} << 32) | word();
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits) * n) >> 64);
  }

 private:
  RandomKey key_;
  PhiloxBlock block_{};
  std::uint64_t next_ = 0;
  unsigned used_ = 4;
};

/// A well-mixed 64-bit value; for deriving seeds. source  Steele et al., SplitMix64, OOPSLA 2014
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "kernels/random/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random/random.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Blocks are made kLanes at a time, one lane a block.
constexpr std::size_t kLanes = 16;
using Words32 = hn::CappedTag<std::uint32_t, kLanes>;
using Vec32 = hn::Vec<Words32>;
struct Blocks {
  alignas(64) std::uint32_t word[4][kLanes];
};

struct Product {
  Vec32 high, low;
};
// Both halves of the 64-bit products of all lanes: those of the even lanes and those of the odd
// lanes are computed apart and put side by side again.
HWY_INLINE Product product(Vec32 a, Vec32 b) {
#if HWY_TARGET == HWY_SCALAR
  const std::uint64_t both = std::uint64_t{hn::GetLane(a)} * hn::GetLane(b);
  return {hn::Set(Words32(), static_cast<std::uint32_t>(both >> 32)),
          hn::Set(Words32(), static_cast<std::uint32_t>(both))};
#else
  const hn::Repartition<std::uint64_t, Words32> wide;
  const Words32 d;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), b);
  return {hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even))),
          hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even))};
#endif
}

HWY_INLINE Blocks blocks_at(const RandomKey& key, std::uint64_t first) {
  Blocks b;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::uint64_t index = first + i;
    b.word[0][i] = static_cast<std::uint32_t>(index);
    b.word[1][i] = static_cast<std::uint32_t>(index >> 32) | (key.draw << 16);
  }
  const Words32 d;
  const Vec32 factor_a = hn::Set(d, 0xD2511F53U), factor_b = hn::Set(d, 0xCD9E8D57U);
  for (std::size_t i = 0; i < kLanes; i += hn::Lanes(d)) {
    Vec32 w0 = hn::Load(d, &b.word[0][i]), w1 = hn::Load(d, &b.word[1][i]);
    Vec32 w2 = hn::Set(d, static_cast<std::uint32_t>(key.sample));
    Vec32 w3 = hn::Set(d, static_cast<std::uint32_t>(key.sample >> 32));
    auto key0 = static_cast<std::uint32_t>(key.seed);
    auto key1 = static_cast<std::uint32_t>(key.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const Product p = product(w0, factor_a), q = product(w2, factor_b);
      w0 = hn::Xor(hn::Xor(q.high, w1), hn::Set(d, key0));
      w1 = q.low;
      w2 = hn::Xor(hn::Xor(p.high, w3), hn::Set(d, key1));
      w3 = p.low;
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
    hn::Store(w0, d, &b.word[0][i]);
    hn::Store(w1, d, &b.word[1][i]);
    hn::Store(w2, d, &b.word[2][i]);
    hn::Store(w3, d, &b.word[3][i]);
  }
  return b;
}

// to[4 i + k] = from[k][i].
template <class T>
HWY_INLINE void interleave(const T (&from)[4][kLanes], T* HWY_RESTRICT to) {
  const hn::CappedTag<T, kLanes> d;
  for (std::size_t i = 0; i < kLanes; i += hn::Lanes(d))
    hn::StoreInterleaved4(hn::Load(d, &from[0][i]), hn::Load(d, &from[1][i]),
                          hn::Load(d, &from[2][i]), hn::Load(d, &from[3][i]), d, to + 4 * i);
}

// -2 ln((word + 1/2) / 2^32).
inline float minus_two_log(std::uint32_t word) {
  // Halves first: a signed conversion exists as one instruction everywhere.
  const float u =
      (static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24F) +
      (static_cast<float>(static_cast<std::int32_t>(word & 0xffU)) * 0x1p-32F + 0x1p-33F);
  // u = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  const auto bits = std::bit_cast<std::int32_t>(u);
  const std::int32_t e = (bits - 0x3f3504f3) >> 23;
  const float m = std::bit_cast<float>(bits - e * (1 << 23));
  // ln m = 2 artanh(s), |s| < 0.1716.
  const float s = (m - 1.0F) / (m + 1.0F);
  const float z = s * s;
  const float series = 2.0F + z * (2.0F / 3 + z * (2.0F / 5 + z * (2.0F / 7 + z * (2.0F / 9))));
  // ln 2 in two parts, the first with few enough bits that its product with e is exact.
  const auto scale = static_cast<float>(e);
  const float log = scale * 0x1.62ep-1F + (scale * 0x1.0bfbe8p-15F + s * series);
  return -2.0F * log;
}

struct Pair {
  float x, y;
};
// Cosine and sine of word / 2^32 turns.
inline Pair on_circle(std::uint32_t word) {
  const std::uint32_t quadrant = (word + 0x2000'0000U) >> 30;
  const auto rest = static_cast<std::int32_t>(word - (quadrant << 30));  // an eighth turn at most
  const float a = static_cast<float>(rest) * 0x1.921fb6p-30F;            // 2 pi / 2^32
  const float z = a * a;
  const float sine =
      a + a * z * (-1.0F / 6 + z * (1.0F / 120 + z * (-1.0F / 5040 + z * (1.0F / 362880))));
  const float cosine =
      1.0F + z * (-0.5F +
                  z * (1.0F / 24 + z * (-1.0F / 720 + z * (1.0F / 40320 + z * (-1.0F / 3628800)))));
  const bool swapped = (quadrant & 1U) != 0;
  const std::uint32_t x = std::bit_cast<std::uint32_t>(swapped ? sine : cosine);
  const std::uint32_t y = std::bit_cast<std::uint32_t>(swapped ? cosine : sine);
  return {std::bit_cast<float>(x ^ (((quadrant + 1U) & 2U) << 30)),
          std::bit_cast<float>(y ^ ((quadrant & 2U) << 30))};
}

inline void words_of(const RandomKey& key, std::uint64_t block, std::uint32_t* HWY_RESTRICT out) {
  const Blocks b = blocks_at(key, block);
  interleave(b.word, out);
}

// Plain arithmetic in loops that the compiler turns into vectors.
inline void normals_of(const RandomKey& key, std::uint64_t block, float* HWY_RESTRICT out) {
  const Blocks b = blocks_at(key, block);
  alignas(64) float normal[4][kLanes];
  for (std::size_t half = 0; half < 4; half += 2) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const float radius = std::sqrt(minus_two_log(b.word[half][i]));
      const Pair p = on_circle(b.word[half + 1][i]);
      normal[half][i] = radius * p.x;
      normal[half + 1][i] = radius * p.y;
    }
  }
  interleave(normal, out);
}

// Whole groups of 4 * kLanes numbers go straight to `out`; the ends pass through a buffer.
template <class T, class Group>
void in_groups(std::uint64_t first, std::int64_t count, T* out, const Group& group) {
  constexpr std::uint64_t kGroup = 4 * kLanes;
  alignas(64) T buffer[kGroup];
  std::uint64_t at = first;
  const std::uint64_t end = first + static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
  while (at < end) {
    const std::uint64_t skip = at % kGroup, n = std::min(kGroup - skip, end - at);
    T* to = out + (at - first);
    if (n == kGroup) {
      group(at / 4, to);
    } else {
      group((at - skip) / 4, buffer);
      std::memcpy(to, buffer + skip, n * sizeof(T));
    }
    at += n;
  }
}

void Words(const RandomKey& key, std::uint64_t first, std::int64_t count, std::uint32_t* out) {
  in_groups(first, count, out,
            [&](std::uint64_t block, std::uint32_t* to) HWY_ATTR { words_of(key, block, to); });
}
void Normals(const RandomKey& key, std::uint64_t first, std::int64_t count, float* out) {
  in_groups(first, count, out,
            [&](std::uint64_t block, float* to) HWY_ATTR { normals_of(key, block, to); });
}
float Normal(const RandomKey& key, std::uint64_t index) {
  const PhiloxBlock b = key.block(index / 4);
  const std::size_t half = index % 4 / 2 * 2;
  const float radius = std::sqrt(minus_two_log(b[half]));
  const Pair p = on_circle(b[half + 1]);
  return radius * (index % 2 == 0 ? p.x : p.y);
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {
namespace {

HWY_EXPORT(Words);
HWY_EXPORT(Normals);
HWY_EXPORT(Normal);

// ln k!, by Stirling's series where it is good to 1e-12.
double log_factorial(double k) {
  if (k < 10) {
    double product = 1;
    for (double i = 2; i <= k; ++i) product *= i;
    return std::log(product);
  }
  const double n = k + 1, z = 1 / (n * n);
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  return (n - 0.5) * std::log(n) - n + kHalfLogTwoPi +
         (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z / 1680))) / n;
}

// Two numbers in (0, 1): attempt number `attempt` of element `index`.
std::pair<double, double> two_uniforms(const RandomKey& key, std::uint64_t index,
                                       std::uint64_t attempt) {
  const PhiloxBlock b = key.block(index | (attempt << 40));
  const auto unit = [](std::uint64_t high, std::uint64_t low) {
    return (static_cast<double>(((high << 32) | low) >> 11) + 0.5) * 0x1p-53;
  };
  return {unit(b[0], b[1]), unit(b[2], b[3])};
}

constexpr std::uint64_t kAttempts = 255;

// The logarithm of a gamma number. Two blocks an attempt, from block `attempt` on, which moves on.
double log_gamma_number(const RandomKey& key, std::uint64_t index, double shape,
                        std::uint64_t& attempt) {
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  double log_number = std::log(d);
  while (attempt + 2 <= kAttempts) {
    const auto [u, angle] = two_uniforms(key, index, attempt);
    const auto [v, w] = two_uniforms(key, index, attempt + 1);
    attempt += 2;
    const double x = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * angle);
    const double t = 1 + c * x, cube = t * t * t;
    if (t <= 0 || std::log(v) >= 0.5 * x * x + d - d * cube + d * std::log(cube)) continue;
    log_number = std::log(d * cube) + (shape < 1 ? std::log(w) / shape : 0);
    break;
  }
  return log_number;
}

}  // namespace

void random_words(const RandomKey& key, std::uint64_t first, std::int64_t count,
                  std::uint32_t* out) {
  if (count == 1) {
    *out = random_word(key, first);
    return;
  }
  HWY_DYNAMIC_DISPATCH(Words)(key, first, count, out);
}

void random_word_pairs(const RandomKey& key, std::uint64_t first, std::int64_t count,
                       std::uint64_t* out) {
  constexpr std::int64_t kChunk = 256;
  std::uint32_t words[2 * kChunk];
  for (std::int64_t at = 0; at < count; at += kChunk) {
    const std::int64_t n = std::min(kChunk, count - at);
    random_words(key, 2 * (first + static_cast<std::uint64_t>(at)), 2 * n, words);
    for (std::int64_t i = 0; i < n; ++i)
      out[at + i] = (std::uint64_t{words[2 * i]} << 32) | words[2 * i + 1];
  }
}

void random_normals(const RandomKey& key, std::uint64_t first, std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(Normals)(key, first, count, out);
}

float random_normal(const RandomKey& key, std::uint64_t index) {
  return HWY_DYNAMIC_DISPATCH(Normal)(key, index);
}

double random_poisson(const RandomKey& key, std::uint64_t index, double mean) {
  if (!(mean > 0)) return 0;
  if (std::isinf(mean)) return mean;
  if (mean < 10) {
    double u = two_uniforms(key, index, 0).first, p = std::exp(-mean), k = 0;
    while (u > p && k < 200) {
      u -= p;
      ++k;
      p *= mean / k;
    }
    return k;
  }
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double accept = 0.9277 - 3.6224 / (b - 2);
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    const auto [first, v] = two_uniforms(key, index, attempt);
    const double u = first - 0.5;
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= accept) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * log_mean - mean - log_factorial(k))
      return k;
  }
  return std::floor(mean);
}

double random_beta(const RandomKey& key, std::uint64_t index, double alpha, double beta) {
  std::uint64_t attempt = 0;
  const double x = log_gamma_number(key, index, alpha, attempt);
  const double y = log_gamma_number(key, index, beta, attempt);
  return 1 / (1 + std::exp(y - x));
}

}  // namespace varo
#endif

// SPDX-License-Identifier: Apache-2.0
#include "kernels/random/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#ifndef HWY_DISABLED_TARGETS  // a build may leave out more
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random/random.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
#include "kernels/four-inl.h"
#include "kernels/random/blocks-inl.h"

namespace varo {
namespace HWY_NAMESPACE {

// --- what the formulas are written in: one word and float, or four vectors of them

template <int n>
inline std::uint32_t shift_left(std::uint32_t x) {
  return x << n;
}
template <int n>
inline std::uint32_t shift_right(std::uint32_t x) {
  return x >> n;
}
template <int n>
inline std::uint32_t signed_shift_right(std::uint32_t x) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(x) >> n);
}
inline float to_float(std::uint32_t x) {  // x as a signed number
  return static_cast<float>(static_cast<std::int32_t>(x));
}
inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
inline float from_bits(std::uint32_t x) { return std::bit_cast<float>(x); }
inline std::uint32_t masked(std::uint32_t x, std::uint32_t mask) { return x & mask; }
inline float root(float x) { return std::sqrt(x); }
// By the top bit of `bits`.
inline float choose(std::uint32_t bits, float yes, float no) {
  return static_cast<std::int32_t>(bits) < 0 ? yes : no;
}

#if !VARO_PLAIN_BLOCKS
using Signed32 = hn::RebindToSigned<Words32>;
template <int n>
HWY_INLINE W shift_left(W x) {
  return VARO_EACH(hn::ShiftLeft<n>, x);
}
template <int n>
HWY_INLINE W shift_right(W x) {
  return VARO_EACH(hn::ShiftRight<n>, x);
}
template <int n>
HWY_INLINE W signed_shift_right(W x) {
  return each(
      [](auto v) HWY_ATTR {
        return hn::BitCast(Words32(), hn::ShiftRight<n>(hn::BitCast(Signed32(), v)));
      },
      x);
}
HWY_INLINE F to_float(W x) {
  return each([](auto v) HWY_ATTR { return hn::ConvertTo(Floats(), hn::BitCast(Signed32(), v)); },
              x);
}
HWY_INLINE W bits_of(F x) {
  return each([](auto v) HWY_ATTR { return hn::BitCast(Words32(), v); }, x);
}
HWY_INLINE F from_bits(W x) {
  return each([](auto v) HWY_ATTR { return hn::BitCast(Floats(), v); }, x);
}
HWY_INLINE W masked(W x, std::uint32_t mask) { return x & same<hn::Vec<Words32>>(mask); }
HWY_INLINE F choose(W bits, F yes, F no) {
  return each(
      [](auto b, auto y, auto n) HWY_ATTR {
        const auto top = hn::Lt(hn::BitCast(Signed32(), b), hn::Zero(Signed32()));
        return hn::IfThenElse(hn::RebindMask(Floats(), top), y, n);
      },
      bits, yes, no);
}
#endif

// --- the formulas

// -2 ln((word + 1/2) / 2^32).
template <class Word>
HWY_INLINE auto minus_two_log(Word word) {
  // Halves first: a signed conversion exists as one instruction everywhere.
  const auto number =
      to_float(shift_right<8>(word)) * 256.0F + (to_float(masked(word, 0xffU)) + 0.5F);
  // number / 2^32 = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  constexpr std::uint32_t kSqrtHalf = 0x3f3504f3U;
  const auto moved = bits_of(number) - (kSqrtHalf + (32U << 23));
  const auto m = from_bits(masked(moved, 0x7fffffU) + kSqrtHalf);
  const auto e = to_float(signed_shift_right<23>(moved));
  // ln m = 2 artanh(s), |s| < 0.1716.
  const auto s = (m - 1.0F) / (m + 1.0F);
  const auto z = s * s;
  const auto series = z * (z * (z * (z * (-4.0F / 9) + -4.0F / 7) + -4.0F / 5) + -4.0F / 3) + -4.0F;
  // -2 ln 2 in two parts, the first with few enough bits that its product with e is exact.
  return e * -0x1.62ep+0F + (e * -0x1.0bfbe8p-14F + s * series);
}

template <class Real>
struct Pair {
  Real x, y;
};
// Cosine and sine of word / 2^32 turns.
template <class Word>
HWY_INLINE auto on_circle(Word word) {
  // A quarter of a turn is 2^30: what is left of the nearest one, at most an eighth of a turn.
  const auto a = to_float(shift_left<2>(word)) * 0x1.921fb6p-32F;  // 2 pi / 2^34
  const auto z = a * a;
  const auto sine =
      a * z * (z * (z * (z * (1.0F / 362880) + -1.0F / 5040) + 1.0F / 120) + -1.0F / 6) + a;
  const auto cosine =
      z * (z * (z * (z * (z * (-1.0F / 3628800) + 1.0F / 40320) + -1.0F / 720) + 1.0F / 24) +
           -0.5F) +
      1.0F;
  const auto quarters = word + 0x2000'0000U;  // in the top two bits
  const auto swapped = shift_left<1>(quarters);
  const auto x = choose(swapped, sine, cosine), y = choose(swapped, cosine, sine);
  const auto sign_x = masked(quarters + 0x4000'0000U, 0x8000'0000U);
  const auto sign_y = masked(quarters, 0x8000'0000U);
  return Pair<decltype(from_bits(word))>{from_bits(bits_of(x) ^ sign_x),
                                         from_bits(bits_of(y) ^ sign_y)};
}

template <class Word>
HWY_INLINE auto normal_pair(Word radius, Word angle) {
  const auto p = on_circle(angle);
  const auto r = root(minus_two_log(radius));
  return Pair<decltype(from_bits(radius))>{r * p.x, r * p.y};
}

// --- groups of 4 kBlocks numbers, those of block, block + 1, ...

#if VARO_PLAIN_BLOCKS
inline void words_of(const Stream& stream, std::uint64_t block, std::uint32_t* HWY_RESTRICT out) {
  const Words b = blocks_at(stream, block);
  for (std::size_t i = 0; i < 4 * kBlocks; ++i) out[i] = b.word[i % 2][i / 2];
}
inline void pairs_of(const Stream& stream, std::uint64_t block, std::uint64_t* HWY_RESTRICT out) {
  const Words b = blocks_at(stream, block);
  for (std::size_t i = 0; i < 2 * kBlocks; ++i)
    out[i] = (std::uint64_t{b.word[0][i]} << 32) | b.word[1][i];
}
inline void normals_of(const Stream& stream, std::uint64_t block, float* HWY_RESTRICT out) {
  const Words b = blocks_at(stream, block);
  for (std::size_t i = 0; i < 2 * kBlocks; ++i) {
    const auto p = normal_pair(b.word[0][i], b.word[1][i]);
    out[2 * i] = p.x;
    out[2 * i + 1] = p.y;
  }
}
#else
HWY_INLINE W words_at(const std::uint32_t* from) {
  const Words32 d;
  const std::size_t n = hn::Lanes(d);
  return {hn::Load(d, from), hn::Load(d, from + n), hn::Load(d, from + 2 * n),
          hn::Load(d, from + 3 * n)};
}
// out[2 i + k] = number i of x (k = 0) or y (k = 1).
template <class D, class T>
HWY_INLINE void interleave(D d, Four<T> x, Four<T> y, hn::TFromD<D>* HWY_RESTRICT out) {
  const std::size_t n = 2 * hn::Lanes(d);
  hn::StoreInterleaved2(x.a, y.a, d, out);
  hn::StoreInterleaved2(x.b, y.b, d, out + n);
  hn::StoreInterleaved2(x.c, y.c, d, out + 2 * n);
  hn::StoreInterleaved2(x.d, y.d, d, out + 3 * n);
}

inline void words_of(const Stream& stream, std::uint64_t block, std::uint32_t* HWY_RESTRICT out) {
  const Words b = blocks_at(stream, block);
  interleave(Words32(), words_at(b.word[0]), words_at(b.word[1]), out);
}
// The upper half of a number lies behind the lower one.
inline void pairs_of(const Stream& stream, std::uint64_t block, std::uint64_t* HWY_RESTRICT out) {
  const Words b = blocks_at(stream, block);
  interleave(Words32(), words_at(b.word[1]), words_at(b.word[0]),
             reinterpret_cast<std::uint32_t*>(out));
}
inline void normals_of(const Stream& stream, std::uint64_t block, float* HWY_RESTRICT out) {
  const Words b = blocks_at(stream, block);
  const auto p = normal_pair(words_at(b.word[0]), words_at(b.word[1]));
  interleave(Floats(), p.x, p.y, out);
}
#endif

// Whole groups of kBlocks blocks, each of `size` numbers, go straight to `out`; the ends pass
// through a buffer.
template <std::uint64_t size, class T, class Group>
void in_groups(std::uint64_t first, std::int64_t count, T* out, const Group& group) {
  constexpr std::uint64_t kGroup = size * kBlocks;
  alignas(64) T buffer[kGroup];
  std::uint64_t at = first;
  const std::uint64_t end = first + static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
  while (at < end) {
    const std::uint64_t skip = at % kGroup, n = std::min(kGroup - skip, end - at);
    T* to = out + (at - first);
    if (n == kGroup) {
      group(at / size, to);
    } else {
      group((at - skip) / size, buffer);
      std::memcpy(to, buffer + skip, n * sizeof(T));
    }
    at += n;
  }
}

void AllWords(const RandomKey& key, std::uint64_t first, std::int64_t count, std::uint32_t* out) {
  const Stream stream(key);
  in_groups<4>(first, count, out, [&](std::uint64_t block, std::uint32_t* to) HWY_ATTR {
    words_of(stream, block, to);
  });
}
void AllPairs(const RandomKey& key, std::uint64_t first, std::int64_t count, std::uint64_t* out) {
  const Stream stream(key);
  in_groups<2>(first, count, out, [&](std::uint64_t block, std::uint64_t* to) HWY_ATTR {
    pairs_of(stream, block, to);
  });
}
void Normals(const RandomKey& key, std::uint64_t first, std::int64_t count, float* out) {
  const Stream stream(key);
  in_groups<4>(first, count, out,
               [&](std::uint64_t block, float* to) HWY_ATTR { normals_of(stream, block, to); });
}
float Normal(const RandomKey& key, std::uint64_t index) {
  const PhiloxBlock b = key.block(index / 4);
  const std::size_t half = index % 4 / 2 * 2;
  const auto p = normal_pair(b[half], b[half + 1]);
  return index % 2 == 0 ? p.x : p.y;
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {
namespace {

HWY_EXPORT(AllWords);
HWY_EXPORT(AllPairs);
HWY_EXPORT(Normals);
HWY_EXPORT(Normal);

}  // namespace

void random_words(const RandomKey& key, std::uint64_t first, std::int64_t count,
                  std::uint32_t* out) {
  if (count == 1) {
    *out = random_word(key, first);
    return;
  }
  HWY_DYNAMIC_DISPATCH(AllWords)(key, first, count, out);
}

void random_word_pairs(const RandomKey& key, std::uint64_t first, std::int64_t count,
                       std::uint64_t* out) {
  HWY_DYNAMIC_DISPATCH(AllPairs)(key, first, count, out);
}

void random_normals(const RandomKey& key, std::uint64_t first, std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(Normals)(key, first, count, out);
}

float random_normal(const RandomKey& key, std::uint64_t index) {
  return HWY_DYNAMIC_DISPATCH(Normal)(key, index);
}

}  // namespace varo
#endif

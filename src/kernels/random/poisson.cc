// SPDX-License-Identifier: Apache-2.0
// Poisson numbers for ranges of elements: poisson_point.h, many at a time.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/pointwise/pointwise_point.h"
#include "kernels/random/poisson_point.h"
#include "kernels/random/random.h"

#ifndef HWY_DISABLED_TARGETS  // a build may leave out more
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random/poisson.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
#undef VARO_FORMULAS
#define VARO_FORMULAS HWY_NAMESPACE
#undef VARO_FORMULA
#define VARO_FORMULA HWY_INLINE
#include "kernels/four-inl.h"
// After what it uses.
#include "kernels/pointwise/four_doubles-inl.h"
// After what it uses.
#include "kernels/pointwise/arithmetic-inl.h"
#include "kernels/random/blocks-inl.h"

namespace varo {
namespace HWY_NAMESPACE {
namespace {

// Elements that are sorted by what they need before they are computed. Divides 2^40.
constexpr std::size_t kSorted = 256;

using Word = Four<hn::Vec<U64>>;

HWY_INLINE Word load_words(const std::uint64_t* from) {
  const U64 d;
  return {hn::LoadU(d, from), hn::LoadU(d, from + kVector), hn::LoadU(d, from + 2 * kVector),
          hn::LoadU(d, from + 3 * kVector)};
}
HWY_INLINE V as_doubles(Word x) {
  return each([](auto bits) HWY_ATTR { return hn::BitCast(F64(), bits); }, x);
}
HWY_INLINE Word as_bits(V x) {
  return each([](auto vector) HWY_ATTR { return hn::BitCast(U64(), vector); }, x);
}
HWY_INLINE Word only(Word x, std::uint64_t bits) { return x & same<hn::Vec<U64>>(bits); }
template <int n>
HWY_INLINE Word shifted_right(Word x) {
  return VARO_EACH(hn::ShiftRight<n>, x);
}
// Whole numbers below 2^32 as doubles.
HWY_INLINE V number_of(Word x) {
  constexpr std::uint64_t kTwoTo52 = 0x4330'0000'0000'0000;
  return as_doubles(x | same<hn::Vec<U64>>(kTwoTo52)) - 0x1p52;
}

template <std::size_t n>
HWY_INLINE V horner(V x, const double (&c)[n]) {
  V sum = value(c[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

HWY_INLINE V twice_artanh(V s) {
  const V z = s * s;
  return (s + s) + s * (z * horner(z, point::kArtanh));
}

HWY_INLINE V log_of(V x) {
  const Word moved = as_bits(x) + ((std::uint64_t{1024} << 52) - point::kSqrtHalfBits);
  const V m = as_doubles(only(moved, point::kMantissaBits) + point::kSqrtHalfBits);
  const V e = number_of(shifted_right<52>(moved)) - 1024;
  return e * point::kLn2 + twice_artanh((m - 1) / (m + 1));
}

HWY_INLINE V log_of_ratio(V x, V y) {
  const Word moved = as_bits(x / y) + ((std::uint64_t{1024} << 52) - point::kSqrtHalfBits);
  const Word power = shifted_right<52>(moved);
  const Word scale = VARO_EACH(hn::ShiftLeft<52>, power - std::uint64_t{1});
  const V near_x = y * as_doubles(scale);
  return (number_of(power) - 1024) * point::kLn2 + twice_artanh((x - near_x) / (x + near_x));
}

HWY_INLINE V exp_of(V x) {
  const V t = x * point::kLog2E, whole = t + point::kWholes;
  const V r = (t - (whole - point::kWholes)) * point::kLn2;
  const Word power = VARO_EACH(hn::ShiftLeft<52>, as_bits(whole));
  return as_doubles(as_bits(horner(r, point::kExp)) + power);
}

// --- kLanes numbers

HWY_INLINE V by_search(Word word, V mean) {
  constexpr int kAtOnce = 4;  // counts between two looks at whether that is all
  static_assert(point::kPoissonMost % kAtOnce == 0);
  const V rate = select(mean > value(0), mean, value(0));
  const V u = as_doubles(shifted_right<12>(word) | same<hn::Vec<U64>>(std::uint64_t{0x3ff} << 52)) -
              (1 - 0x1p-53);
  V p = exp_of(0 - rate), sum = p, count = value(0);
  for (std::size_t k = 0; k < point::kPoissonMost;) {
    for (int i = 0; i < kAtOnce; ++i) {
      count = count + each([](auto above)
                               HWY_ATTR { return hn::IfThenElseZero(above, hn::Set(F64(), 1.0)); },
                           u > sum);
      p = p * (rate * point::kInverses[++k]);
      sum = sum + p;
    }
    if (all(!(u > sum))) break;
  }
  return count;
}

struct Attempt {
  V count;
  Mask accepted;
};
HWY_INLINE Attempt attempt(Word word, V mean) {
  const V u = number_of(shifted_right<32>(word)) * 0x1p-32 - (0.5 - 0x1p-33);
  const V v = number_of(only(word, 0xffffffffU)) * 0x1p-32 + 0x1p-33;
  const V b = root(mean) * 2.53 + 0.931, a = b * 0.02483 - 0.059, c = b - 3.4;
  const V us = 0.5 - size_of(u), square = us * us;
  const V k = floor(((a + a) / us + b) * u + mean + 0.43), next = k + 1;
  const V q = v * square * (c * 1.1239 + 1.1328) / (c * (b * square + a));
  const V left = log_of(q * q * next) * 0.5 + point::kHalfLogTwoPi;
  const V inverse = 1 / next;
  const V above = inverse * horner(inverse * inverse, point::kStirling);
  const V right = k * log_of_ratio(mean, next) + (next - mean) - above;
  const Mask outside = (k < 0) | ((us < 0.013) & (v > us));
  const Mask endless = mean == kInfinity;
  return {select(endless, mean, k),
          endless | VARO_EACH(hn::AndNot, outside, VARO_EACH(hn::Le, left, right))};
}

// --- any count

struct Batch {
  alignas(64) double mean[kSorted + 1], count[kSorted + 1];
  alignas(64) std::uint64_t word[kSorted + 1];
  std::uint16_t place[kSorted + 1];
  std::size_t size = 0;

  // The element counts if it is `wanted`: branches would be mispredicted.
  void add(std::size_t at, double m, std::uint64_t w, bool wanted) {
    place[size] = static_cast<std::uint16_t>(at);
    mean[size] = m;
    word[size] = w;
    size += wanted ? 1 : 0;
  }
  // What whole vectors read beyond the end.
  void pad(double m) {
    for (std::size_t i = size; i % kLanes != 0; ++i) {
      mean[i] = m;
      word[i] = 0;
    }
  }
};

void search(const std::uint64_t* word, const double* mean, std::size_t count, double* out) {
  for (std::size_t i = 0; i < count; i += kLanes)
    store_doubles(by_search(load_words(word + i), load_doubles(mean + i)), out + i);
}

// Words for the next attempt; `first` is the number of element 0.
void draw_again(const Stream& stream, std::uint64_t first, Batch& batch) {
  for (std::size_t i = 0; i < batch.size; i += kBlocks) {
    const std::size_t n = std::min(kBlocks, batch.size - i);
    std::uint64_t numbers[kBlocks];
    for (std::size_t j = 0; j < kBlocks; ++j)
      numbers[j] = first + batch.place[i + std::min(j, n - 1)];
    const Words b = blocks_of(stream, numbers);
    for (std::size_t j = 0; j < n; ++j)
      batch.word[i + j] = std::uint64_t{b.word[0][2 * j]} << 32 | b.word[1][2 * j];
  }
}

void reject(const Stream& stream, std::uint64_t first, Batch& batch, double* out) {
  constexpr double kYes = 1;
  for (std::uint64_t more = 1; batch.size != 0; ++more) {
    batch.pad(point::kPoissonSwitch);
    alignas(64) double accepted[kSorted];
    for (std::size_t i = 0; i < batch.size; i += kLanes) {
      const Attempt made = attempt(load_words(batch.word + i), load_doubles(batch.mean + i));
      store_doubles(made.count, batch.count + i);
      store_doubles(select(made.accepted, kYes, value(0)), accepted + i);
    }
    std::size_t rest = 0;
    for (std::size_t i = 0; i < batch.size; ++i) {
      const std::uint16_t place = batch.place[i];
      const double mean = batch.mean[i];
      out[place] = batch.count[i];
      batch.place[rest] = place;
      batch.mean[rest] = mean;
      rest += accepted[i] != kYes ? 1 : 0;
    }
    batch.size = rest;
    if (more > kRandomAttempts) break;
    draw_again(stream, first | more << 40, batch);
  }
  for (std::size_t i = 0; i < batch.size; ++i) out[batch.place[i]] = std::floor(batch.mean[i]);
}

// At most kSorted elements from number `first` on.
void some(const Stream& stream, std::uint64_t first, std::size_t count, const double* mean,
          double* out, Batch& few, Batch& many) {
  alignas(64) std::uint64_t words[kSorted];
  random_word_pairs(stream.key, first, static_cast<std::int64_t>(count), words);
  std::size_t searched = 0;
  for (std::size_t i = 0; i < count; ++i) searched += mean[i] >= point::kPoissonSwitch ? 0 : 1;
  if (searched == kSorted) return search(words, mean, count, out);
  few.size = many.size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_many = mean[i] >= point::kPoissonSwitch;
    if (searched != 0) few.add(i, mean[i], words[i], !is_many);
    many.add(i, mean[i], words[i], is_many);
  }
  few.pad(0);
  search(few.word, few.mean, few.size, few.count);
  for (std::size_t i = 0; i < few.size; ++i) out[few.place[i]] = few.count[i];
  reject(stream, first, many, out);
}

void Poissons(const RandomKey& key, std::uint64_t first, std::int64_t count, const double* mean,
              double* out) {
  const Stream stream(key);
  Batch few, many;
  const std::uint64_t end = first + static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
  for (std::uint64_t at = first; at < end;) {
    // What is computed together has numbers with one upper half.
    const std::uint64_t n = std::min(kSorted - at % kSorted, end - at);
    some(stream, at, n, mean + (at - first), out + (at - first), few, many);
    at += n;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace {
HWY_EXPORT(Poissons);
}

void random_poissons(const RandomKey& key, std::uint64_t first, std::int64_t count,
                     const double* mean, double* out) {
  HWY_DYNAMIC_DISPATCH(Poissons)(key, first, count, mean, out);
}

}  // namespace varo
#endif

// SPDX-License-Identifier: Apache-2.0
#include "kernels/random/random.h"

#include <algorithm>
#include <cstring>

#include "kernels/random/random_point.h"

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

// --- what the formulas are written in: four vectors of words and floats

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

}  // namespace HWY_NAMESPACE
}  // namespace varo

#if !VARO_PLAIN_BLOCKS
#undef VARO_FORMULAS
#define VARO_FORMULAS HWY_NAMESPACE
#undef VARO_FORMULA
#define VARO_FORMULA HWY_INLINE
#include "kernels/random/normals-inl.h"
#endif

namespace varo {
namespace HWY_NAMESPACE {

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
    const auto p = random::normal_pair(b.word[0][i], b.word[1][i]);
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

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {
namespace {

HWY_EXPORT(AllWords);
HWY_EXPORT(AllPairs);
HWY_EXPORT(Normals);

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

}  // namespace varo
#endif

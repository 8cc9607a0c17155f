// SPDX-License-Identifier: Apache-2.0
// Blocks of a stream of random numbers (core/philox.h), many at a time, for whichever instruction
// set includes this. No include guard: random.cc includes it once an instruction set, after
// kernels/four-inl.h.

namespace varo {
namespace HWY_NAMESPACE {

#undef VARO_PLAIN_BLOCKS
#if HWY_TARGET == HWY_SCALAR
#define VARO_PLAIN_BLOCKS 1
#else
#define VARO_PLAIN_BLOCKS 0
#endif

// Blocks are made kBlocks at a time. Words 0 and 2 of block i go to [0][2 i] and [0][2 i + 1],
// words 1 and 3 to [1][2 i] and [1][2 i + 1]: for normal numbers, radii and angles.
#if VARO_PLAIN_BLOCKS
constexpr std::size_t kBlocks = 4;
#else
// A block a lane of 64 bits, of which the lower half counts: products are made of the lower halves
// and fill the lane.
using Lane = hn::ScalableTag<std::uint64_t>;
using Words32 = hn::Repartition<std::uint32_t, Lane>;
using Floats = hn::RebindToFloat<Words32>;
using W = Four<hn::Vec<Words32> >;
using F = Four<hn::Vec<Floats> >;
constexpr std::size_t kBlocks = 4 * hn::MaxLanes(Lane());
#endif

// The keys of the rounds, and what else is the same for all blocks.
struct Stream {
  explicit Stream(const RandomKey& k) : key(k) {
    auto key0 = static_cast<std::uint32_t>(k.seed), key1 = static_cast<std::uint32_t>(k.seed >> 32);
    for (auto& round : rounds) {
      round[0] = key0;
      round[1] = key1;
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
  }
  RandomKey key;
  std::uint64_t rounds[10][2];
};

struct Words {
  alignas(64) std::uint32_t word[2][2 * kBlocks];
};

#if VARO_PLAIN_BLOCKS
inline Words blocks_at(const Stream& stream, std::uint64_t first) {
  Words b;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const PhiloxBlock block = stream.key.block(first + i);
    for (std::size_t k = 0; k < 4; ++k) b.word[k % 2][2 * i + k / 2] = block[k];
  }
  return b;
}
inline Words blocks_of(const Stream& stream, const std::uint64_t* numbers) {
  Words b;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const PhiloxBlock block = stream.key.block(numbers[i]);
    for (std::size_t k = 0; k < 4; ++k) b.word[k % 2][2 * i + k / 2] = block[k];
  }
  return b;
}
#else
HWY_INLINE hn::Vec<Lane> product(hn::Vec<Lane> a, hn::Vec<Lane> b) {
  return hn::MulEven(hn::BitCast(Words32(), a), hn::BitCast(Words32(), b));
}
alignas(64) constexpr std::uint64_t kCount[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                                11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                                22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
// The lower halves of a and b, next to each other.
HWY_INLINE hn::Vec<Words32> side_by_side(hn::Vec<Lane> a, hn::Vec<Lane> b) {
  return hn::OddEven(hn::BitCast(Words32(), hn::ShiftLeft<32>(b)), hn::BitCast(Words32(), a));
}

// numbers(i): of the blocks of chain i. Their upper halves are those of `first` for all blocks, and
// so is what that and the sample alone make of the first two rounds.
template <std::size_t chains, class Numbers>
HWY_INLINE void write_blocks(const Stream& stream, std::uint64_t first, const Numbers& numbers,
                             std::uint32_t* even, std::uint32_t* odd) {
  using V = hn::Vec<Lane>;
  constexpr std::uint64_t kFactorA = 0xD2511F53U, kFactorB = 0xCD9E8D57U, kLow = 0xffffffffU;
  const Lane d;
  const std::size_t lanes = hn::Lanes(d);
  const V factor_a = hn::Set(d, kFactorA), factor_b = hn::Set(d, kFactorB);
  const std::uint64_t q1 = (stream.key.sample & kLow) * kFactorB;
  const std::uint64_t above = first >> 32 | std::uint64_t{stream.key.draw} << 16;
  const std::uint64_t p2 = ((q1 >> 32 ^ above ^ stream.rounds[0][0]) & kLow) * kFactorA;
  const V to_second = hn::Set(d, stream.key.sample >> 32 ^ stream.rounds[0][1]);
  const V to_first = hn::Set(d, q1 ^ stream.rounds[1][0]);
  const V to_third = hn::Set(d, p2 >> 32 ^ stream.rounds[1][1]);
  V w0[chains], w1[chains], w2[chains], w3[chains];
  for (std::size_t i = 0; i < chains; ++i) {
    const V p = product(numbers(i), factor_a);
    const V q = product(hn::Xor(hn::ShiftRight<32>(p), to_second), factor_b);
    w0[i] = hn::Xor(hn::ShiftRight<32>(q), to_first);
    w1[i] = q;
    w2[i] = hn::Xor(p, to_third);
    w3[i] = hn::Set(d, p2);
  }
  for (std::size_t r = 2; r < 10; ++r) {
    const V k0 = hn::Set(d, stream.rounds[r][0]), k1 = hn::Set(d, stream.rounds[r][1]);
    for (std::size_t i = 0; i < chains; ++i) {
      const V p = product(w0[i], factor_a), q = product(w2[i], factor_b);
      w0[i] = hn::Xor(hn::ShiftRight<32>(q), hn::Xor(w1[i], k0));
      w1[i] = q;
      w2[i] = hn::Xor(hn::ShiftRight<32>(p), hn::Xor(w3[i], k1));
      w3[i] = p;
    }
  }
  for (std::size_t i = 0; i < chains; ++i) {
    hn::Store(side_by_side(w0[i], w2[i]), Words32(), even + 2 * i * lanes);
    hn::Store(side_by_side(w1[i], w3[i]), Words32(), odd + 2 * i * lanes);
  }
}

// Chains at once: what was fastest; more fill the multipliers better, but must leave registers.
constexpr std::size_t kAtOnce = HWY_TARGET <= HWY_AVX3 ? 2 : 4;
constexpr std::size_t kStep = kAtOnce * hn::MaxLanes(Lane());

// `first` is a multiple of kBlocks. Out of line, so that nothing else wants registers: a tenth
// faster on AVX2.
inline HWY_NOINLINE Words blocks_at(const Stream& stream, std::uint64_t first) {
  const Lane d;
  Words b;
  for (std::size_t i = 0; i < kBlocks; i += kStep) {
    const auto numbers = [&](std::size_t chain) HWY_ATTR {
      return hn::Add(hn::Set(d, first + i), hn::Load(d, kCount + chain * hn::Lanes(d)));
    };
    write_blocks<kAtOnce>(stream, first, numbers, &b.word[0][2 * i], &b.word[1][2 * i]);
  }
  return b;
}

// Blocks of these kBlocks numbers, whose upper halves are the same.
inline HWY_NOINLINE Words blocks_of(const Stream& stream, const std::uint64_t* numbers) {
  const Lane d;
  Words b;
  for (std::size_t i = 0; i < kBlocks; i += kStep) {
    const auto loaded = [&](std::size_t chain)
                            HWY_ATTR { return hn::LoadU(d, numbers + i + chain * hn::Lanes(d)); };
    write_blocks<kAtOnce>(stream, numbers[0], loaded, &b.word[0][2 * i], &b.word[1][2 * i]);
  }
  return b;
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace varo

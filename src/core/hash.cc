// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/philox.h"

namespace varo {

namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::uint64_t kKeys[] = {0x9E3779B97F4A7C15U, 0xD1B54A32D192ED03U, 0xABC98388FB8FAC03U,
                                   0x8CB92BA72F3D8DD7U, 0xA0761D6478BD642FU, 0xE7037ED1A0B428DBU,
                                   0x8EBC6AF09C88C6E3U, 0x589965CC75374CC3U};

std::uint64_t word_at(const std::byte* p) {
  std::uint64_t w;
  std::memcpy(&w, p, sizeof w);
  return w;
}

// Both halves of the 128-bit product, folded.
std::uint64_t multiplied(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Four lanes of 16 bytes, so that the multiplications of one step do not wait for each other.
Hash128 hash_block(const std::byte* data, std::size_t bytes, std::uint64_t seed) {
  std::uint64_t lanes[4];
  for (int i = 0; i < 4; ++i) lanes[i] = mix64(seed ^ kKeys[4 + i]);
  const auto step = [&](const std::byte* p) {
    for (int i = 0; i < 4; ++i)
      lanes[i] =
          multiplied(word_at(p + 16 * i) ^ lanes[i], word_at(p + 16 * i + 8) ^ kKeys[i]) + lanes[i];
  };
  std::size_t at = 0;
  for (; at + 64 <= bytes; at += 64) step(data + at);
  if (at < bytes) {
    std::byte rest[64] = {};
    std::memcpy(rest, data + at, bytes - at);
    step(rest);
  }
  Hash128 hash{mix64(bytes ^ kKeys[6]), mix64(bytes ^ kKeys[7])};
  for (const std::uint64_t lane : lanes) hash = hash_with(hash, lane);
  return hash;
}

}  // namespace

Hash128 hash_with(const Hash128& hash, std::uint64_t number) {
  return {mix64(hash.lo ^ mix64(number ^ kKeys[0])), mix64(hash.hi + mix64(number ^ kKeys[1]))};
}

Hash128 hash_bytes(const void* data, std::size_t bytes, std::uint64_t seed, Parallel& parallel) {
  const auto* const begin = static_cast<const std::byte*>(data);
  if (bytes <= kBlock) return hash_block(begin, bytes, seed);
  std::vector<Hash128> parts((bytes + kBlock - 1) / kBlock);
  parallel_for(parallel, static_cast<std::int64_t>(parts.size()), 1,
               [&](std::int64_t i, std::int64_t) {
                 const std::size_t at = static_cast<std::size_t>(i) * kBlock;
                 parts[static_cast<std::size_t>(i)] =
                     hash_block(begin + at, std::min(kBlock, bytes - at), seed);
               });
  Hash128 hash{mix64(seed), bytes};
  for (const Hash128& part : parts) hash = hash_with(hash_with(hash, part.lo), part.hi);
  return hash;
}

}  // namespace varo

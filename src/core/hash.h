// SPDX-License-Identifier: Apache-2.0
/// Fingerprints of memory, for finding equal contents again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/parallel.h"

namespace varo {

struct Hash128 {
  std::uint64_t lo = 0, hi = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

/// A fingerprint of `bytes` bytes at `data`. Different contents collide by chance alone, about one
/// pair in 2^64; it does not withstand an adversary. The same for any thread count and the same
/// byte order, but nothing to store: it may change between versions.
///
/// seed    different seeds give unrelated fingerprints
/// memory  16 bytes a megabyte
Hash128 hash_bytes(const void* data, std::size_t bytes, std::uint64_t seed, Parallel& parallel);

/// `hash` continued by a number; the order of numbers counts.
Hash128 hash_with(const Hash128& hash, std::uint64_t number);

}  // namespace varo

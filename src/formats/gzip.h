// SPDX-License-Identifier: Apache-2.0
/// gzip files whose decompressed size somebody else has promised.
///
/// source  RFC 1951, RFC 1952. Members may follow each other; zeros after the last are padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/file.h"

namespace varo {

/// How many bytes so many compressed bytes can expand to: deflate codes at best 258 bytes in 2
/// bits.
constexpr std::int64_t most_inflated(std::int64_t compressed) {
  constexpr std::int64_t kMost = 1032;
  return compressed < INT64_MAX / kMost ? compressed * kMost : INT64_MAX;
}

/// Begins as gzip files do.
bool is_gzip(std::span<const std::byte> start);

/// The first `bytes` decompressed bytes, or all if there are fewer. Reads no more of the file than
/// that takes. Throws ReadError for data that is not gzip.
std::vector<std::byte> inflate_start(const File& file, std::size_t bytes);

/// Decompresses the whole file, and so checks it.
///
/// needed   how many bytes there must be at least
/// dst      room for `room` bytes; what comes after them is dropped, which takes longer
/// memory   the compressed bytes, or pieces of them, from the pool
/// errors   ReadError: fewer than `needed` bytes, a body that ends early, a wrong checksum, other
///          damage, bytes after the last member. std::bad_alloc
void inflate_whole(const File& file, std::size_t needed, void* dst, std::size_t room);

}  // namespace varo

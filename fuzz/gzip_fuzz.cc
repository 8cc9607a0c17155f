// SPDX-License-Identifier: Apache-2.0
// Any bytes as a gzip file: the two ways to decompress give the same bytes, or one of them refuses.
// Then the bytes compressed, as two members: they come back.
#include <algorithm>
#include <cstring>
#include <vector>
#include <zlib.h>

#include "formats/fuzzing.h"
#include "formats/gzip.h"

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kRoom = std::size_t{1} << 16;

bool holds(const varo::File& file, std::size_t bytes, std::size_t room) {
  Bytes whole(room);
  bool enough = false;
  varo::testing::read_or_refuse([&] {
    varo::inflate_whole(file, bytes, whole.data(), room);
    enough = true;
  });
  return enough;
}

// A file that both ways decompress: the first `bytes` bytes, which must be the same.
Bytes start_of(const varo::File& file, std::size_t bytes) {
  Bytes start = varo::inflate_start(file, bytes), whole(kRoom);
  varo::inflate_whole(file, start.size(), whole.data(), whole.size());
  if (start.size() > bytes || !std::equal(start.begin(), start.end(), whole.begin())) std::abort();
  if (start.size() < bytes && holds(file, start.size() + 1, kRoom)) std::abort();
  return start;
}

void append_member(std::vector<std::uint8_t>& to, const std::uint8_t* data, std::size_t size) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  const std::size_t before = to.size();
  to.resize(before + deflateBound(&stream, static_cast<uLong>(size)));
  stream.next_in = const_cast<Bytef*>(data);
  stream.avail_in = static_cast<uInt>(size);
  stream.next_out = to.data() + before;
  stream.avail_out = static_cast<uInt>(to.size() - before);
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  to.resize(before + stream.total_out);
  deflateEnd(&stream);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const varo::testing::MemoryFile file(data, size);
  varo::testing::read_or_refuse([&] { start_of(varo::File(file.path()), 348); });

  const std::size_t count = std::min(size, kRoom), half = count / 2;
  std::vector<std::uint8_t> members;
  append_member(members, data, half);
  append_member(members, data + half, count - half);
  const varo::testing::MemoryFile compressed(members.data(), members.size());
  const varo::File back(compressed.path());
  const Bytes start = start_of(back, count + 1);
  if (start.size() != count || (count > 0 && std::memcmp(start.data(), data, count) != 0))
    std::abort();
  if (!holds(back, count, count) || holds(back, count + 1, kRoom)) std::abort();
  if (count > 0 && !holds(back, count - 1, count - 1)) std::abort();  // the last byte is dropped
  return 0;
}

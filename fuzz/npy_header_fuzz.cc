// SPDX-License-Identifier: Apache-2.0
// Any text as the description of an array in a .npy file: the magic, the version and the length,
// which made-up bytes seldom get right, are put in front of it.
#include <cstring>

#include "formats/fuzzing.h"
#include "formats/npy/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes("\x93NUMPY\x02\x00", 8);
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(size >> (8 * i) & 0xFF);
  bytes.append(reinterpret_cast<const char*>(data), size);
  const std::span<const std::byte> file = std::as_bytes(std::span(bytes));
  constexpr std::int64_t kFileBytes = std::int64_t{1} << 40;
  varo::testing::read_or_refuse([&] {
    const std::size_t header_bytes = varo::npy_header_bytes(file.first(12), "a.npy");
    if (header_bytes != bytes.size()) std::abort();
    const varo::NpyHeader header = varo::parse_npy(file, kFileBytes, "a.npy");
    std::int64_t end = static_cast<std::int64_t>(varo::size_of(header.dtype));
    for (const std::int64_t extent : header.shape)
      if (extent < 0 || __builtin_mul_overflow(end, extent, &end)) std::abort();
    if (header.data_offset != static_cast<std::int64_t>(bytes.size()) ||
        end > kFileBytes - header.data_offset)
      std::abort();
  });
  return 0;
}

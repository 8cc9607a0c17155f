// SPDX-License-Identifier: Apache-2.0
/// What a fuzzer of a format does: any bytes are a file that is read, or refused with a ReadError.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/parallel.h"
#include "formats/testing.h"
#include "varo/error.h"

namespace varo::testing {

/// Does `body`; a ReadError is an answer, any other error ends the process.
template <class Body>
void read_or_refuse(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::read) std::abort();
  }
}

/// Opens the bytes as a file and reads all of it, then a part of it that is flipped.
///
/// open   Tensor(const std::string& path): the file as a deferred tensor
template <class Open>
int read_file_or_refuse(const std::uint8_t* data, std::size_t size, const Open& open) {
  const MemoryFile file(data, size);
  read_or_refuse([&] {
    const Tensor whole = open(file.path());
    read_whole(whole, Parallel::serial());
    Tensor part = whole;
    for (int axis = 0; axis < whole.rank(); ++axis) {
      const std::int64_t extent = whole.shape()[axis];
      part = part.sliced(axis, extent / 3, extent - extent / 3).flipped(axis);
    }
    read_whole(part, Parallel::serial());
  });
  return 0;
}

}  // namespace varo::testing

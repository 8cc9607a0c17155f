// SPDX-License-Identifier: Apache-2.0
/// NumPy's .npy files, versions 1 to 3.
///
/// source  NEP 1 and numpy.lib.format: "\x93NUMPY", version, header length (2 or 4 bytes, little
///         endian), a Python dict literal with descr, fortran_order and shape, the elements
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "formats/file.h"
#include "varo/tensor.h"

namespace varo {

struct NpyHeader {
  DType dtype = DType::u8;
  Shape shape;                 ///< as NumPy shows it
  bool fortran_order = false;  ///< the first axis varies fastest in the file
  bool swapped = false;        ///< stored in the other byte order than this machine's
  std::int64_t data_offset = 0;
  std::string path;  ///< the file that the header was read from
  FileId file;       ///< its state

  /// The file is (still) in this state. Throws ReadError where it is missing.
  bool current() const;
};

/// How many bytes from the start hold the header, from the first min(12, size) bytes.
/// Throws ReadError; `name` is the file's in messages.
std::size_t npy_header_bytes(std::span<const std::byte> start, std::string_view name);

/// Reads the header that `bytes` begins with. `size` is the number of bytes of the whole file; a
/// header that promises more is refused. Leaves `path` and `file` alone. Throws ReadError.
NpyHeader parse_npy(std::span<const std::byte> bytes, std::int64_t size, std::string_view name);

/// Opens the file and reads no more than its header. Throws ReadError.
NpyHeader probe_npy(const std::string& path);

/// The array as a deferred tensor of header.shape, without layout; its source name is the path.
/// Regions are read when asked for, in the file's own axis order.
Tensor npy_tensor(const std::string& path, const NpyHeader& header);

}  // namespace varo

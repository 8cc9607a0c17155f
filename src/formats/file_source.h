// SPDX-License-Identifier: Apache-2.0
/// Sources whose elements lie in a file, and how to know them again without reading.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "formats/file.h"
#include "formats/raw_array.h"
#include "varo/tensor.h"

namespace varo {

/// A source that knows which bytes of which files a read will take.
class AdvisedSource : public Source {
 public:
  /// Asks the system to fetch what read(box) will read, if it is not in the page cache and no more
  /// than `most` bytes. Returns the bytes asked for, 0 or up to `most`. Throws ReadError when a file
  /// is not in the state in which its header was read.
  virtual std::int64_t advise(const Box& box, std::int64_t most) const = 0;
};

/// An array in a file that was in the state `id` when its header was read. The file is opened for
/// each use and refused in any other state.
class FileSource : public AdvisedSource {
 public:
  DType dtype() const final { return array_.dtype(); }
  const Shape& shape() const final { return array_.shape; }
  const std::string& path() const { return path_; }
  const FileId& id() const { return id_; }
  const RawArray& array() const { return array_; }

  /// The file is (still) in the state `id`. Asks the system, reads nothing, throws nothing.
  bool unchanged() const;

 protected:
  FileSource(std::string path, const FileId& id, RawArray array);

  const std::string path_;
  const FileId id_;
  const RawArray array_;
};

/// Where the elements of a tensor come from.
struct FileOrigin {
  const FileSource* source;
  /// The file's absolute path and state, the array in it, the view of that: bytes that can be
  /// compared and stored. Tensors of equal keys have equal elements.
  std::string key;
  bool whole;  ///< every element of the file is seen, and nothing else
};

/// The origin of a tensor that a file's bytes alone determine. Nothing for others, and for a file
/// modified within the last two seconds: its time stamp may not tell the next change from this one.
std::optional<FileOrigin> origin_of(const Tensor& tensor);

}  // namespace varo

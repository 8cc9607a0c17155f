// SPDX-License-Identifier: Apache-2.0
#include "formats/file_source.h"

#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

namespace varo {

namespace {

// The coarsest time stamps that file systems keep are two seconds apart.
constexpr std::int64_t kSettled_ns = 2'000'000'000;

bool settled(const FileId& id) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::nanoseconds(now).count() - id.modified_ns > kSettled_ns;
}

void put(std::string& key, std::int64_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  key.append(bytes, sizeof number);
}

void put(std::string& key, double number) {
  std::int64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  put(key, bits);
}

void put(std::string& key, const Dims& dims) {
  put(key, std::int64_t{dims.rank()});
  for (const std::int64_t value : dims) put(key, value);
}

void put(std::string& key, DType dtype) { put(key, static_cast<std::int64_t>(dtype)); }

}  // namespace

FileSource::FileSource(std::string path, const FileId& id, RawArray array)
    : path_(std::move(path)), id_(id), array_(std::move(array)) {}

bool FileSource::unchanged() const {
  try {
    return file_id(path_) == id_;
  } catch (const Error&) {
    return false;
  }
}

std::optional<FileOrigin> origin_of(const Tensor& tensor) {
  if (!tensor.deferred()) return std::nullopt;
  const auto [any, box] = tensor.fetch();
  const auto* source = dynamic_cast<const FileSource*>(any);
  if (source == nullptr || !settled(source->id())) return std::nullopt;

  const RawArray& array = source->array();
  std::error_code unknown;
  const std::string path = std::filesystem::absolute(source->path(), unknown).string();
  if (unknown) return std::nullopt;
  std::string key;
  put(key, static_cast<std::int64_t>(path.size()));
  key += path;
  put(key, source->id().size);
  put(key, source->id().modified_ns);
  put(key, static_cast<std::int64_t>(source->id().inode));
  put(key, source->id().changed_ns);
  put(key, array.offset);
  put(key, array.stored);
  put(key, array.shape);
  put(key, std::int64_t{array.swapped});
  put(key, std::int64_t{array.scaled});
  put(key, array.slope);
  put(key, array.intercept);

  // How the tensor walks the box, as it would if the box lay dense at address 0.
  const Shape extents = box.extents();
  const ConstView nowhere{nullptr, source->dtype(), extents, dense_strides(extents)};
  const Tensor seen = tensor.fetched(Tensor::wrap(nowhere, nullptr));
  const auto [inside, shape, valid, fill] = seen.padded_view();
  put(key, box.lo);
  put(key, box.hi);
  put(key, tensor.dtype());
  put(key, shape);
  put(key, inside.strides);
  put(key, static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(inside.data)));
  put(key, valid.lo);
  put(key, valid.hi);
  put(key, static_cast<std::int64_t>(fill));

  const bool whole =
      !tensor.padded() && volume(tensor.shape()) == volume(array.shape) && extents == array.shape;
  return FileOrigin{source, std::move(key), whole};
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// Component tables that outlive the process, in a folder.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/label/label.h"

namespace varo {

/// A folder with one small file a table, named by the fingerprint of the table's key.
///
///   file      a number that tells format, version and byte order; length of the key; the key;
///             the table; a fingerprint of all that
///   writing   to a file of another name, which then takes the place of the old one: a reader sees
///             all of a table or none, whichever processes write. Files of that other name older
///             than an hour, which killed processes left, are removed before the first
///   reading   anything but an intact table of just this key, sound for labels of just this shape,
///             counts as missing, so a damaged or hostile file costs time, not memory safety
///
/// Safe from any thread and process.
class ComponentStore {
 public:
  using Table = std::shared_ptr<const ComponentTable>;

  /// Touches nothing yet. Throws ParamError for a name that cannot be a folder's.
  explicit ComponentStore(std::string folder);

  /// The key of a label map's origin with a background.
  static std::string key_of(const std::string& origin, std::int64_t background);

  /// Null where there is none.
  Table load(const std::string& key, const Shape& labels) const;
  /// Makes the folder if it is missing. What the system refuses is told on stderr, once.
  void save(const std::string& key, const ComponentTable& table) const;
  /// Where the table of `key` lies.
  std::string path_of(const std::string& key) const;

 private:
  void write(const std::string& key, const std::string& bytes) const;
  void remove_old_drafts() const;

  const std::string folder_;
  mutable std::atomic<bool> warned_{false}, tidied_{false};
};

}  // namespace varo

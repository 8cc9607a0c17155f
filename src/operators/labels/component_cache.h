// SPDX-License-Identifier: Apache-2.0
/// Component tables of label maps seen before.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/hash.h"
#include "kernels/label/label.h"

namespace varo {

/// A map of bounded size that forgets what was not asked for the longest. Safe from any thread.
class ComponentCache {
 public:
  using Table = std::shared_ptr<const ComponentTable>;

  explicit ComponentCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Null if there is none.
  Table find(const Hash128& key);
  /// Keeps it, unless it is larger than the whole cache.
  void insert(const Hash128& key, Table table);
  std::size_t bytes() const;

 private:
  struct Entry {
    Hash128 key;
    Table table;
    std::size_t bytes;
  };
  struct Low {
    std::size_t operator()(const Hash128& h) const { return static_cast<std::size_t>(h.lo); }
  };
  mutable std::mutex mutex_;
  std::list<Entry> recent_;  // latest first
  std::unordered_map<Hash128, std::list<Entry>::iterator, Low> where_;
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
};

}  // namespace varo

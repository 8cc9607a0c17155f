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

inline ComponentCache::Table ComponentCache::find(const Hash128& key) {
  const std::lock_guard lock(mutex_);
  const auto at = where_.find(key);
  if (at == where_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, at->second);
  return at->second->table;
}

inline void ComponentCache::insert(const Hash128& key, Table table) {
  constexpr std::size_t kOverhead = 256;  // list node, map node and bucket
  const std::size_t bytes = table->bytes() + kOverhead;
  const std::lock_guard lock(mutex_);
  if (bytes > most_bytes_ || where_.contains(key)) return;
  recent_.push_front({key, std::move(table), bytes});
  where_.emplace(key, recent_.begin());
  for (bytes_ += bytes; bytes_ > most_bytes_; recent_.pop_back()) {
    bytes_ -= recent_.back().bytes;
    where_.erase(recent_.back().key);
  }
}

inline std::size_t ComponentCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace varo

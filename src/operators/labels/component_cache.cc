// SPDX-License-Identifier: Apache-2.0
#include "operators/labels/component_cache.h"

#include <utility>

namespace varo {

ComponentCache::Table ComponentCache::find(const Hash128& key) {
  const std::lock_guard lock(mutex_);
  const auto at = where_.find(key);
  if (at == where_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, at->second);
  return at->second->table;
}

void ComponentCache::insert(const Hash128& key, Table table) {
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

std::size_t ComponentCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace varo

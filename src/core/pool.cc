// SPDX-License-Identifier: Apache-2.0
#include "core/pool.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <vector>

namespace varo {

namespace {

constexpr std::size_t kPadding = 64;                 // readable and writable past the end
constexpr std::size_t kHuge = std::size_t{2} << 20;  // from here on, whole huge pages

// Eight classes to the doubling: at most an eighth of a buffer is waste.
std::size_t rounded(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes + kPadding, 256);
  std::size_t step = std::size_t{1} << (63 - __builtin_clzll(bytes));
  step = std::max<std::size_t>(step / 8, 64);
  if (bytes > kHuge) step = std::max<std::size_t>(step, 4096);
  return (bytes + step - 1) / step * step;
}

void* system_allocate(std::size_t bytes) {
  void* p = std::aligned_alloc(bytes >= kHuge ? kHuge : 64,
                               bytes >= kHuge ? (bytes + kHuge - 1) / kHuge * kHuge : bytes);
  if (p == nullptr) throw std::bad_alloc();
  if (bytes >= kHuge) madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

}  // namespace

struct BufferPool::Impl {
  struct Free {
    void* memory;
    std::uint64_t returned;  // when, for evicting the longest unused first
  };
  std::mutex mutex;
  std::multimap<std::size_t, Free> free;  // by size
  PoolStats stats;
  std::size_t ever_high_water = 0;
  std::uint64_t clock = 0;

  // Takes unused buffers out until `incoming` more bytes keep the bound; the caller frees them.
  std::vector<void*> evict_for(std::size_t incoming) {
    std::vector<void*> victims;
    const std::size_t bound = ever_high_water + ever_high_water / 4;
    while (!free.empty() &&
           stats.reserved_bytes + incoming > std::max(bound, stats.in_use_bytes + incoming)) {
      const auto oldest = std::min_element(
          free.begin(), free.end(),
          [](const auto& a, const auto& b) { return a.second.returned < b.second.returned; });
      stats.reserved_bytes -= oldest->first;
      victims.push_back(oldest->second.memory);
      free.erase(oldest);
    }
    return victims;
  }

  void give_back(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex);
    stats.in_use_bytes -= bytes;
    free.emplace(bytes, Free{memory, ++clock});
  }
};

BufferPool::BufferPool() : impl_(std::make_unique<Impl>()) {}
BufferPool::~BufferPool() = default;

BufferPool& BufferPool::host() {
  static auto* pool = new BufferPool;  // never destroyed: buffers may come back at any time
  return *pool;
}

std::shared_ptr<void> BufferPool::get(std::size_t bytes) {
  if (bytes > (std::size_t{1} << 47)) throw std::bad_alloc();
  const std::size_t need = rounded(bytes);
  std::size_t size = need;
  void* memory = nullptr;
  std::vector<void*> victims;
  Impl& impl = *impl_;
  {
    const std::lock_guard lock(impl.mutex);
    // The smallest buffer that is large enough, unless most of it would lie idle.
    const auto fit = impl.free.lower_bound(need);
    if (fit != impl.free.end() && fit->first <= need + need / 2 + 4096) {
      size = fit->first;
      memory = fit->second.memory;
      impl.free.erase(fit);
    } else {
      victims = impl.evict_for(need);
      impl.stats.reserved_bytes += need;
      ++impl.stats.allocations;
    }
    ++impl.stats.requests;
    impl.stats.in_use_bytes += size;
    impl.stats.high_water_bytes = std::max(impl.stats.high_water_bytes, impl.stats.in_use_bytes);
    impl.ever_high_water = std::max(impl.ever_high_water, impl.stats.in_use_bytes);
  }
  for (void* victim : victims) std::free(victim);
  if (memory == nullptr) {
    try {
      memory = system_allocate(size);
    } catch (...) {
      const std::lock_guard lock(impl.mutex);
      impl.stats.in_use_bytes -= size;
      impl.stats.reserved_bytes -= size;
      throw;
    }
  }
  return {memory, [&impl, size](void* p) { impl.give_back(p, size); }};
}

PoolStats BufferPool::stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

void BufferPool::reset_high_water() {
  const std::lock_guard lock(impl_->mutex);
  impl_->stats.high_water_bytes = impl_->stats.in_use_bytes;
}

void BufferPool::trim() {
  std::multimap<std::size_t, Impl::Free> unused;
  {
    const std::lock_guard lock(impl_->mutex);
    unused.swap(impl_->free);
    for (const auto& [size, buffer] : unused) impl_->stats.reserved_bytes -= size;
  }
  for (const auto& [size, buffer] : unused) std::free(buffer.memory);
}

}  // namespace varo

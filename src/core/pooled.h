// SPDX-License-Identifier: Apache-2.0
/// Standard containers in memory of the pool.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/pool.h"

namespace varo {

/// An allocator that takes what is larger than 4 KiB from BufferPool::host(), so that tables made
/// anew for every sample touch no new pages. The holder of a buffer lies in front of the elements.
template <class T>
struct PoolAllocator {
  using value_type = T;
  static constexpr std::size_t kFront = 64;
  static_assert(alignof(T) <= kFront && sizeof(std::shared_ptr<void>) <= kFront);

  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}  // NOLINT: converts, as every allocator does

  T* allocate(std::size_t n) {
    if (n > (static_cast<std::size_t>(-1) - kFront) / sizeof(T)) throw std::bad_alloc();
    std::shared_ptr<void> buffer = BufferPool::host().get(n * sizeof(T) + kFront);
    void* const memory = buffer.get();
    new (memory) std::shared_ptr<void>(std::move(buffer));
    return reinterpret_cast<T*>(static_cast<std::byte*>(memory) + kFront);
  }
  void deallocate(T* elements, std::size_t /*n*/) noexcept {
    void* const memory = reinterpret_cast<std::byte*>(elements) - kFront;
    auto* const front = static_cast<std::shared_ptr<void>*>(memory);
    const std::shared_ptr<void> buffer = std::move(*front);
    std::destroy_at(front);
  }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

template <class T>
using PooledVector = std::vector<T, PoolAllocator<T>>;

/// `n` elements, not initialised.
template <class T>
requires std::is_trivially_copyable_v<T> std::shared_ptr<T[]> pooled_array(std::size_t n) {
  const std::shared_ptr<void> buffer = BufferPool::host().get(n * sizeof(T));
  return {buffer, static_cast<T*>(buffer.get())};
}

}  // namespace varo

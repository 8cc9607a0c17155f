// SPDX-License-Identifier: Apache-2.0
/// Scratch for the blocks of a parallel loop: as many equal pieces as blocks run at once.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace varo {

/// Lends out `count` pieces of `bytes` each. A block that finds none free waits for another block
/// to finish, so a block must not start a parallel loop while it holds a piece.
///
/// count   1 to 64
/// memory  none of its own: the pieces lie in [base, base + count * bytes)
class Slots {
 public:
  Slots(std::byte* base, std::size_t bytes, int count)
      : base_(base),
        bytes_(bytes),
        free_(count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1) {}

  /// Calls body(piece). The piece is free again when that returns or throws.
  template <class Body>
  void with(const Body& body) {
    const Lent lent{*this, take()};
    body(base_ + static_cast<std::size_t>(lent.slot) * bytes_);
  }

 private:
  // Comes back when the body has ended, also by an exception: others wait for it.
  struct Lent {
    Slots& slots;
    int slot;
    ~Lent() { slots.free_.fetch_or(std::uint64_t{1} << slot, std::memory_order_release); }
  };

  int take() {
    std::uint64_t free = free_.load(std::memory_order_relaxed);
    for (;;) {
      if (free == 0) {
        std::this_thread::yield();
        free = free_.load(std::memory_order_relaxed);
      } else if (free_.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire)) {
        return std::countr_zero(free);
      }
    }
  }

  std::byte* base_;
  std::size_t bytes_;
  std::atomic<std::uint64_t> free_;
};

}  // namespace varo

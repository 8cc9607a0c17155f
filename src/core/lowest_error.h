// SPDX-License-Identifier: Apache-2.0
/// Which error of a parallel loop its caller sees.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>

namespace varo {

/// Keeps the error of the lowest block that throws, so that it depends neither on timing nor on the
/// order of blocks. Blocks above one that threw are left out; all below it run.
class LowestError {
 public:
  template <class Body>
  void guard(std::int64_t block, const Body& body) {
    if (block > lowest_.load(std::memory_order_relaxed)) return;
    try {
      body(block);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (block >= lowest_) return;
      lowest_ = block;
      error_ = std::current_exception();
    }
  }
  /// To be called when all blocks are done.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::atomic<std::int64_t> lowest_{std::numeric_limits<std::int64_t>::max()};
  std::exception_ptr error_;
};

}  // namespace varo

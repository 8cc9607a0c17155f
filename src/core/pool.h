// SPDX-License-Identifier: Apache-2.0
/// Buffers that are used again. On a virtual machine a fresh page costs more than the arithmetic on
/// it, so memory that was touched once is kept and handed out again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "varo/device.h"

namespace varo {

struct PoolStats {
  std::size_t in_use_bytes = 0;      ///< handed out now
  std::size_t high_water_bytes = 0;  ///< largest in_use_bytes since the last reset
  std::size_t reserved_bytes = 0;    ///< in use or kept for the next user
  std::uint64_t requests = 0;        ///< buffers handed out so far
  std::uint64_t allocations = 0;     ///< of those, how many needed memory from the system
};

/// One pool a process and device; safe from any thread; buffers may come back from any thread
/// and after every pipeline is gone. Memory is 64-byte aligned, with at least 64 readable and
/// writable bytes past the end of what was asked for.
///
/// bound   reserved stays within 1.25 times the largest in_use since the start: unused buffers go
///         back to the system before a fresh one would break that; first those that a thousand
///         requests had no use for, then the smallest that makes room enough, or the largest where
///         none does. A fresh one takes over their touched huge pages
/// fit     a buffer is used again for a request of two thirds of its size; of half, where a fresh
///         one would break the bound
/// small   buffers of up to 4 KiB come from the C library and are not counted
class BufferPool {
 public:
  /// The pool of host memory, which everybody uses; never destroyed.
  static BufferPool& host();
  /// The pool of a device. Throws Error (device) for pinned memory and CUDA devices: this build has
  /// no back end that could allocate there.
  static BufferPool& of(Device device);
  /// A pool of its own, which must outlive its buffers: for tests.
  BufferPool();
  ~BufferPool();

  /// A buffer of at least `bytes`. Throws std::bad_alloc.
  std::shared_ptr<void> get(std::size_t bytes);
  PoolStats stats() const;
  void reset_high_water();
  /// Gives unused buffers back to the system.
  void trim();

  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace varo

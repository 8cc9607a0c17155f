// SPDX-License-Identifier: Apache-2.0
#include "core/pool.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "varo/error.h"

namespace varo {

namespace {

constexpr std::size_t kPadding = 64;  // readable and writable past the end
constexpr std::size_t kAlign = 64;
constexpr std::size_t kSmall = 4096;                 // up to here the C library does better
constexpr std::size_t kMapped = 256 << 10;           // from here on, whole pages of their own
constexpr std::size_t kHuge = std::size_t{2} << 20;  // from here on, aligned to huge pages
constexpr std::size_t kMost = std::size_t{1} << 47;
constexpr int kClasses = 8 * 48;
constexpr std::uint64_t kStale = 1024;  // requests; some ten batches of a long pipeline

// Eight classes to the doubling: at most an eighth of a buffer is waste. Class c serves requests of
// up to (9 + c % 8) / 8 * 2^(c / 8) bytes; a power of two, the commonest, wastes nothing.
int class_of(std::size_t bytes) {
  const std::size_t last = bytes - 1;
  const int exponent = std::bit_width(last) - 1;
  return exponent * 8 + static_cast<int>(last >> (exponent - 3) & 7);
}
// What a buffer of the class takes: with padding, and whole pages where it is mapped.
std::size_t size_of_class(int c) {
  const std::size_t bytes = static_cast<std::size_t>(9 + c % 8) << (c / 8 - 3);
  if (bytes < kMapped) return bytes + kPadding;
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + kPadding + page - 1) / page * page;
}

void* system_allocate(std::size_t bytes) {
  if (bytes < kMapped) return std::aligned_alloc(kAlign, bytes);
  // Not through the C library: what it frees it may keep, and it aligns by wasting.
  const std::size_t slack = bytes < kHuge ? 0 : kHuge;
  void* const p =
      mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  if (slack == 0) return p;
  const auto begin = reinterpret_cast<std::uintptr_t>(p);
  const std::uintptr_t aligned = (begin + kHuge - 1) / kHuge * kHuge;
  if (aligned > begin) munmap(p, aligned - begin);
  void* const memory = reinterpret_cast<void*>(aligned);
  munmap(static_cast<std::byte*>(memory) + bytes, begin + kHuge - aligned);
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void system_free(void* memory, std::size_t bytes) {
  if (bytes < kMapped)
    std::free(memory);
  else
    munmap(memory, bytes);
}

// Until the system refuses: too many mappings, say.
std::atomic<bool> can_move{true};

// A range of whole huge pages, touched or not.
struct Pages {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
};

// Moves huge pages from the front of `from` to the front of `to`, in place of those there, and
// takes them off both. One a call: pages that were moved before cannot be moved together. False if
// a move failed: then nobody knows whose the pages at the front of `to` are.
bool move_pages(Pages& from, Pages& to) {
  while (from.bytes >= kHuge && to.bytes >= kHuge) {
    if (mremap(from.data, kHuge, kHuge, MREMAP_MAYMOVE | MREMAP_FIXED, to.data) == MAP_FAILED)
      return false;
    from = {from.data + kHuge, from.bytes - kHuge};
    to = {to.data + kHuge, to.bytes - kHuge};
  }
  return true;
}

// Small buffers: one allocation for the memory and the count of its holders.
std::shared_ptr<void> small_buffer(std::size_t bytes) {
  auto block = std::make_shared_for_overwrite<std::byte[]>(bytes + kPadding + kAlign - 1);
  void* memory = block.get();
  std::size_t space = bytes + kPadding + kAlign - 1;
  memory = std::align(kAlign, bytes + kPadding, memory, space);
  return {std::move(block), memory};
}

// A buffer that nobody uses; lies in the buffer itself. Linked twice: in the list of its class,
// latest first, and in the list of all, in order of their return.
struct Unused {
  Unused *class_next, *class_before, *newer, *older;
  int size_class;
  std::uint64_t since;  // the number of requests when it came back
};
static_assert(sizeof(Unused) <= kSmall);

}  // namespace

struct BufferPool::Impl {
  std::mutex mutex;
  Unused* by_class[kClasses] = {};
  std::uint64_t occupied[kClasses / 64] = {};  // classes with unused buffers
  Unused *oldest = nullptr, *newest = nullptr;
  PoolStats stats;
  std::size_t most_in_use_bytes = 0;

  void insert(void* memory, int c) {
    auto* const u = new (memory) Unused{by_class[c], nullptr, nullptr, newest, c, stats.requests};
    if (by_class[c] != nullptr) by_class[c]->class_before = u;
    by_class[c] = u;
    occupied[c / 64] |= std::uint64_t{1} << c % 64;
    (newest != nullptr ? newest->newer : oldest) = u;
    newest = u;
  }

  void remove(Unused* u) {
    const int c = u->size_class;
    if (u->class_next != nullptr) u->class_next->class_before = u->class_before;
    (u->class_before != nullptr ? u->class_before->class_next : by_class[c]) = u->class_next;
    if (by_class[c] == nullptr) occupied[c / 64] &= ~(std::uint64_t{1} << c % 64);
    (u->newer != nullptr ? u->newer->older : newest) = u->older;
    (u->older != nullptr ? u->older->newer : oldest) = u->newer;
  }

  // The smallest unused buffer of class c or above; null if there is none.
  Unused* smallest(int c) const {
    for (int word = c / 64; word < kClasses / 64; ++word) {
      std::uint64_t bits = occupied[word];
      if (word == c / 64) bits &= ~std::uint64_t{0} << c % 64;
      if (bits != 0) return by_class[word * 64 + std::countr_zero(bits)];
    }
    return nullptr;
  }

  // The largest unused buffer; null if there is none.
  Unused* largest() const {
    for (int word = kClasses / 64 - 1; word >= 0; --word)
      if (occupied[word] != 0) return by_class[word * 64 + std::bit_width(occupied[word]) - 1];
    return nullptr;
  }

  // Where a fresh one would cost others their place, half of one is better than new pages.
  Unused* fitting(int c) const {
    Unused* const found = smallest(c);
    const std::size_t size = size_of_class(c);
    const std::size_t most = stats.reserved_bytes + size <= bound() ? size + size / 2 : 2 * size;
    return found != nullptr && size_of_class(found->size_class) <= most ? found : nullptr;
  }

  // Takes unused buffers out until `incoming` more bytes keep the bound. They are chained by
  // class_next; the caller frees them.
  Unused* evict_for(std::size_t incoming) {
    Unused* victims = nullptr;
    while (oldest != nullptr && stats.reserved_bytes + incoming > bound())
      take(next_victim(stats.reserved_bytes + incoming - bound()), victims);
    return victims;
  }
  // The oldest if it is of no use to anybody any more. Otherwise a large one must not go for the
  // room of a small one, or it would be missed in the next batch. Nor many small ones for that of a
  // large one, which takes over the pages of large ones only.
  Unused* next_victim(std::size_t bytes) const {
    if (stats.requests - oldest->since >= kStale) return oldest;
    Unused* const enough = smallest(class_of(std::max(bytes, kSmall)));
    return enough != nullptr ? enough : largest();
  }
  // Buffers larger than asked for raise it, by no more than they are larger.
  std::size_t bound() const { return most_in_use_bytes + most_in_use_bytes / 4; }
  void take(Unused* u, Unused*& victims) {
    remove(u);
    stats.reserved_bytes -= size_of_class(u->size_class);
    u->class_next = victims;
    victims = u;
  }
  static void free_all(Unused* victims) {
    while (victims != nullptr) {
      Unused* const next = victims->class_next;
      system_free(victims, size_of_class(victims->size_class));
      victims = next;
    }
  }

  // Frees the victims, but lets the touched pages of large ones be those of `memory` first, so that
  // it is not touched anew. Returns the most that is left of one.
  static Pages recycle(Unused* victims, void*& memory, std::size_t bytes) {
    Pages to{static_cast<std::byte*>(memory), memory != nullptr && bytes >= kHuge ? bytes : 0};
    Pages left;
    while (victims != nullptr) {
      Unused* const next = victims->class_next;
      const std::size_t size = size_of_class(victims->size_class);
      Pages from{reinterpret_cast<std::byte*>(victims), size};
      if (size >= kHuge) {
        if (!can_move.load(std::memory_order_relaxed)) to = {};
        if (!move_pages(from, to)) {
          // No more of this. Between a failed move and here another thread may have taken the place
          // of the one huge page, which stays mapped therefore.
          can_move = false;
          auto* const begin = static_cast<std::byte*>(std::exchange(memory, nullptr));
          if (to.data != begin) munmap(begin, static_cast<std::size_t>(to.data - begin));
          if (to.bytes > kHuge) munmap(to.data + kHuge, to.bytes - kHuge);
          to = {};
        }
        if (from.bytes > std::max(left.bytes, kHuge)) std::swap(from, left);
      }
      if (size < kMapped)
        std::free(victims);
      else if (from.bytes != 0)
        munmap(from.data, from.bytes);
      victims = next;
    }
    return left;
  }

  // Keeps pages as an unused buffer, as far as the bound allows.
  void keep(Pages pages) {
    if (pages.bytes == 0) return;
    std::size_t kept = 0;
    {
      const std::lock_guard lock(mutex);
      const std::size_t room = bound() - std::min(bound(), stats.reserved_bytes);
      const std::size_t most = std::min(pages.bytes, room);
      int c = class_of(pages.bytes);
      while (size_of_class(c) > most && size_of_class(c) >= kHuge) --c;
      if (size_of_class(c) >= kHuge) {
        kept = size_of_class(c);
        stats.reserved_bytes += kept;
        insert(pages.data, c);
      }
    }
    if (kept < pages.bytes) munmap(pages.data + kept, pages.bytes - kept);
  }

  // Null if there is no memory even without what lies unused.
  void* allocate(std::size_t size) {
    if (void* memory = system_allocate(size)) return memory;
    trim();
    return system_allocate(size);
  }

  void trim() {
    Unused* victims = nullptr;
    {
      const std::lock_guard lock(mutex);
      while (oldest != nullptr) take(oldest, victims);
    }
    free_all(victims);
  }

  void count_use(int c) {
    ++stats.requests;
    stats.in_use_bytes += size_of_class(c);
    stats.high_water_bytes = std::max(stats.high_water_bytes, stats.in_use_bytes);
    most_in_use_bytes = std::max(most_in_use_bytes, stats.in_use_bytes);
  }

  void give_back(void* memory, int c) noexcept {
    const std::lock_guard lock(mutex);
    stats.in_use_bytes -= size_of_class(c);
    insert(memory, c);
  }
};

BufferPool::BufferPool() : impl_(std::make_unique<Impl>()) {}
BufferPool::~BufferPool() { trim(); }

BufferPool& BufferPool::of(Device device) {
  if (device.kind == Device::host) return host();
  throw Error(ErrorKind::device, "this build has no back end that could allocate there")
      .got("a buffer of " + to_string(device) + " memory")
      .allowed("host memory");
}

BufferPool& BufferPool::host() {
  // Never destroyed: buffers may come back at any time.
  static auto* pool = [] {
    auto* made = new BufferPool;
    // A child of fork must not inherit the lock from a thread that it does not have.
    pthread_atfork([] { host().impl_->mutex.lock(); }, [] { host().impl_->mutex.unlock(); },
                   [] { host().impl_->mutex.unlock(); });
    return made;
  }();
  return *pool;
}

std::shared_ptr<void> BufferPool::get(std::size_t bytes) {
  if (bytes <= kSmall) return small_buffer(bytes);
  if (bytes > kMost) throw std::bad_alloc();
  Impl& impl = *impl_;
  int c = class_of(bytes);
  const std::size_t size = size_of_class(c);
  void* memory = nullptr;
  Unused* victims = nullptr;
  {
    const std::lock_guard lock(impl.mutex);
    if (Unused* const fit = impl.fitting(c)) {
      c = fit->size_class;
      impl.remove(fit);
      memory = fit;
      impl.count_use(c);
    } else {
      victims = impl.evict_for(size);
      impl.stats.reserved_bytes += size;
    }
  }
  if (memory == nullptr) {
    memory = impl.allocate(size);
    impl.keep(Impl::recycle(victims, memory, size));
    if (memory == nullptr) memory = impl.allocate(size);
    const std::lock_guard lock(impl.mutex);
    if (memory == nullptr) {  // a request that failed leaves no trace, in the bound least of all
      impl.stats.reserved_bytes -= size;
      throw std::bad_alloc();
    }
    ++impl.stats.allocations;
    impl.count_use(c);
  }
  return {memory, [&impl, c](void* p) { impl.give_back(p, c); }};
}

PoolStats BufferPool::stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

void BufferPool::reset_high_water() {
  const std::lock_guard lock(impl_->mutex);
  impl_->stats.high_water_bytes = impl_->stats.in_use_bytes;
}

void BufferPool::trim() { impl_->trim(); }

}  // namespace varo

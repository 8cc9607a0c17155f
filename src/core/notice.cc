// SPDX-License-Identifier: Apache-2.0
#include "core/notice.h"

#include <atomic>
#include <mutex>
#include <set>
#include <utility>

namespace varo {

namespace {

struct Notices {
  std::mutex mutex;
  std::set<std::string> said;
  std::vector<std::string> waiting;
};
Notices& notices() {
  static auto* all = new Notices;  // outlives threads that end after main()
  return *all;
}
std::atomic<bool> any{false};

}  // namespace

void notice(const std::string& text) {
  Notices& all = notices();
  const std::scoped_lock lock(all.mutex);
  if (!all.said.insert(text).second) return;
  all.waiting.push_back(text);
  any.store(true, std::memory_order_release);
}

bool notices_waiting() { return any.load(std::memory_order_acquire); }

std::vector<std::string> take_notices() {
  Notices& all = notices();
  const std::scoped_lock lock(all.mutex);
  any.store(false, std::memory_order_release);
  return std::exchange(all.waiting, {});
}

}  // namespace varo

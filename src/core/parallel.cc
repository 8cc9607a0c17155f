// SPDX-License-Identifier: Apache-2.0
#include "core/parallel.h"

namespace varo {

namespace {
class Serial final : public Parallel {
 public:
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    for (std::int64_t block = 0; block < blocks; ++block) body(block);
  }
  int width() const override { return 1; }
};
}  // namespace

Parallel& Parallel::serial() {
  static Serial serial;
  return serial;
}

}  // namespace varo

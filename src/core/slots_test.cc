// SPDX-License-Identifier: Apache-2.0
#include "core/slots.h"

#include <array>
#include <gtest/gtest.h>
#include <set>
#include <stdexcept>

namespace varo {
namespace {

TEST(Slots, a_piece_is_lent_once_at_a_time) {
  std::array<std::byte, 64> memory{};
  Slots slots(memory.data(), 16, 4);
  std::set<std::byte*> lent;
  slots.with([&](std::byte* a) { slots.with([&](std::byte* b) { lent = {a, b}; }); });
  EXPECT_EQ(lent.size(), 2U);
  for (std::byte* piece : lent) EXPECT_EQ((piece - memory.data()) % 16, 0);
}

// With one piece, the second call would wait for ever.
TEST(Slots, a_piece_comes_back_from_a_block_that_throws) {
  std::array<std::byte, 16> memory{};
  Slots slots(memory.data(), 16, 1);
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(slots.with([](std::byte*) { throw std::runtime_error("no"); }),
                 std::runtime_error);
  bool ran = false;
  slots.with([&](std::byte* piece) { ran = piece == memory.data(); });
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace varo

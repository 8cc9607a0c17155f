// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/reverse.h"

#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "kernels/testing.h"

namespace varo {
namespace {

template <class T>
void expect_reversed() {
  std::mt19937_64 random(3);
  for (std::size_t count = 0; count <= 2 * 64 / sizeof(T) + 3; ++count) {
    std::vector<T> row(count);
    for (T& x : row) x = static_cast<T>(random());
    const std::vector<T> want(row.rbegin(), row.rend());
    for (const std::size_t shift : {0, 1, 2, 3, 7}) {
      testing::Shifted<T> from(row, shift), to(count, 7 - shift);
      reverse_row(from.data() + count - 1, to.data(), static_cast<std::int64_t>(count), sizeof(T));
      ASSERT_EQ(to.values(), want) << count << " of " << sizeof(T) << " bytes from " << shift;
      ASSERT_TRUE(to.intact()) << count << " of " << sizeof(T) << " bytes from " << shift;
    }
  }
}

TEST(ReverseRow, every_count_and_misalignment_on_every_instruction_set) {
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    expect_reversed<std::uint8_t>();
    expect_reversed<std::uint16_t>();
    expect_reversed<std::uint32_t>();
    expect_reversed<std::uint64_t>();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace
}  // namespace varo

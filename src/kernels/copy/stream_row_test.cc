// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/stream_row.h"

#include <cstring>
#include <gtest/gtest.h>
#include <hwy/cache_control.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "kernels/testing.h"

namespace varo {
namespace {

using Bytes = testing::Shifted<std::uint8_t>;

constexpr std::int64_t kLine = 64;

std::vector<std::uint8_t> random_bytes(std::int64_t count) {
  std::mt19937 random(3);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
  return bytes;
}

template <class Body>
void on_every_target(const Body& body) {
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(StreamRow, copies_from_any_address_and_leaves_what_lies_around) {
  on_every_target([] {
    for (const std::int64_t lines : {0, 1, 2, 3, 5, 7, 63, 65}) {
      const auto want = random_bytes(lines * kLine);
      for (std::size_t shift = 0; shift < kLine; ++shift) {
        Bytes from(want, shift), to(want.size());
        stream_row(from.data(), to.data(), lines * kLine);
        hwy::FlushStream();
        ASSERT_EQ(to.values(), want) << lines << " lines from " << shift;
        ASSERT_TRUE(to.intact()) << lines << " lines from " << shift;
      }
    }
  });
}

TEST(StreamRow, turns_rows_around_past_the_buffer_and_leaves_what_lies_around) {
  on_every_target([] {
    for (const int size : {1, 2, 4, 8}) {
      const auto step = static_cast<std::size_t>(size);
      for (const std::int64_t lines : {0, 1, 2, 3, 5, 63, 64, 65, 127, 129, 193}) {
        const auto row = random_bytes(lines * kLine);
        auto want = row;
        for (std::size_t i = 0; i < row.size(); i += step)
          std::memcpy(&want[i], &row[row.size() - step - i], step);
        for (std::size_t shift = 0; shift < kLine; shift += step) {
          Bytes from(row, shift), to(row.size());
          const std::uint8_t* const last = from.data() + row.size() - step;
          stream_reversed_row(last, to.data(), lines * kLine / size, size);
          hwy::FlushStream();
          ASSERT_EQ(to.values(), want) << lines << " lines of " << size << " from " << shift;
          ASSERT_TRUE(to.intact()) << lines << " lines of " << size << " from " << shift;
        }
      }
    }
  });
}

TEST(StreamRow, takes_whole_lines_only) {
  Bytes at(2 * kLine);
  EXPECT_TRUE(whole_lines(at.data(), 0));
  EXPECT_TRUE(whole_lines(at.data(), kLine));
  EXPECT_TRUE(whole_lines(at.data() + kLine, 3 * kLine));
  EXPECT_FALSE(whole_lines(at.data(), kLine - 1));
  EXPECT_FALSE(whole_lines(at.data() + 1, kLine));
  EXPECT_FALSE(whole_lines(at.data() + kLine / 2, kLine / 2));
}

}  // namespace
}  // namespace varo

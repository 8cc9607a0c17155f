// SPDX-License-Identifier: Apache-2.0
#include "formats/raw_array.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "formats/testing.h"
#include "varo/error.h"

namespace varo {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

void evict(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  ::fsync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

// Whether the file has left the page cache, and would be seen to come back: another one does. To
// ask the file itself could fetch it.
bool evicted(const testing::TempFolder& folder, const std::string& path) {
  evict(path);
  const std::string other = folder.write("other", "1");
  const File file(other);
  char byte;
  file.read(0, &byte, 1);
  if (!file.cached(0)) return false;
  evict(other);
  return !file.cached(0);
}

constexpr const char* kSkip = "files stay in the page cache here, or are not seen in it";

TEST(raw_array, a_read_that_does_not_wait_tells_what_is_cached) {
  const testing::TempFolder folder;
  const std::string path = folder.write("a", std::string(4 * kMiB, '\1'));
  if (!evicted(folder, path)) GTEST_SKIP() << kSkip;
  const File file(path);
  EXPECT_FALSE(file.cached_by_reading(2 * kMiB));
  char byte;
  file.read(2 * kMiB, &byte, 1);
  EXPECT_TRUE(file.cached_by_reading(2 * kMiB));
  EXPECT_TRUE(file.cached(2 * kMiB));
  EXPECT_FALSE(file.cached_by_reading(file.size())) << "there is no such byte";
}

TEST(raw_array, what_is_read_next_can_be_fetched_ahead) {
  const testing::TempFolder folder;
  const RawArray array{.offset = 100, .stored = DType::u16, .shape = {40, 200, 300}};
  const std::string path = folder.write("a", std::string(100 + 40 * 200 * 300 * 2, '\1'));
  const Box box{{10, 20, 30}, {30, 120, 130}};
  if (!evicted(folder, path)) GTEST_SKIP() << kSkip;
  const File file(path);
  reset_io_stats();
  advise_region(file, array, box, kMiB << 10);
  // A plane's rows are one span, with what lies between them.
  EXPECT_EQ(io_stats().advised_bytes, 20U * (99 * 300 + 100) * 2);
  EXPECT_FALSE(file.cached(file.size() - 1)) << "the rest of the file was left alone";
  Tensor read = Tensor::own({DType::u16, box.extents(), {}});
  read_region(file, array, box, read.mutable_view(), Parallel::serial());
  reset_io_stats();
  advise_region(file, array, box, kMiB << 10);
  EXPECT_EQ(io_stats().advised_bytes, 0U) << "it is there";
  EXPECT_LE(io_stats().system_calls, 16U) << "8 where the system tells what is cached";
}

TEST(raw_array, a_long_stretch_comes_without_being_waited_for) {
  const testing::TempFolder folder;
  constexpr std::int64_t kBytes = 20 * kMiB + 5000;
  const RawArray array{.offset = 77, .stored = DType::u8, .shape = {2, kBytes / 2}};
  const std::string path = folder.write("a", std::string(77 + kBytes, '\1'));
  if (!evicted(folder, path)) GTEST_SKIP() << kSkip;
  const File file(path);
  reset_io_stats();
  EXPECT_GE(advise_region(file, array, {{0, 0}, array.shape}, kMiB << 10), kBytes);
  EXPECT_EQ(io_stats().advised_bytes, static_cast<std::uint64_t>(kBytes));
  EXPECT_LE(io_stats().system_calls, 200U);
  const auto all_there = [&] {
    for (std::int64_t at = 77; at < 77 + kBytes; at += 4096)
      if (!file.cached(at)) return false;
    return file.cached(file.size() - 1);
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!all_there() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(all_there());
}

TEST(raw_array, a_point_and_nothing_can_be_fetched_ahead) {
  const testing::TempFolder folder;
  const File file(folder.write("a", std::string(8, '\1')));
  advise_region(file, {.stored = DType::f64}, {}, kMiB);
  advise_region(file, {.stored = DType::u8, .shape = {2, 4}}, {{1, 2}, {1, 4}}, kMiB);
}

// Of a sparse file, so that no disk need hold it; its end is not sparse: holes may count as cached.
TEST(raw_array, too_much_is_not_fetched_ahead_at_all) {
  const testing::TempFolder folder;
  const std::string path = folder.write("a", "");
  const RawArray array{.stored = DType::u8, .shape = {1 << 27, 1 << 15}};
  std::ofstream end(path, std::ios::binary | std::ios::in);
  end.seekp((std::int64_t{1} << 42) - kMiB);
  if (!(end << std::string(kMiB, '\1') << std::flush)) GTEST_SKIP() << "no file of 4 TiB here";
  evict(path);
  const File file(path);
  if (file.cached(file.size() - 1)) GTEST_SKIP() << "files stay in the page cache here";
  const auto last_rows = [](std::int64_t rows) { return Box{{(1 << 27) - rows, 5}, {1 << 27, 6}}; };
  reset_io_stats();
  EXPECT_EQ(advise_region(file, array, {{0, 0}, array.shape}, kMiB << 10), 0);
  // A column: many spans of a byte each, with as many pages.
  EXPECT_EQ(advise_region(file, array, last_rows(1 << 27), kMiB << 10), 0);
  EXPECT_EQ(advise_region(file, array, last_rows(257), kMiB), 0);
  EXPECT_EQ(io_stats().system_calls, 0U);
  EXPECT_EQ(advise_region(file, array, last_rows(256), kMiB), kMiB);
  EXPECT_EQ(io_stats().advised_bytes, 256U);
}

TEST(raw_array, a_large_read_is_shared_out) {
  const testing::TempFolder folder;
  const RawArray array{.stored = DType::u8, .shape = {8, kMiB}};
  const File file(folder.write("a", std::string(8 * kMiB, '\1')));
  Tensor read = Tensor::own({DType::u8, array.shape, {}});
  struct Counting final : Parallel {
    std::int64_t most = 0;
    void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
      most = std::max(most, blocks);
      for (std::int64_t i = blocks; i-- > 0;) body(i);
    }
    int width() const override { return 2; }
  } counting;
  read_region(file, array, {{0, 0}, array.shape}, read.mutable_view(), counting);
  EXPECT_EQ(counting.most, 8);
}

// Whichever thread fails first, the error is that of the first place that cannot be read.
TEST(raw_array, of_several_errors_the_first_in_the_file_is_told) {
  const testing::TempFolder folder;
  const std::string path = folder.write("a", std::string(8 * kMiB, '\1'));
  const RawArray array{.stored = DType::u8, .shape = {8, kMiB}};
  const File file(path);
  std::filesystem::resize_file(path, 3 * kMiB + 5);
  Tensor read = Tensor::own({DType::u8, array.shape, {}});
  struct Backwards final : Parallel {
    void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
      for (std::int64_t i = blocks; i-- > 0;) body(i);
    }
    int width() const override { return 2; }
  } backwards;
  for (Parallel* parallel : {&Parallel::serial(), static_cast<Parallel*>(&backwards)}) {
    try {
      read_region(file, array, {{0, 0}, array.shape}, read.mutable_view(), *parallel);
      FAIL() << "the file is shorter";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("byte 3145733"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "pipeline/read_ahead.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "core/philox.h"
#include "formats/file.h"
#include "formats/testing.h"
#include "pipeline/testing.h"
#include "varo/pipeline.h"

namespace varo {
namespace {

using Reals = std::vector<double>;
constexpr int kFiles = 8, kExtent = 44;

void evict(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  ::fsync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

// A folder of float32 volumes of one size.
class ReadAheadOf : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string header = fmt::format(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({0}, {0}, {0}), }}", kExtent);
    header.resize(117, ' ');
    std::vector<float> voxels(kExtent * kExtent * kExtent);
    for (int k = 0; k < kFiles; ++k) {
      Rng rng({.seed = 5, .sample = static_cast<std::uint64_t>(k)});
      for (float& v : voxels) v = static_cast<float>(rng.uniform());
      folder_.write(name(k), std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n' +
                                 std::string(reinterpret_cast<const char*>(voxels.data()),
                                             voxels.size() * sizeof(float)));
    }
  }
  static std::string name(int k) { return fmt::format("v{}.npy", k); }
  void evict() const {
    for (int k = 0; k < kFiles; ++k) varo::evict(folder_.at(name(k)));
  }

  // One of two random windows, flipped, perhaps blurred; and the mean of another file.
  Pipeline made(PipelineOptions options) const {
    options.batch_size = 3;
    options.seed = 7;
    Pipeline p(options);
    const auto coin = [&p] { return p.add("random.coin_flip", {}, {{"dtype", DType::boolean}}); };
    const auto window = [&p](Node x, Reals range) {
      return p.add("crop", {x},
                   {{"crop", Reals{30, 31, 32}},
                    {"crop_pos_x", p.add("random.uniform", {}, {{"range", range}})}});
    };
    const auto read = [&](bool shuffled) {
      const Node x = p.add("readers.numpy", {},
                           {{"file_root", folder_.path().string()}, {"random_shuffle", shuffled}});
      return p.add("reshape", {x}, {{"layout", "DHW"}});
    };
    const Node x = read(true);
    Node y = p.add("select", {coin(), window(x, {0, 0.3}), window(x, {0.6, 1})});
    y = p.add("flip", {y}, {{"horizontal", coin()}});
    y = p.add("select", {coin(), p.add("gaussian_blur", {y}, {{"sigma", 1.0}}), y});
    p.set_outputs({y, p.add("reductions.mean", {read(false)})});
    return p;
  }

  testing::TempFolder folder_;
};

TEST_F(ReadAheadOf, files_changes_no_byte) {
  Pipeline serial = made({.schedule = Schedule::serial});
  const std::string expected = testing::bytes_of(serial, 5);
  for (const int threads : {1, 2, 5})
    for (const int depth : {1, 3}) {
      evict();
      Pipeline pipe = made({.num_threads = threads, .prefetch_queue_depth = depth});
      EXPECT_EQ(testing::bytes_of(pipe, 5), expected) << threads << " threads, depth " << depth;
    }
}

TEST_F(ReadAheadOf, several_pipelines_that_are_dropped_under_way) {
  Pipeline serial = made({.schedule = Schedule::serial});
  const std::string expected = testing::bytes_of(serial, 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 4; ++round) {
        evict();
        Pipeline pipe = made({.num_threads = 2, .prefetch_queue_depth = 4});
        EXPECT_EQ(testing::bytes_of(pipe, 2), expected);
        for (int more = 0; more < round; ++more) pipe.schedule();
      }
    });
  for (std::thread& thread : threads) thread.join();
}

// More than the address space holds, in a sparse file: no advice is given before that is told.
TEST(ReadAhead, a_region_beyond_memory_costs_few_system_calls) {
  const testing::TempFolder folder;
  constexpr std::int64_t kBytes = std::int64_t{1} << 43;
  constexpr std::int64_t kEnd = 1 << 20;  // not sparse: holes may count as cached
  constexpr int kSamples = 17;
  std::string header =
      fmt::format("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}", kBytes);
  header.resize(117, ' ');
  const std::string path =
      folder.write("v.npy", std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n');
  std::ofstream end(path, std::ios::binary | std::ios::in);
  end.seekp(kBytes + 128 - kEnd);
  if (!(end << std::string(kEnd, '\1') << std::flush)) GTEST_SKIP() << "no file of 8 TiB here";
  evict(path);
  Pipeline p({.batch_size = kSamples, .num_threads = 2, .prefetch_queue_depth = 1});
  p.set_outputs({p.add("readers.numpy", {}, {{"file_root", folder.path().string()}})});
  reset_io_stats();
  try {
    p.run();
    FAIL() << "no machine holds it";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("out of memory"), std::string::npos) << error.what();
  }
  EXPECT_EQ(io_stats().advised_bytes, 0U);
  EXPECT_LE(io_stats().system_calls, 16U * kSamples);
}

}  // namespace
}  // namespace varo

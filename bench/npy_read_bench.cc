// SPDX-License-Identifier: Apache-2.0
// Reads of regions of a .npy file: by pread in spans, as varo::npy_tensor does it, and through a
// mapping, as an alternative. One read is one sample's: open, read, close. The file is in the page
// cache, or (cold) the kernel is told to drop it from there before each read.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "core/parallel.h"
#include "core/pool.h"
#include "formats/file.h"
#include "formats/npy/npy.h"
#include "formats/testing.h"
#include "kernels/copy/copy.h"

namespace varo {
namespace {

constexpr std::int64_t kShape[] = {4, 155, 240, 240};  // one BraTS case, 136 MiB
constexpr std::int64_t kHeader = 128;

// Made once, removed when the program ends.
const std::string& volume_file() {
  static const varo::testing::TempFolder folder;
  static const std::string path = [] {
    std::string header = "\x93NUMPY\x01";
    header += std::string("\0\x76\0", 3);
    header += "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 155, 240, 240), }";
    header.resize(kHeader - 1, ' ');
    header += '\n';
    std::string voxels(4 * 155 * 240 * 240 * sizeof(float), 'v');
    return folder.write("volume.npy", header + voxels);
  }();
  return path;
}

// Regions by number: a training crop, a small one, everything, one plane across the rows.
Box region(std::int64_t number) {
  switch (number) {
    case 0:
      return {{0, 13, 56, 56}, {4, 141, 184, 184}};
    case 1:
      return {{0, 60, 100, 100}, {4, 92, 132, 132}};
    case 2:
      return {{0, 0, 0, 0}, {4, 155, 240, 240}};
    default:
      return {{0, 0, 0, 120}, {4, 155, 240, 121}};
  }
}

void drop_if_cold(benchmark::State& state) {
  if (state.range(1) == 0) return;
  state.PauseTiming();
  const int fd = open(volume_file().c_str(), O_RDONLY | O_CLOEXEC);
  fdatasync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
  state.ResumeTiming();
}

void finish(benchmark::State& state, const Box& box) {
  state.SetLabel(to_string(box.extents()));
  state.SetBytesProcessed(state.iterations() * volume(box.extents()) * 4);
}

void by_pread(benchmark::State& state) {
  const Box box = region(state.range(0));
  const NpyHeader header = probe_npy(volume_file());
  reset_io_stats();
  for (auto _ : state) {
    drop_if_cold(state);
    const Tensor t = npy_tensor(volume_file(), header);
    const Tensor out = Tensor::own({DType::f32, box.extents(), {}});
    t.fetch().source->read(box, out.mutable_view(), Parallel::serial());
  }
  finish(state, box);
  state.counters["MiB"] =
      benchmark::Counter(static_cast<double>(io_stats().requested_bytes) / (1 << 20),
                         benchmark::Counter::kAvgIterations);
  state.counters["calls"] = benchmark::Counter(static_cast<double>(io_stats().system_calls),
                                               benchmark::Counter::kAvgIterations);
}

void by_mmap(benchmark::State& state) {
  const Box box = region(state.range(0));
  const Shape shape{kShape[0], kShape[1], kShape[2], kShape[3]};
  const std::size_t bytes = static_cast<std::size_t>(kHeader + volume(shape) * 4);
  for (auto _ : state) {
    drop_if_cold(state);
    const int fd = open(volume_file().c_str(), O_RDONLY | O_CLOEXEC);
    void* map = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    const Strides strides = dense_strides(shape);
    std::int64_t first = 0;
    for (int axis = 0; axis < 4; ++axis) first += box.lo[axis] * strides[axis];
    const auto* data = static_cast<const std::byte*>(map) + kHeader + first * 4;
    const Tensor out = Tensor::own({DType::f32, box.extents(), {}});
    copy({data, DType::f32, box.extents(), strides}, out.mutable_view(), Parallel::serial());
    munmap(map, bytes);
    close(fd);
  }
  finish(state, box);
}

// One read of so many bytes: where it costs twice an empty one, a gap of that size costs as much to
// read over as another call.
void one_read(benchmark::State& state) {
  const File file(volume_file());
  const auto buffer = BufferPool::host().get(static_cast<std::size_t>(state.range(0)));
  std::int64_t at = 0;
  for (auto _ : state) {
    file.read(at, buffer.get(), static_cast<std::size_t>(state.range(0)));
    at = (at + (std::int64_t{1} << 20)) % (std::int64_t{128} << 20);
  }
}

void regions(benchmark::internal::Benchmark* b) {
  b->ArgNames({"region", "cold"})
      ->ArgsProduct({{0, 1, 2, 3}, {0, 1}})
      ->Unit(benchmark::kMillisecond);
}
BENCHMARK(by_pread)->Apply(regions);
BENCHMARK(by_mmap)->Apply(regions);
BENCHMARK(one_read)->RangeMultiplier(4)->Range(64, 1 << 20);

}  // namespace
}  // namespace varo

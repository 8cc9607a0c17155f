// SPDX-License-Identifier: Apache-2.0
// Pipelines that have met their shapes allocate nothing above 4 KiB: this program's malloc counts. And
// what becomes of memory that runs out: it refuses.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <execinfo.h>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "core/philox.h"
#include "core/pool.h"
#include "formats/gzip.h"
#include "formats/testing.h"
#include "varo/pipeline.h"

// --- the counting C library, for everything in this process --------------------------------------

namespace {

constexpr std::size_t kLarge = 4096;
std::atomic<bool> counting{false};
std::atomic<int> large_allocations{0};
std::atomic<std::size_t> refused_from{SIZE_MAX};  // bytes that malloc does not give
struct Place {
  std::size_t bytes;
  std::array<void*, 12> frames;
  int depth;
};
std::array<Place, 64> places;  // of the first ones, for the message

void count(std::size_t bytes) {
  thread_local bool inside = false;
  if (bytes <= kLarge || inside || !counting.load(std::memory_order_relaxed)) return;
  inside = true;  // backtrace() may allocate
  const auto at = static_cast<std::size_t>(large_allocations.fetch_add(1));
  if (at < places.size()) {
    Place& place = places[at];
    place.bytes = bytes;
    place.depth = backtrace(place.frames.data(), static_cast<int>(place.frames.size()));
  }
  inside = false;
}

// The function that returns to `address`. backtrace_symbols() knows no hidden one.
std::string function_at(void* address) {
  Dl_info object{};
  if (dladdr(address, &object) == 0) return "?";
  const auto offset = static_cast<char*>(address) - static_cast<char*>(object.dli_fbase) - 1;
  std::array<char, 1024> text{};
  std::snprintf(text.data(), text.size(), "addr2line -Cfe '%s' %#lx", object.dli_fname,
                static_cast<unsigned long>(offset));
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(text.data(), "r"), &pclose);
  if (!pipe || std::fgets(text.data(), static_cast<int>(text.size()), pipe.get()) == nullptr)
    return object.dli_fname;
  return std::string(text.data()).substr(0, std::string(text.data()).find('\n'));
}

}  // namespace

extern "C" {
// NOLINTBEGIN: the names are glibc's
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
// NOLINTEND

void* malloc(std::size_t bytes) {
  count(bytes);
  if (bytes >= refused_from.load(std::memory_order_relaxed)) return nullptr;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  count(n * bytes);
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, std::size_t bytes) {
  count(bytes);
  return __libc_realloc(p, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count(bytes);
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count(bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) {
  count(bytes);
  *p = __libc_memalign(alignment, bytes);
  return *p == nullptr ? ENOMEM : 0;
}
void* mmap(void* at, std::size_t bytes, int access, int flags, int file, off_t offset) noexcept {
  if ((flags & MAP_ANONYMOUS) != 0) count(bytes);
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, bytes, access, flags, file, offset));
}
}

namespace varo {
namespace {

using Reals = std::vector<double>;
using Integers = std::vector<std::int64_t>;

constexpr std::int64_t kPatch = 40;

class Steady : public ::testing::TestWithParam<Schedule> {
 protected:
  void SetUp() override {
    for (int k = 0; k < 4; ++k) {
      const int d = 42 + k, h = 46 - k, w = 44 + 2 * k;
      write<float>("image", k, "<f4", {4, d, h, w});
      write<std::uint8_t>("label", k, "|u1", {d, h, w});
    }
  }

  // Uniform numbers in [0, 1); for integers zeros, with a few plates of ones.
  template <class T>
  void write(const char* kind, int number, const char* type, const Integers& shape) {
    std::string extents;
    std::int64_t count = 1;
    for (const std::int64_t n : shape) {
      extents += std::to_string(n) + ", ";
      count *= n;
    }
    std::string header = std::string("{'descr': '") + type +
                         "', 'fortran_order': False, 'shape': (" + extents + "), }";
    header.resize(117, ' ');
    std::vector<T> voxels(static_cast<std::size_t>(count));
    Rng rng({.seed = 5, .sample = static_cast<std::uint64_t>(number)});
    for (std::int64_t i = 0; i < count; ++i)
      voxels[static_cast<std::size_t>(i)] = std::is_integral_v<T>
                                                ? static_cast<T>(i % (count / 5) < count / 40)
                                                : static_cast<T>(rng.uniform());
    folder_.write(
        std::string(kind) + "/" + std::to_string(number) + ".npy",
        std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n' +
            std::string(reinterpret_cast<const char*>(voxels.data()), voxels.size() * sizeof(T)));
  }

  Pipeline make() const {
    return Pipeline({.batch_size = 2,
                     .num_threads = 2,
                     .seed = 11,
                     .prefetch_queue_depth = 3,
                     .schedule = GetParam()});
  }

  // Runs until nothing new has been met for a while; then only the pool may ask for memory, and in
  // order on one thread not even that.
  static void expect_steady(Pipeline& pipe) {
    BufferPool& pool = BufferPool::host();
    for (int i = 0; i < 60; ++i) pipe.run();
    std::uint64_t last = pool.stats().allocations;
    const std::uint64_t before = last;
    large_allocations = 0;
    counting = true;
    int quiet = 0, longest = 0;
    for (int i = 0; i < 100; ++i) {
      pipe.run();
      const std::uint64_t now = pool.stats().allocations;
      quiet = now == last ? quiet + 1 : 0;
      longest = std::max(longest, quiet);
      last = now;
    }
    pipe.close();  // what is under way counts as well
    counting = false;
    const int of_pool = static_cast<int>(pool.stats().allocations - before);
    EXPECT_EQ(large_allocations, of_pool) << "others than the pool's";
    // Which samples meet in memory is chance where two threads make them.
    EXPECT_GE(longest, 10) << of_pool << " buffers were made in 100 batches";
    if (large_allocations == of_pool) return;
    for (int i = 0; i < std::min(large_allocations.load(), 64); ++i) {
      const Place& place = places[static_cast<std::size_t>(i)];
      std::string text = std::to_string(place.bytes) + " bytes from";
      for (int k = 2; k < place.depth; ++k)
        text += "\n  " + function_at(place.frames[static_cast<std::size_t>(k)]);
      if (text.find("BufferPool") == std::string::npos) ADD_FAILURE() << text;
    }
  }

  testing::TempFolder folder_;
};

// The words that the graphs below share.
struct Graph {
  Pipeline& p;
  std::string folder;

  Node uniform(double lo, double hi) const {
    return p.add("random.uniform", {}, {{"range", Reals{lo, hi}}});
  }
  Node coin(double probability = 0.5) const {
    return p.add("random.coin_flip", {}, {{"probability", probability}, {"dtype", DType::boolean}});
  }
  Node choose(Node yes, Node no) const { return p.add("select", {coin(), yes, no}); }
  Node read(const char* kind, const char* layout) const {
    const Node x = p.add("readers.numpy", {},
                         {{"file_root", folder + "/" + kind},
                          {"random_shuffle", true},
                          {"shuffle_after_epoch", false},
                          {"seed", 1}});
    return p.add("reshape", {x}, {{"layout", layout}});
  }
  Node cropped(Node x, Node start, const Integers& axes) const {
    return p.add("slice", {x},
                 {{"start", start},
                  {"shape", Integers{kPatch, kPatch, kPatch}},
                  {"axes", axes},
                  {"out_of_bounds_policy", "pad"}});
  }
  Node start_of_object(Node label, bool cached) const {
    const Node box = p.add("segmentation.random_object_bbox", {label},
                           {{"foreground_prob", 0.4}, {"cache_objects", cached}});
    return p.add("roi_random_crop", {label},
                 {{"roi_start", box},
                  {"roi_shape", Node{box.id, 1}},
                  {"crop_shape", Integers{kPatch, kPatch, kPatch}}});
  }
  Node resized(Node x, Argument size, int interp) const {
    return p.add(
        "resize", {x},
        {{"resize_x", size}, {"resize_y", size}, {"resize_z", size}, {"interp_type", interp}});
  }
  Node flipped(Node x, const std::array<Node, 3>& how) const {
    return p.add("flip", {x},
                 {{"depthwise", how[0]}, {"vertical", how[1]}, {"horizontal", how[2]}});
  }
  Node gamma(Node x) const {
    const Node least = p.add("reductions.min", {x}), mean = p.add("reductions.mean", {x});
    const Node span = p.add("arithmetic.sub", {p.add("reductions.max", {x}), least});
    const Node deviation = p.add("reductions.std_dev", {x, mean});
    Node y = p.add("arithmetic.div", {p.add("arithmetic.sub", {x, least}), span});
    y = p.add("math.pow", {y, uniform(0.7, 1.5)});
    y = p.add("arithmetic.sub", {y, p.add("reductions.mean", {y})});
    const Node now = p.add("reductions.mean", {y});
    y = p.add("arithmetic.mul",
              {y, p.add("arithmetic.div", {deviation, p.add("reductions.std_dev", {y, now})})});
    return p.add("arithmetic.add", {y, mean});
  }
  Node contrasted(Node x) const {
    return p.add("math.clamp", {p.add("arithmetic.mul", {x, uniform(0.65, 1.5)}),
                                p.add("reductions.min", {x}), p.add("reductions.max", {x})});
  }
};

TEST_P(Steady, crop_of_an_object_zoom_noise_blur_contrast) {
  Pipeline pipe = make();
  const Graph g{pipe, folder_.path().string()};
  Node image = g.read("image", "CDHW"), label = g.read("label", "DHW");
  const Node start = g.start_of_object(label, true), side = g.uniform(0.7 * kPatch, kPatch);
  image = g.cropped(image, start, {1, 2, 3});
  label = g.cropped(label, start, {0, 1, 2});
  const Arguments window{{"crop_d", side}, {"crop_h", side}, {"crop_w", side}};
  const Node zoom = g.coin();
  image = pipe.add("select", {zoom, g.resized(pipe.add("crop", {image}, window), 40.0, 2), image});
  label = pipe.add("select", {zoom, g.resized(pipe.add("crop", {label}, window), 40.0, 0), label});
  const std::array<Node, 3> how{g.coin(), g.coin(), g.coin()};
  image = g.flipped(image, how);
  label = g.flipped(label, how);
  image = g.choose(pipe.add("noise.gaussian", {image}, {{"stddev", g.uniform(0, 0.3)}}), image);
  image = g.choose(pipe.add("gaussian_blur", {image}, {{"sigma", g.uniform(0.5, 1.5)}}), image);
  image = g.choose(g.contrasted(image), image);
  pipe.set_outputs({image, label});
  expect_steady(pipe);
}

TEST_P(Steady, warp_then_each_channel_its_own_way) {
  Pipeline pipe = make();
  const Graph g{pipe, folder_.path().string()};
  Node image = pipe.add("crop", {g.read("image", "CDHW")}, {{"crop", Reals{40, 40, 40}}});
  const Node turn = pipe.add(
      "transforms.rotation", {},
      {{"angle", g.uniform(-30, 30)}, {"axis", Reals{0, 0, 1}}, {"center", Reals{20, 20, 20}}});
  image =
      g.choose(pipe.add("warp_affine", {image}, {{"matrix", turn}, {"fill_value", 0.0}}), image);
  std::vector<Node> channels;
  for (int c = 0; c < 4; ++c) {
    Node x = pipe.add("slice", {image},
                      {{"start", Integers{c}}, {"shape", Integers{1}}, {"axes", Integers{0}}});
    x = g.choose(pipe.add("gaussian_blur", {x}, {{"sigma", g.uniform(0.5, 1.0)}}), x);
    x = g.choose(g.contrasted(x), x);
    x = g.choose(g.resized(g.resized(x, g.uniform(20, 40), 0), 40.0, 1), x);
    x = g.choose(g.gamma(x), x);
    channels.push_back(x);
  }
  image = pipe.add("cat", channels, {{"axis", 0}});
  pipe.set_outputs({g.flipped(image, {g.coin(), g.coin(), g.coin()})});
  expect_steady(pipe);
}

TEST_P(Steady, whole_volumes_objects_sought_anew_batches_padded) {
  Pipeline pipe = make();
  const Graph g{pipe, folder_.path().string()};
  Node image = g.read("image", "CDHW"), label = g.read("label", "DHW");
  const Node part = g.cropped(image, g.start_of_object(label, false), {1, 2, 3});
  image = pipe.add("normalize", {image}, {{"batch", true}});
  const Node small = g.resized(image, g.uniform(21, 33), 3);
  const Node rod = pipe.add("crop", {part}, {{"crop", Reals{4, 4, 40}}});
  const Node longer =
      pipe.add("resize", {rod},
               {{"resize_x", g.uniform(1100, 1200)}, {"mode", "stretch"}, {"interp_type", 3}});
  const Node coarser =
      pipe.add("resize", {longer}, {{"resize_x", 2200.0}, {"mode", "stretch"}, {"interp_type", 0}});
  const Node shot = pipe.add("noise.shot", {part}, {{"factor", 0.1}});
  const Node spoilt = pipe.add("noise.salt_and_pepper", {part}, {{"prob", g.uniform(0, 0.1)}});
  pipe.set_outputs({pipe.add("pad", {small}), coarser, g.choose(shot, spoilt),
                    pipe.add("transpose", {part}, {{"perm", Integers{1, 2, 3, 0}}}),
                    pipe.add("one_hot", {label}, {{"num_classes", 2}}),
                    pipe.add("segmentation.random_mask_pixel", {label}, {{"foreground", true}})});
  expect_steady(pipe);
}

TEST(Memory, that_runs_out_while_a_header_is_decompressed_is_no_damage) {
  const testing::TempFolder folder;
  std::string header(4096, '\0');
  Rng rng({.seed = 1});
  for (char& c : header) c = static_cast<char>(rng.below(256));
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string zipped(deflateBound(&stream, header.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(header.data());
  stream.avail_in = static_cast<uInt>(header.size());
  stream.next_out = reinterpret_cast<Bytef*>(zipped.data());
  stream.avail_out = static_cast<uInt>(zipped.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  const File file(folder.write("a.gz", zipped));
  EXPECT_EQ(inflate_start(file, 540).size(), 540u);
  refused_from = std::size_t{1} << 15;  // zlib's window
  EXPECT_THROW(inflate_start(file, 540), std::bad_alloc);
  refused_from = SIZE_MAX;
}

INSTANTIATE_TEST_SUITE_P(schedules, Steady, ::testing::Values(Schedule::serial, Schedule::parallel),
                         [](const auto& info) {
                           return info.param == Schedule::serial ? "serial" : "parallel";
                         });

}  // namespace
}  // namespace varo

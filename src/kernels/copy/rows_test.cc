// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/rows.h"

#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <vector>

#include "core/testing.h"
#include "kernels/testing.h"

namespace varo {
namespace {

constexpr std::uint64_t kBits = 0x0807060504030281;

// A destination inside of canaries, and what it must hold.
struct Target {
  std::vector<std::uint8_t> bytes, want;
  View view;
};

// The bytes of dst as an index walk leaves them.
void expect_walk(const ConstView& inside, const Box& box, Target& t) {
  const std::size_t size = t.view.element_size();
  auto* const base = t.want.data() + (t.view.ptr<std::uint8_t>() - t.bytes.data());
  const auto bytes = static_cast<std::int64_t>(size);
  varo::testing::for_each_index(t.view.shape, [&](const Dims& at, std::int64_t) {
    Dims source = at;
    bool valid = true;
    for (int i = 0; i < at.rank(); ++i) {
      valid = valid && at[i] >= box.lo[i] && at[i] < box.hi[i];
      source[i] -= box.lo[i];
    }
    const void* const from = valid ? inside.at(source) : &kBits;
    std::memcpy(base + offset_of(t.view.strides, at) * bytes, from, size);
  });
}

// [z, y, x, c] with the channels outermost or innermost in the source, any axis reversed.
struct Case {
  Shape shape;       // of the destination
  Dims lo, hi;       // what lies inside
  unsigned flipped;  // axes that the source reverses
  bool channels_last;
  std::int64_t shift;  // elements between a cache line and the destination
  std::int64_t gap;    // elements after each destination row
};

void check(const Case& c, DType dtype, bool works) {
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const Box box{c.lo, c.hi};
  const Shape in = box.extents();
  Strides strides = dense_strides(in);
  if (!c.channels_last) {
    strides = {in[1] * in[2], in[2], 1, in[0] * in[1] * in[2]};
  }
  std::vector<std::uint8_t> source(static_cast<std::size_t>(volume(in) * size));
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::uint8_t>(i * 7 + 3);
  ConstView inside{source.data(), dtype, in, strides};
  for (int i = 0; i < 4; ++i) {
    if ((c.flipped >> i & 1) == 0 || volume(in) == 0) continue;
    inside.data = advanced(inside.data, (in[i] - 1) * inside.strides[i], dtype);
    inside.strides[i] *= -1;
  }
  Target t;
  const std::int64_t row = c.shape[2] * c.shape[3] + c.gap;
  t.view = {nullptr, dtype, c.shape, {c.shape[1] * row, row, c.shape[3], 1}};
  t.bytes.assign(static_cast<std::size_t>((c.shape[0] * c.shape[1] * row + 64) * size) + 128, 0x5a);
  const auto address = reinterpret_cast<std::uintptr_t>(t.bytes.data());
  t.view.data = t.bytes.data() + (64 - address % 64) + c.shift * size;
  t.want = t.bytes;
  if (works) expect_walk(inside, box, t);
  const std::vector<std::uint8_t> before = t.bytes;
  varo::testing::ThreadedParallel threads(3);
  varo::testing::ShuffledParallel shuffled(5);
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    for (const std::int64_t stream_above : {std::int64_t{0}, kStreamAbove})
      for (Parallel* parallel : {&Parallel::serial(), static_cast<Parallel*>(&threads),
                                 static_cast<Parallel*>(&shuffled)}) {
        t.bytes = before;
        EXPECT_EQ(copy_rows({inside, c.shape, box, kBits}, t.view, *parallel, stream_above), works);
        ASSERT_TRUE(t.bytes == t.want)
            << hwy::TargetName(targets & -targets) << " " << to_string(c.shape) << " inside "
            << to_string(c.lo) << " to " << to_string(c.hi) << " flipped " << c.flipped << " of "
            << name_of(dtype) << (stream_above == 0 ? ", streamed" : "");
      }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(CopyRows, pads_flips_and_interleaves) {
  for (const DType dtype : {DType::u8, DType::i16, DType::f32, DType::f64})
    for (const std::int64_t channels : {2, 3, 4})
      for (const std::int64_t width : {128, 135, 67})
        for (const unsigned flipped : {0U, 4U, 7U})
          for (const std::int64_t shift : {0, 3}) {
            const Shape shape{3, 5, width, channels};
            check({shape, {1, 1, 5, 0}, {3, 4, width - 3, channels}, flipped, false, shift, 0},
                  dtype, true);
            check({shape, {0, 0, 0, 0}, {3, 5, width, channels}, flipped, false, shift, 2}, dtype,
                  true);
            check({shape, {0, 2, width - 5, 0}, {3, 5, width, channels}, flipped, false, shift, 1},
                  dtype, true);
          }
}

TEST(CopyRows, pads_and_flips_without_channels) {
  for (const DType dtype : {DType::u8, DType::i16, DType::f32, DType::f64})
    for (const std::int64_t width : {128, 135, 301})
      for (const unsigned flipped : {0U, 2U, 4U, 6U})
        for (const std::int64_t shift : {0, 1}) {
          const Shape shape{3, 4, width, 1};
          check({shape, {1, 0, 60, 0}, {3, 3, width - 7, 1}, flipped, true, shift, 0}, dtype, true);
          check({shape, {0, 0, 0, 0}, {2, 4, width, 1}, flipped, true, shift, 5}, dtype, true);
        }
}

TEST(CopyRows, long_rows_are_split) {
  check({{1, 1, 200'003, 1}, {0, 0, 70'001, 0}, {1, 1, 199'000, 1}, 4, true, 1, 0}, DType::u8,
        true);
  check({{1, 1, 90'003, 3}, {0, 0, 17, 0}, {1, 1, 90'001, 3}, 0, false, 1, 0}, DType::i16, true);
}

TEST(CopyRows, leaves_other_forms_alone) {
  // Nothing inside; five channels; short rows; padded channels.
  check({{3, 4, 128, 4}, {1, 1, 5, 0}, {1, 4, 9, 4}, 0, false, 0, 0}, DType::f32, false);
  check({{3, 4, 128, 5}, {1, 1, 5, 0}, {2, 4, 9, 5}, 0, false, 0, 0}, DType::f32, false);
  check({{3, 4, 15, 2}, {1, 1, 5, 0}, {2, 4, 9, 2}, 0, false, 0, 0}, DType::f32, false);
  check({{3, 4, 128, 4}, {1, 1, 5, 1}, {2, 4, 9, 4}, 0, false, 0, 0}, DType::f32, false);
}

}  // namespace
}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
// Warps of channels that lie side by side, against warps of each channel alone.
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "core/dispatch.h"
#include "kernels/warp/warp.h"

namespace varo {
namespace {

// Rotated and mostly inside, half outside, along rows, backwards, a corner, with long steps.
const std::array<double, 12> kMaps[] = {
    {0.97, 0.04, -0.02, 0.6, -0.03, 0.98, 0.05, 0.3, 0.02, -0.04, 0.96, 0.2},
    {0.87, 0.41, -0.13, -5.3, -0.38, 0.91, 0.21, 4.1, 0.2, -0.12, 0.97, -1.7},
    {0.9, 0, 0, -1.2, 0, 1.1, 0, -0.4, 0, 0, 1, 0.3},
    {-0.9, 0.02, 0, 71.5, 0.01, -1, 0.02, 7.2, 0, 0.03, -1, 5.8},
    {0.2, 0, 0, 60.2, 0, 0.2, 0, 5.7, 0, 0, 0.2, 4.8},
    {11.3, 0.4, 0.3, -90, 0.1, 0.9, 0.1, 0.3, -0.1, 0.2, 1.1, 0.1},
};

template <class T>
std::vector<T> random_elements(std::int64_t count) {
  std::mt19937 random(5);
  std::vector<T> elements(static_cast<std::size_t>(count));
  for (T& e : elements) e = static_cast<T>(std::uniform_int_distribution<int>(0, 120)(random));
  return elements;
}

// Channels forwards in memory that ends with the last of them; rows forwards or backwards.
template <class In>
void compare(DType out_type, std::int64_t channels, const WarpParams& params, bool mirrored) {
  const Shape shape{6, 8, 73, channels}, out_shape{5, 9, 131, channels};
  const std::vector<In> elements = random_elements<In>(volume(shape));
  ConstView in = dense_view(elements.data(), shape);
  if (mirrored) {
    in.data = elements.data() + 72 * channels;
    in.strides[2] = -channels;
  }
  const std::size_t size = size_of(out_type);
  const auto count = static_cast<std::size_t>(volume(out_shape));
  std::vector<std::byte> together(count * size, std::byte{0x5a}), alone = together;
  const auto view = [&](std::vector<std::byte>& memory) {
    return View{memory.data(), out_type, out_shape, dense_strides(out_shape)};
  };
  const View out = view(together);
  warp_affine(in, out, params, Parallel::serial());
  for (std::int64_t c = 0; c < channels; ++c) {
    std::vector<In> channel;
    for (std::size_t i = static_cast<std::size_t>(c); i < elements.size();
         i += static_cast<std::size_t>(channels))
      channel.push_back(elements[i]);
    Shape one = shape, one_out = out_shape;
    one[3] = one_out[3] = 1;
    ConstView from = dense_view(std::as_const(channel).data(), one);
    if (mirrored) {
      from.data = channel.data() + 72;
      from.strides[2] = -1;
    }
    View to = view(alone);
    to.data = alone.data() + static_cast<std::size_t>(c) * size;
    to.shape = one_out;
    warp_affine(from, to, params, Parallel::serial());
  }
  ASSERT_EQ(together, alone) << channels << " channels to " << name_of(out_type);
  // Channels apart in the output.
  std::vector<std::byte> apart(count * size), expected = apart;
  const std::int64_t one = volume(out_shape) / channels;
  const View first{apart.data(), out_type, out_shape, {9 * 131, 131, 1, one}};
  warp_affine(in, first, params, Parallel::serial());
  for (std::size_t i = 0; i < count; ++i) {
    const auto voxels = static_cast<std::size_t>(one), n = static_cast<std::size_t>(channels);
    std::memcpy(&expected[(i % n * voxels + i / n) * size], &together[i * size], size);
  }
  ASSERT_EQ(apart, expected) << channels << " channels to " << name_of(out_type);
}

TEST(WarpChannels, side_by_side_are_as_each_alone) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (const auto& map : kMaps)
      for (const int axes : {2, 3})
        for (const auto border : {WarpBorder::clamp, WarpBorder::constant})
          for (const std::int64_t channels : {2, 3, 4, 7}) {
            SCOPED_TRACE(hwy::TargetName(target));
            const bool mirrored = channels % 3 == 2;
            const auto params = [&](auto fill) {
              WarpParams p{.axes = axes, .source_of = map, .border = border};
              std::memcpy(&p.fill_bits, &fill, sizeof fill);
              return p;
            };
            compare<float>(DType::f32, channels, params(7.5F), mirrored);
            compare<std::uint8_t>(DType::u8, channels, params(std::uint8_t{9}), mirrored);
            compare<std::uint8_t>(DType::f32, channels, params(std::uint8_t{9}), mirrored);
            compare<std::int16_t>(DType::i16, channels, params(std::int16_t{-3}), mirrored);
            compare<std::int32_t>(DType::i32, channels, params(std::int32_t{-3}), mirrored);
          }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(WarpChannels, padding_is_as_in_memory) {
  // Two voxels of padding before and three behind along x, one along z.
  const Shape shape{4, 8, 20, 3}, whole_shape{5, 8, 25, 3}, out_shape{5, 8, 70, 3};
  const std::vector<float> elements = random_elements<float>(volume(shape));
  std::vector<float> whole(static_cast<std::size_t>(volume(whole_shape)), 7.0F);
  for (std::int64_t z = 0; z < 4; ++z)
    for (std::int64_t y = 0; y < 8; ++y)
      std::copy_n(&elements[static_cast<std::size_t>((z * 8 + y) * 60)], 60,
                  &whole[static_cast<std::size_t>((z * 8 + y) * 75 + 6)]);
  for (const auto& map : kMaps)
    for (const auto border : {WarpBorder::clamp, WarpBorder::constant}) {
      WarpParams p{.source_of = map, .border = border};
      const float fill = 7;
      std::memcpy(&p.fill_bits, &fill, sizeof fill);
      std::vector<float> expected(static_cast<std::size_t>(volume(out_shape))), got = expected;
      warp_affine(dense_view(std::as_const(whole).data(), whole_shape),
                  dense_view(expected.data(), out_shape), p, Parallel::serial());
      const PaddedView padded{dense_view(elements.data(), shape),
                              whole_shape,
                              {{0, 0, 2, 0}, {4, 8, 22, 3}},
                              p.fill_bits};
      warp_affine(padded, dense_view(got.data(), out_shape), p, Parallel::serial());
      EXPECT_EQ(got, expected);
    }
}

}  // namespace
}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/points.h"

#include "core/convert.h"
#include "core/dispatch.h"

namespace varo {

namespace {

constexpr std::int64_t kGrainPoints = 8192;

template <class Body>
void for_type(DType t, const Body& body) {
  dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float, double>(
      t, body);
}

// Offset of point number `index` in row-major order of the leading axes.
std::int64_t offset_of(const ConstView& v, std::int64_t index) {
  std::int64_t offset = 0;
  for (int axis = v.rank() - 2; axis >= 0; --axis) {
    offset += index % v.shape[axis] * v.strides[axis];
    index /= v.shape[axis];
  }
  return offset;
}

}  // namespace

void transform_points(const ConstView& in, const View& out, std::span<const float> matrix,
                      std::span<const float> shift, Parallel& parallel) {
  std::int64_t points = 1;
  for (int axis = 0; axis + 1 < out.rank(); ++axis) points *= out.shape[axis];
  const std::int64_t n = in.shape.back(), m = out.shape.back();
  const std::int64_t from_step = in.strides.back(), to_step = out.strides.back();
  for_type(in.dtype, [&](auto from_tag) {
    for_type(out.dtype, [&](auto to_tag) {
      using To = typename decltype(to_tag)::type;
      parallel_for(parallel, points, kGrainPoints, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = begin; p < end; ++p) {
          const auto* from = in.ptr<typename decltype(from_tag)::type>() + offset_of(in, p);
          To* to = out.ptr<To>() + offset_of(out, p);
          for (std::int64_t i = 0; i < m; ++i) {
            float sum = 0;
            for (std::int64_t j = 0; j < n; ++j)
              sum += matrix[static_cast<std::size_t>(i * n + j)] *
                     static_cast<float>(from[j * from_step]);
            to[i * to_step] = saturate<To>(sum + shift[static_cast<std::size_t>(i)]);
          }
        }
      });
    });
  });
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "kernels/filter/convolve.h"

#include <cmath>
#include <cstring>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/slots.h"
#include "kernels/filter/convolve_plan.h"
#include "kernels/filter/strided_row.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/filter/convolve.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/filter/weigh-inl.h"
#include "kernels/filter/weigh_line-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo::filter {
namespace HWY_NAMESPACE {
namespace {

// One tile of one outer position. The rings hold row y (or plane z) at index modulo their length,
// which the rows in reach never exceed. Planes, and rows within them, are made in groups that share
// what they read.
class Tile {
 public:
  Tile(const Plan& p, const std::byte* in, std::byte* out, std::byte* slot, std::int64_t tz,
       std::int64_t ty, std::int64_t tx)
      : p_(p),
        in_(in),
        out_(out),
        in_size_(static_cast<std::int64_t>(size_of(p.in_type))),
        out_size_(static_cast<std::int64_t>(size_of(p.out_type))),
        channels_(p.channel.extent),
        along_z_(across_rows(p.z.radius)),
        along_y_(across_rows(p.y.radius)),
        along_x_(along_lines(p.x.radius, p.channel.extent)) {
    z0_ = tz * p.tile_z, z1_ = std::min(p.z.extent, z0_ + p.tile_z);
    y0_ = ty * p.tile_y, y1_ = std::min(p.y.extent, y0_ + p.tile_y);
    x0_ = tx * p.tile_x, x1_ = std::min(p.x.extent, x0_ + p.tile_x);
    y_low_ = std::max<std::int64_t>(0, y0_ - p.y.radius);
    y_high_ = std::min(p.y.extent, y1_ + p.y.radius);
    x_low_ = std::max<std::int64_t>(0, x0_ - p.x.radius);
    x_high_ = std::min(p.x.extent, x1_ + p.x.radius);
    read_ = (x_high_ - x_low_) * channels_;
    step_ = p.direct_in ? p.y.in : p.row;
    joined_ = p.has_z && step_ == read_ && p.row == read_;
    planes_ = reinterpret_cast<const float**>(slot);
    rows_ = planes_ + p.pointers;
    z_ring_ = reinterpret_cast<float*>(slot + p.pointer_bytes);
    y_ring_ = z_ring_ + p.row * p.planes * p.plane_rows;
    lines_ = y_ring_ + p.row * p.z_rows;
    result_ = y_ring_ + p.ring * kGroup;
    order_mirrors();
    dispatch_all(p.in_type, [&](auto tag) { fetch_ = &fetch<typename decltype(tag)::type>; });
    dispatch_all(p.out_type, [&](auto tag) { store_ = &store<typename decltype(tag)::type>; });
  }

  void run() {
    std::int64_t loaded = std::max<std::int64_t>(0, z0_ - p_.z.radius);
    for (std::int64_t z = z0_, planes; z < z1_; z += planes) {
      planes = p_.has_z && z1_ - z >= kGroup ? kGroup : 1;
      const std::int64_t reach = std::min(p_.z.extent, z + planes + p_.z.radius);
      if (p_.planes > 0)
        for (; loaded < reach; ++loaded)
          for (std::int64_t y = y_low_; y < y_high_; ++y) load_row(loaded, y, plane_row(loaded, y));
      for (std::int64_t k = 0; k < 2 * p_.z.radius + planes; ++k) {
        const std::int64_t at = reflect_101(z - p_.z.radius + k, p_.z.extent);
        if (p_.direct_in)
          planes_[k] = reinterpret_cast<const float*>(source(at, 0));
        else if (p_.planes > 0)
          planes_[k] = plane_row(at, y_low_) - y_low_ * p_.row;
      }
      run_planes(z, planes);
    }
  }

 private:
  // Where what lies within a vector of an end of the x axis comes from, if from within a vector.
  void order_mirrors() {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
    // A tile that does not touch an end may still reach beyond it, where the last one is narrow.
    const bool reaches_far =
        (x0_ > 0 && x0_ < p_.x.radius) || (x1_ < p_.x.extent && x1_ + p_.x.radius > p_.x.extent);
    fits_vector_ =
        (p_.x.radius + 1) * channels_ <= lanes && lanes <= (x1_ - x0_) * channels_ && !reaches_far;
    if (!fits_vector_) return;
    for (std::int64_t i = 0; i < lanes; ++i) {
      const std::int64_t x = i / channels_ + 1, c = i % channels_;  // x elements from the end
      const bool inside = x <= p_.x.radius;
      behind_end_[i] = static_cast<std::int32_t>(inside ? lanes - (x + 1) * channels_ + c : 0);
      const std::int64_t before = lanes - x * channels_ + c;
      if (before >= 0)
        before_start_[before] = static_cast<std::int32_t>(inside ? x * channels_ + c : 0);
    }
  }

  // Output planes [z, z + planes). All lines of a group are made before the first is read along x:
  // vectors that cross two stores must wait until both have left the store queue.
  void run_planes(std::int64_t z, std::int64_t planes) {
    std::int64_t ready = y_low_;
    for (std::int64_t y = y0_, rows; y < y1_; y += rows) {
      rows = y1_ - y >= kGroup ? kGroup : 1;
      const std::int64_t reach = std::min(p_.y.extent, y + rows + p_.y.radius);
      for (std::int64_t n = 1; ready < reach; ready += n) {
        if (joined_) n = std::min(reach - ready, p_.z_rows - ready % p_.z_rows);
        if (p_.has_z)
          weigh_along_z(ready, n, planes);
        else if (!p_.direct_in)
          load_row(z, ready, ring_row(ready));
      }
      weigh_along_y(y, rows, planes);
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        float* const lines = lines_ + plane * p_.ring;
        mirror_ends(lines, rows);
        for (std::int64_t row = 0; row < rows; ++row)
          write_row(lines + row * p_.line, z + plane, y + row);
      }
    }
  }

  const std::byte* source(std::int64_t z, std::int64_t y) const {
    return in_ + (z * p_.z.in + y * p_.y.in + x_low_ * p_.x.in) * in_size_;
  }
  float* plane_row(std::int64_t z, std::int64_t y) const {
    return z_ring_ + p_.row * ((z % p_.planes) * p_.plane_rows + (y - y_low_));
  }
  float* ring_row(std::int64_t y) const { return y_ring_ + p_.row * (y % p_.z_rows); }

  void load_row(std::int64_t z, std::int64_t y, float* to) const {
    if (p_.load != nullptr) return p_.load(source(z, y), to, read_);
    fetch_(source(z, y), p_.x, p_.channel, x_high_ - x_low_, to);
  }

  // Rows [y, y + rows) of every plane of a group; several only where they follow each other.
  void weigh_along_z(std::int64_t y, std::int64_t rows, std::int64_t planes) {
    for (std::int64_t k = 0; k < 2 * p_.z.radius + planes; ++k) rows_[k] = planes_[k] + y * step_;
    float* to[kGroup];
    to[0] = ring_row(y);
    for (std::int64_t plane = 1; plane < planes; ++plane) to[plane] = to[plane - 1] + p_.ring;
    (planes == 1 ? along_z_.row : along_z_.group)(rows_, p_.z.radius, p_.z.half, rows * read_, to,
                                                  1, 0);
  }

  // Makes lines [y, y + rows) of every plane of a group.
  void weigh_along_y(std::int64_t y, std::int64_t rows, std::int64_t planes) {
    for (std::int64_t k = 0; k < 2 * p_.y.radius + rows; ++k) {
      const std::int64_t at = reflect_101(y - p_.y.radius + k, p_.y.extent);
      rows_[k] = p_.has_z || !p_.direct_in ? ring_row(at) : planes_[0] + at * step_;
    }
    float* to[kGroup];
    for (std::int64_t row = 0; row < rows; ++row) to[row] = at_x(lines_ + row * p_.line, x_low_);
    (rows == 1 ? along_y_.row : along_y_.group)(rows_, p_.y.radius, p_.y.half, read_, to, planes,
                                                p_.ring);
  }

  // Where x lies in a line.
  float* at_x(float* line, std::int64_t x) const {
    return line + p_.margin + (x - x0_) * channels_;
  }

  // Continues lines beyond the ends of the x axis.
  void mirror_ends(float* lines, std::int64_t rows) const {
    const std::int64_t last = p_.x.extent - 1;
    if (p_.x.radius == 0) return;
    if (fits_vector_) {
      const Floats d;
      const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
      const auto at_start = hn::SetTableIndices(d, before_start_);
      const auto at_end = hn::SetTableIndices(d, behind_end_);
      for (std::int64_t row = 0; row < rows; ++row, lines += p_.line) {
        float* const begin = at_x(lines, x0_);
        float* const end = at_x(lines, x1_);
        if (x0_ == 0)
          hn::StoreU(hn::TableLookupLanes(hn::LoadU(d, begin), at_start), d, begin - lanes);
        if (x1_ == p_.x.extent)
          hn::StoreU(hn::TableLookupLanes(hn::LoadU(d, end - lanes), at_end), d, end);
      }
      return;
    }
    for (std::int64_t row = 0; row < rows; ++row, lines += p_.line) {
      const auto mirror = [&](std::int64_t x, std::int64_t source) {
        const float* const from = at_x(lines, source);
        float* const to = at_x(lines, x);
        for (std::int64_t c = 0; c < channels_; ++c) to[c] = from[c];
      };
      const std::int64_t begin = x0_ - p_.x.radius, end = x1_ + p_.x.radius;
      if (p_.x.radius <= last) {
        for (std::int64_t x = begin; x < 0; ++x) mirror(x, -x);
        for (std::int64_t x = last + 1; x < end; ++x) mirror(x, 2 * last - x);
      } else {
        for (std::int64_t x = begin; x < 0; ++x) mirror(x, reflect_101(x, last + 1));
        for (std::int64_t x = last + 1; x < end; ++x) mirror(x, reflect_101(x, last + 1));
      }
    }
  }

  std::byte* target(std::int64_t z, std::int64_t y) const {
    return out_ + (z * p_.z.out + y * p_.y.out + x0_ * p_.x.out) * out_size_;
  }

  void write_row(float* line, std::int64_t z, std::int64_t y) {
    std::byte* const out = target(z, y);
    const std::int64_t n = (x1_ - x0_) * channels_;
    const bool straight = p_.out_type == DType::f32 && p_.dense_out && !p_.add;
    float* result = straight ? reinterpret_cast<float*>(out) : result_;
    along_x_(at_x(line, x0_), channels_, p_.x.radius, p_.x.half, n, result);
    if (straight) return;
    if (p_.add) {
      auto* sums = reinterpret_cast<float*>(out);
      for (std::int64_t x = 0; x < x1_ - x0_; ++x)
        for (std::int64_t c = 0; c < channels_; ++c)
          sums[x * p_.x.out + c * p_.channel.out] += result_[x * channels_ + c];
    } else if (p_.dense_out) {
      p_.save(result_, out, n);
    } else {
      store_(result_, p_.x, p_.channel, x1_ - x0_, out);
    }
  }

  const Plan& p_;
  const std::byte* in_;
  std::byte* out_;
  std::int64_t in_size_, out_size_, channels_;
  AcrossRows along_z_, along_y_;
  WeighLine along_x_;
  std::int64_t z0_, z1_, y0_, y1_, x0_, x1_;
  std::int64_t y_low_, y_high_, x_low_, x_high_;  // what the windows reach
  std::int64_t read_;                             // elements of a row that they reach
  std::int64_t step_;                             // from row to row before the z window
  bool fits_vector_;                              // see order_mirrors()
  std::int32_t before_start_[kLineFloats] = {}, behind_end_[kLineFloats] = {};
  bool joined_;  // rows follow each other before and after it
  const float **planes_, **rows_;
  float *z_ring_, *y_ring_, *lines_, *result_;
  void (*fetch_)(const void*, const Axis&, const Axis&, std::int64_t, float*);
  void (*store_)(const float*, const Axis&, const Axis&, std::int64_t, void*);
};

void convolve_tile(const Plan& p, const std::byte* in, std::byte* out, std::byte* slot,
                   std::int64_t tile) {
  const auto take = [&tile](std::int64_t extent, std::int64_t size) {
    const std::int64_t count = (extent + size - 1) / size, at = tile % count;
    tile /= count;
    return at;
  };
  const std::int64_t tx = take(p.x.extent, p.tile_x);
  const std::int64_t ty = take(p.y.extent, p.tile_y);
  const std::int64_t tz = take(p.z.extent, p.tile_z);
  in = advanced(in, p.outer.offset(tile, 0), p.in_type);
  out = advanced(out, p.outer.offset(tile, 1), p.out_type);
  Tile(p, in, out, slot, tz, ty, tx).run();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::filter
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace filter {
namespace {

HWY_EXPORT(convolve_tile);

int slot_count(const Plan& p, int width) {
  return static_cast<int>(std::clamp<std::int64_t>(std::min<std::int64_t>(width, p.tiles), 1, 64));
}

void run_tiles(const Plan& p, const std::byte* in, std::byte* out, Parallel& parallel,
               std::byte* scratch) {
  Slots slots(scratch, p.slot_bytes, slot_count(p, parallel.width()));
  parallel_for(parallel, p.tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    slots.with([&](std::byte* slot) {
      for (std::int64_t tile = begin; tile < end; ++tile)
        HWY_DYNAMIC_DISPATCH(convolve_tile)(p, in, out, slot, tile);
    });
  });
}

}  // namespace
}  // namespace filter

std::size_t convolve_scratch_bytes(const ConstView& in, const View& out, const Convolution& what,
                                   int width) {
  const filter::Plan p = filter::make_plan(in, out, what);
  return p.slot_bytes * static_cast<std::size_t>(filter::slot_count(p, width));
}

void convolve(const ConstView& in, const View& out, const Convolution& what, Parallel& parallel,
              std::span<std::byte> scratch) {
  const filter::Plan p = filter::make_plan(in, out, what);
  if (p.tiles > 0)
    filter::run_tiles(p, in.ptr<std::byte>(), static_cast<std::byte*>(out.data), parallel,
                      scratch.data());
}

}  // namespace varo
#endif

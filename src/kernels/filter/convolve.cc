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
        along_z_(weigh_for(p.z.radius)),
        along_y_(weigh_for(p.y.radius)),
        along_x_(weigh_for(p.x.radius).line) {
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
    shared_ = rows_ + p.pointers;
    z_ring_ = reinterpret_cast<float*>(slot + p.pointer_bytes);
    y_ring_ = z_ring_ + p.row * p.planes * p.plane_rows;
    lines_ = y_ring_ + p.ring * kGroup;
    result_ = lines_ + p.line * kGroup * 2;
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
  // Lines of rows [y, y + rows) of plane z.
  struct Group {
    float* lines = nullptr;
    std::int64_t z = 0, y = 0, rows = 0;
  };

  // Output planes [z, z + planes). A group's lines are read along x after the next group's have
  // been written: vectors that begin between two stores must wait until both have left the store
  // queue.
  void run_planes(std::int64_t z, std::int64_t planes) {
    std::int64_t ready = y_low_;
    float* lines = lines_;
    Group group;
    for (std::int64_t y = y0_, rows; y < y1_; y += rows) {
      rows = y1_ - y >= kGroup ? kGroup : 1;
      const std::int64_t reach = std::min(p_.y.extent, y + rows + p_.y.radius);
      for (std::int64_t n = 1; ready < reach; ready += n) {
        if (joined_) n = std::min(reach - ready, p_.z_rows - ready % p_.z_rows);
        if (p_.has_z)
          weigh_along_z(ready, n, planes);
        else if (!p_.direct_in)
          load_row(z, ready, ring_row(0, ready));
      }
      for (std::int64_t k = 0; k < 2 * p_.y.radius + rows; ++k) {
        const std::int64_t at = reflect_101(y - p_.y.radius + k, p_.y.extent);
        shared_[k] = p_.has_z || !p_.direct_in ? ring_row(0, at) : planes_[0] + at * step_;
      }
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        weigh_along_y(plane, rows, lines);
        for (std::int64_t row = 0; row < rows; ++row) mirror_ends(lines + row * p_.line);
        write_rows(group);
        group = {lines, z + plane, y, rows};
        prefetch_rows(group);
        lines = lines == lines_ ? lines_ + kGroup * p_.line : lines_;
      }
    }
    write_rows(group);
  }

  const std::byte* source(std::int64_t z, std::int64_t y) const {
    return in_ + (z * p_.z.in + y * p_.y.in + x_low_ * p_.x.in) * in_size_;
  }
  float* plane_row(std::int64_t z, std::int64_t y) const {
    return z_ring_ + p_.row * ((z % p_.planes) * p_.plane_rows + (y - y_low_));
  }
  float* ring_row(std::int64_t plane, std::int64_t y) const {
    return y_ring_ + plane * p_.ring + p_.row * (y % p_.z_rows);
  }

  void load_row(std::int64_t z, std::int64_t y, float* to) const {
    if (p_.load != nullptr) return p_.load(source(z, y), to, read_);
    fetch_(source(z, y), p_.x, p_.channel, x_high_ - x_low_, to);
  }

  // Rows [y, y + rows) of every plane of a group; several only where they follow each other.
  void weigh_along_z(std::int64_t y, std::int64_t rows, std::int64_t planes) {
    for (std::int64_t k = 0; k < 2 * p_.z.radius + planes; ++k) rows_[k] = planes_[k] + y * step_;
    float* to[kGroup];
    to[0] = ring_row(0, y);
    for (std::int64_t plane = 1; plane < planes; ++plane) to[plane] = to[plane - 1] + p_.ring;
    (planes == 1 ? along_z_.row : along_z_.group)(rows_, p_.z.radius, p_.z.half, rows * read_, to);
  }

  void weigh_along_y(std::int64_t plane, std::int64_t rows, float* lines) {
    for (std::int64_t k = 0; k < 2 * p_.y.radius + rows; ++k)
      rows_[k] = shared_[k] + plane * p_.ring;
    float* to[kGroup];
    for (std::int64_t row = 0; row < rows; ++row) to[row] = at_x(lines + row * p_.line, x_low_);
    (rows == 1 ? along_y_.row : along_y_.group)(rows_, p_.y.radius, p_.y.half, read_, to);
  }

  // Where x lies in a line, which begins at x0 - radius.
  float* at_x(float* line, std::int64_t x) const {
    return line + (x - x0_ + p_.x.radius) * channels_;
  }

  void mirror_ends(float* line) const {
    const std::int64_t last = p_.x.extent - 1;
    const auto mirror = [&](std::int64_t x, std::int64_t source) {
      const float* const from = at_x(line, source);
      float* const to = at_x(line, x);
      for (std::int64_t c = 0; c < channels_; ++c) to[c] = from[c];
    };
    if (p_.x.radius <= last) {
      for (std::int64_t x = x0_ - p_.x.radius; x < 0; ++x) mirror(x, -x);
      for (std::int64_t x = last + 1; x < x1_ + p_.x.radius; ++x) mirror(x, 2 * last - x);
    } else {
      for (std::int64_t x = -p_.x.radius; x < 0; ++x) mirror(x, reflect_101(x, last + 1));
      for (std::int64_t x = last + 1; x <= last + p_.x.radius; ++x)
        mirror(x, reflect_101(x, last + 1));
    }
  }

  void write_rows(const Group& group) {
    for (std::int64_t row = 0; row < group.rows; ++row)
      write_row(group.lines + row * p_.line, group.z, group.y + row);
  }

  std::byte* target(std::int64_t z, std::int64_t y) const {
    return out_ + (z * p_.z.out + y * p_.y.out + x0_ * p_.x.out) * out_size_;
  }

  // Asks for the lines that write_rows() will write one group later: a tenth of the time of 128^3.
  void prefetch_rows(const Group& group) const {
    if (!p_.dense_out) return;
    const std::int64_t bytes = (x1_ - x0_) * channels_ * out_size_;
    for (std::int64_t row = 0; row < group.rows; ++row)
      for (std::int64_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(target(group.z, group.y + row) + i, 1);
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
  Weigh along_z_, along_y_;
  WeighLine along_x_;
  std::int64_t z0_, z1_, y0_, y1_, x0_, x1_;
  std::int64_t y_low_, y_high_, x_low_, x_high_;  // what the windows reach
  std::int64_t read_;                             // elements of a row that they reach
  std::int64_t step_;                             // from row to row before the z window
  bool joined_;                                   // rows follow each other before and after it
  const float **planes_, **rows_, **shared_;
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
  for (int i = 0; i < p.outer_rank; ++i) {
    const std::int64_t at = take(p.outer[i].extent, 1);
    in += at * p.outer[i].in * static_cast<std::int64_t>(size_of(p.in_type));
    out += at * p.outer[i].out * static_cast<std::int64_t>(size_of(p.out_type));
  }
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

// SPDX-License-Identifier: Apache-2.0
#include "kernels/filter/convolve.h"

#include <cmath>
#include <cstring>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/slots.h"
#include "kernels/filter/convolve_plan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/filter/convolve.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo::filter {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

// Neighbour k of a row's elements: rows that lie anywhere, or one line shifted.
struct Pointers {
  const float* const* centre;
  HWY_INLINE const float* operator()(std::int64_t k) const { return centre[k]; }
};
struct Shifted {
  const float* centre;
  std::int64_t step;
  HWY_INLINE const float* operator()(std::int64_t k) const { return centre + k * step; }
};

// to[i] = half[0] * rows(0)[i] + sum over k of half[k] * (rows(-k)[i] + rows(k)[i]).
template <class Rows>
HWY_INLINE void weigh(const Rows& rows, std::int64_t radius, const float* HWY_RESTRICT half,
                      std::int64_t n, float* HWY_RESTRICT to) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto one = [&](std::int64_t i) HWY_ATTR {
    auto sum = hn::Mul(hn::Set(d, half[0]), hn::LoadU(d, rows(0) + i));
    for (std::int64_t k = 1; k <= radius; ++k) {
      const auto pair = hn::Add(hn::LoadU(d, rows(-k) + i), hn::LoadU(d, rows(k) + i));
      sum = hn::Add(sum, hn::Mul(hn::Set(d, half[k]), pair));
    }
    hn::StoreU(sum, d, to + i);
  };
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    auto weight = hn::Set(d, half[0]);
    const float* at = rows(0) + i;
    auto sum0 = hn::Mul(weight, hn::LoadU(d, at));
    auto sum1 = hn::Mul(weight, hn::LoadU(d, at + lanes));
    auto sum2 = hn::Mul(weight, hn::LoadU(d, at + 2 * lanes));
    auto sum3 = hn::Mul(weight, hn::LoadU(d, at + 3 * lanes));
    for (std::int64_t k = 1; k <= radius; ++k) {
      const float* a = rows(-k) + i;
      const float* b = rows(k) + i;
      weight = hn::Set(d, half[k]);
      sum0 = hn::Add(sum0, hn::Mul(weight, hn::Add(hn::LoadU(d, a), hn::LoadU(d, b))));
      sum1 =
          hn::Add(sum1, hn::Mul(weight, hn::Add(hn::LoadU(d, a + lanes), hn::LoadU(d, b + lanes))));
      sum2 = hn::Add(
          sum2, hn::Mul(weight, hn::Add(hn::LoadU(d, a + 2 * lanes), hn::LoadU(d, b + 2 * lanes))));
      sum3 = hn::Add(
          sum3, hn::Mul(weight, hn::Add(hn::LoadU(d, a + 3 * lanes), hn::LoadU(d, b + 3 * lanes))));
    }
    hn::StoreU(sum0, d, to + i);
    hn::StoreU(sum1, d, to + i + lanes);
    hn::StoreU(sum2, d, to + i + 2 * lanes);
    hn::StoreU(sum3, d, to + i + 3 * lanes);
  }
  for (; i + lanes <= n; i += lanes) one(i);
  if (i < n && n >= lanes) {
    one(n - lanes);  // some elements a second time, with the same result
    return;
  }
  for (; i < n; ++i) {
    float sum = half[0] * rows(0)[i];
    for (std::int64_t k = 1; k <= radius; ++k) sum += half[k] * (rows(-k)[i] + rows(k)[i]);
    to[i] = sum;
  }
}

// n * channels elements with these strides, as contiguous floats.
template <class T>
void fetch(const void* from, const Axis& x, const Axis& channel, std::int64_t n,
           float* HWY_RESTRICT to) {
  const T* HWY_RESTRICT in = static_cast<const T*>(from);
  const std::int64_t channels = channel.extent;
  if ((channels == 1 || channel.in == 1) && x.in == channels) {
    for (std::int64_t i = 0; i < n * channels; ++i) to[i] = saturate<float>(in[i]);
  } else if (channels == 1) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = saturate<float>(in[i * x.in]);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t c = 0; c < channels; ++c)
        *to++ = saturate<float>(in[i * x.in + c * channel.in]);
  }
}

// Types of up to 16 bits: round half away from zero, clamp in float, where every bound is exact.
template <class T>
HWY_INLINE void store_small(const float* HWY_RESTRICT from, std::int64_t n, T* HWY_RESTRICT out) {
  const Floats d;
  const hn::Rebind<std::int32_t, Floats> di;
  const hn::Rebind<T, Floats> dt;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto low = hn::Set(d, static_cast<float>(std::numeric_limits<T>::min()));
  const auto high = hn::Set(d, static_cast<float>(std::numeric_limits<T>::max()));
  const auto half = hn::Set(d, 0.5F), one = hn::Set(d, 1.0F);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto v = hn::LoadU(d, from + i);
    v = hn::IfThenElseZero(hn::Eq(v, v), v);
    v = hn::Min(hn::Max(v, low), high);
    const auto whole = hn::Trunc(v);
    const auto away =
        hn::IfThenElseZero(hn::Ge(hn::Abs(hn::Sub(v, whole)), half), hn::CopySign(one, v));
    hn::StoreU(hn::DemoteTo(dt, hn::ConvertTo(di, hn::Add(whole, away))), dt, out + i);
  }
  for (; i < n; ++i) out[i] = saturate<T>(from[i]);
}

template <class T>
void store(const float* HWY_RESTRICT from, const Axis& x, const Axis& channel, std::int64_t n,
           bool dense, void* to) {
  T* HWY_RESTRICT out = static_cast<T*>(to);
  const std::int64_t channels = channel.extent;
  if (!dense) {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t c = 0; c < channels; ++c)
        out[i * x.out + c * channel.out] = saturate<T>(*from++);
  } else if constexpr (std::is_integral_v<T> && sizeof(T) <= 2 && !std::is_same_v<T, bool>) {
    store_small(from, n * channels, out);
  } else {
    for (std::int64_t i = 0; i < n * channels; ++i) out[i] = saturate<T>(from[i]);
  }
}

// One tile of one outer position. The rings hold row y (or plane z) at index modulo their length,
// which the rows in reach never exceed.
class Tile {
 public:
  Tile(const Plan& p, const std::byte* in, std::byte* out, std::byte* slot, std::int64_t tz,
       std::int64_t ty, std::int64_t tx)
      : p_(p),
        in_(in),
        out_(out),
        in_size_(static_cast<std::int64_t>(size_of(p.in_type))),
        out_size_(static_cast<std::int64_t>(size_of(p.out_type))),
        channels_(p.channel.extent) {
    z0_ = tz * p.tile_z, z1_ = std::min(p.z.extent, z0_ + p.tile_z);
    y0_ = ty * p.tile_y, y1_ = std::min(p.y.extent, y0_ + p.tile_y);
    x0_ = tx * p.tile_x, x1_ = std::min(p.x.extent, x0_ + p.tile_x);
    y_low_ = std::max<std::int64_t>(0, y0_ - p.y.radius);
    y_high_ = std::min(p.y.extent, y1_ + p.y.radius);
    x_low_ = std::max<std::int64_t>(0, x0_ - p.x.radius);
    x_high_ = std::min(p.x.extent, x1_ + p.x.radius);
    rows_ = reinterpret_cast<const float**>(slot);
    z_ring_ = reinterpret_cast<float*>(slot + p.pointer_bytes);
    y_ring_ = z_ring_ + p.row * p.planes * p.plane_rows;
    line_ = y_ring_ + p.row * p.z_rows;
    result_ = line_ + (p.tile_x + 2 * p.x.radius) * channels_;
    dispatch_all(p.in_type, [&](auto tag) { fetch_ = &fetch<typename decltype(tag)::type>; });
    dispatch_all(p.out_type, [&](auto tag) { store_ = &store<typename decltype(tag)::type>; });
  }

  void run() {
    std::int64_t loaded = std::max<std::int64_t>(0, z0_ - p_.z.radius);
    for (std::int64_t z = z0_; z < z1_; ++z) {
      if (!p_.direct_in)
        for (; loaded <= std::min(p_.z.extent - 1, z + p_.z.radius); ++loaded) load_plane(loaded);
      std::int64_t ready = y_low_;
      for (std::int64_t y = y0_; y < y1_; ++y) {
        for (; ready <= std::min(p_.y.extent - 1, y + p_.y.radius); ++ready)
          weigh_along_z(z, ready);
        weigh_along_y(y);
        mirror_ends();
        write_row(z, y);
      }
    }
  }

 private:
  const std::byte* source(std::int64_t z, std::int64_t y) const {
    return in_ + (z * p_.z.in + y * p_.y.in + x_low_ * p_.x.in) * in_size_;
  }
  float* plane_row(std::int64_t z, std::int64_t y) const {
    return z_ring_ + p_.row * ((z % p_.planes) * p_.plane_rows + (y - y_low_));
  }
  float* ring_row(std::int64_t y) const { return y_ring_ + p_.row * (y % p_.z_rows); }

  void load_plane(std::int64_t z) {
    for (std::int64_t y = y_low_; y < y_high_; ++y)
      fetch_(source(z, y), p_.x, p_.channel, x_high_ - x_low_, plane_row(z, y));
  }

  void weigh_along_z(std::int64_t z, std::int64_t y) {
    const std::int64_t r = p_.z.radius;
    for (std::int64_t k = -r; k <= r; ++k) {
      const std::int64_t at = reflect_101(z + k, p_.z.extent);
      rows_[r + k] =
          p_.direct_in ? reinterpret_cast<const float*>(source(at, y)) : plane_row(at, y);
    }
    weigh(Pointers{rows_ + r}, r, p_.z.half, (x_high_ - x_low_) * channels_, ring_row(y));
  }

  void weigh_along_y(std::int64_t y) {
    const std::int64_t r = p_.y.radius;
    for (std::int64_t k = -r; k <= r; ++k) rows_[r + k] = ring_row(reflect_101(y + k, p_.y.extent));
    weigh(Pointers{rows_ + r}, r, p_.y.half, (x_high_ - x_low_) * channels_, line_at(x_low_));
  }

  // Where x lies in the line, which begins at x0 - radius.
  float* line_at(std::int64_t x) const { return line_ + (x - x0_ + p_.x.radius) * channels_; }

  void mirror_ends() {
    const auto mirror = [&](std::int64_t x) {
      std::memcpy(line_at(x), line_at(reflect_101(x, p_.x.extent)),
                  static_cast<std::size_t>(channels_) * 4);
    };
    for (std::int64_t x = x0_ - p_.x.radius; x < x_low_; ++x) mirror(x);
    for (std::int64_t x = x_high_; x < x1_ + p_.x.radius; ++x) mirror(x);
  }

  void write_row(std::int64_t z, std::int64_t y) {
    std::byte* out = out_ + (z * p_.z.out + y * p_.y.out + x0_ * p_.x.out) * out_size_;
    const std::int64_t n = (x1_ - x0_) * channels_;
    const bool straight = p_.out_type == DType::f32 && p_.dense_out && !p_.add;
    float* result = straight ? reinterpret_cast<float*>(out) : result_;
    weigh(Shifted{line_at(x0_), channels_}, p_.x.radius, p_.x.half, n, result);
    if (straight) return;
    if (p_.add) {
      auto* sums = reinterpret_cast<float*>(out);
      for (std::int64_t x = 0; x < x1_ - x0_; ++x)
        for (std::int64_t c = 0; c < channels_; ++c)
          sums[x * p_.x.out + c * p_.channel.out] += result_[x * channels_ + c];
    } else {
      store_(result_, p_.x, p_.channel, x1_ - x0_, p_.dense_out, out);
    }
  }

  const Plan& p_;
  const std::byte* in_;
  std::byte* out_;
  std::int64_t in_size_, out_size_, channels_;
  std::int64_t z0_, z1_, y0_, y1_, x0_, x1_;
  std::int64_t y_low_, y_high_, x_low_, x_high_;  // what the windows reach
  const float** rows_;
  float *z_ring_, *y_ring_, *line_, *result_;
  void (*fetch_)(const void*, const Axis&, const Axis&, std::int64_t, float*);
  void (*store_)(const float*, const Axis&, const Axis&, std::int64_t, bool, void*);
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

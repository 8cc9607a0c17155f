// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/normalize.h"

#include <algorithm>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/walk.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise/normalize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef VARO_KERNELS_POINTWISE_NORMALIZE_
#define VARO_KERNELS_POINTWISE_NORMALIZE_
namespace varo::normalization {

inline constexpr std::int64_t kBlock = 1024;

// `count` elements `step` apart; offset and gain hold one value each if uniform, else `count`.
using Row = void (*)(const void* in, std::int64_t step, std::int64_t count, const double* offset,
                     const double* gain, bool uniform, double shift, void* out);

}  // namespace varo::normalization
#endif  // VARO_KERNELS_POINTWISE_NORMALIZE_

HWY_BEFORE_NAMESPACE();
namespace varo::normalization {
namespace HWY_NAMESPACE {
namespace {

template <class Out>
HWY_INLINE Out scaled(double value, double offset, double gain, double shift) {
  const double moved = (value - offset) * gain;
  return static_cast<Out>((gain == 0 ? 0 : moved) + shift);
}

template <class T, class Out>
void row(const void* from, std::int64_t step, std::int64_t count, const double* HWY_RESTRICT offset,
         const double* HWY_RESTRICT gain, bool uniform, double shift, void* to) {
  const T* HWY_RESTRICT in = static_cast<const T*>(from);
  Out* HWY_RESTRICT out = static_cast<Out*>(to);
  if (uniform) {
    const double o = offset[0], g = gain[0];
    if (step == 1) {
      for (std::int64_t i = 0; i < count; ++i)
        out[i] = scaled<Out>(saturate<double>(in[i]), o, g, shift);
    } else {
      for (std::int64_t i = 0; i < count; ++i)
        out[i] = scaled<Out>(saturate<double>(in[i * step]), o, g, shift);
    }
  } else if (step == 1) {
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = scaled<Out>(saturate<double>(in[i]), offset[i], gain[i], shift);
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = scaled<Out>(saturate<double>(in[i * step]), offset[i], gain[i], shift);
  }
}

Row choose(DType in, bool to_float) {
  Row chosen = nullptr;
  dispatch_all(in, [&](auto tag) {
    using T = typename decltype(tag)::type;
    chosen = to_float ? &row<T, float> : &row<T, double>;
  });
  return chosen;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::normalization
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace normalization {
namespace {

HWY_EXPORT(choose);

// Groups shorter than this are not worth a row of their own.
constexpr std::int64_t kShortGroup = 32;

constexpr int kOut = 0, kIn = 1, kParam = 2;

// The volume as rows of `repeat` groups side by side. Parameters may go on from one element of a
// group to the next, and from one group to the next.
struct Groups {
  Walk<3> rows;  // what is outside of a row: rank may be 0
  WalkAxis<3> repeat{1, {}}, group{1, {}};
  bool uniform() const { return group.step[kParam] == 0 && repeat.step[kParam] == 0; }
};

Groups groups_of(const ConstView& in, const View& out, const Strides& params) {
  Groups g{.rows = walk_of(in.shape, Order::memory, out.strides, in.strides, params)};
  g.group = g.rows.axis[--g.rows.rank];
  if (g.rows.rank == 0) return g;
  const WalkAxis<3>& a = g.rows.axis[g.rows.rank - 1];
  const bool side_by_side = a.step[kIn] == g.group.step[kIn] * g.group.extent &&
                            a.step[kOut] == g.group.step[kOut] * g.group.extent;
  if (side_by_side && g.group.extent < (a.step[kParam] == 0 ? kBlock : kShortGroup)) {
    g.repeat = a;
    --g.rows.rank;
  }
  return g;
}

class Rows {
 public:
  Rows(const Groups& groups, const ConstView& in, const View& out, const NormalizeParams& params)
      : groups_(groups),
        in_(in),
        out_(out),
        params_(params),
        row_(HWY_DYNAMIC_DISPATCH(choose)(in.dtype, out.dtype == DType::f32)),
        direct_((out.dtype == DType::f32 || out.dtype == DType::f64) &&
                groups.group.step[kOut] == 1),
        uniform_(groups.uniform()) {}

  // Elements [begin, end) of a row, which starts at these offsets.
  void run(std::int64_t in, std::int64_t out, std::int64_t param, std::int64_t begin,
           std::int64_t end) {
    const std::int64_t group = groups_.group.extent;
    // Whole groups, so that a block's parameters are those of the block before.
    const std::int64_t block = uniform_ || group >= kBlock ? kBlock : kBlock / group * group;
    std::int64_t loaded = 0, loaded_at = -1;
    for (std::int64_t i = begin, n = 0; i < end; i += n) {
      const std::int64_t at = i % group;
      n = std::min(block, end - i);
      const double *offset = offset_, *gain = gain_;
      if (uniform_) {
        offset = params_.offset + param;
        gain = params_.gain + param;
      } else if (group >= kBlock && groups_.group.step[kParam] == 1) {
        n = std::min(n, group - at);
        offset = params_.offset + param + at;
        gain = params_.gain + param + at;
      } else if (groups_.repeat.step[kParam] != 0 || at != loaded_at || n > loaded) {
        load(param + i / group * groups_.repeat.step[kParam], at, n);
        loaded = n;
        loaded_at = at;
      }
      void* const to = advanced(out_.data, out + i * groups_.group.step[kOut], out_.dtype);
      row_(advanced(in_.data, in + i * groups_.group.step[kIn], in_.dtype), groups_.group.step[kIn],
           n, offset, gain, uniform_, params_.shift, direct_ ? to : buffer_);
      if (!direct_) store(n, to);
    }
  }

 private:
  // Parameters of n elements from number `at` of a group, whose own parameters start at `param`.
  void load(std::int64_t param, std::int64_t at, std::int64_t n) {
    for (std::int64_t k = 0; k < n; param += groups_.repeat.step[kParam], at = 0) {
      for (; at < groups_.group.extent && k < n; ++at, ++k) {
        offset_[k] = params_.offset[param + at * groups_.group.step[kParam]];
        gain_[k] = params_.gain[param + at * groups_.group.step[kParam]];
      }
    }
  }

  void store(std::int64_t n, void* to) {
    const std::int64_t step = groups_.group.step[kOut];
    dispatch_all(out_.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* out = static_cast<T*>(to);
      if (out_.dtype == DType::f32) {
        const float* from = reinterpret_cast<const float*>(buffer_);
        for (std::int64_t i = 0; i < n; ++i) out[i * step] = saturate<T>(from[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i) out[i * step] = saturate<T>(buffer_[i]);
      }
    });
  }

  const Groups& groups_;
  const ConstView in_;
  const View& out_;
  const NormalizeParams& params_;
  const Row row_;
  const bool direct_, uniform_;
  double offset_[kBlock], gain_[kBlock], buffer_[kBlock];
};

}  // namespace
}  // namespace normalization

void normalize(const ConstView& in, const View& out, const NormalizeParams& params,
               Parallel& parallel) {
  namespace nm = normalization;
  if (in.volume() == 0) return;
  const nm::Groups g = nm::groups_of(in, out, params.strides);
  const std::int64_t length = g.repeat.extent * g.group.extent;
  // Long rows in pieces of whole blocks, short ones many together.
  constexpr std::int64_t kPiece = 32 * nm::kBlock;
  const bool any_cut = g.uniform() || g.group.extent >= nm::kBlock;
  const std::int64_t size =
      std::min(length, any_cut ? kPiece : kPiece / g.group.extent * g.group.extent);
  const std::int64_t pieces = (length + size - 1) / size;
  parallel_for(parallel, g.rows.count() * pieces, 2 * kPiece / size,
               [&](std::int64_t begin, std::int64_t end) {
                 nm::Rows rows(g, in, out, params);
                 for (std::int64_t k = begin; k < end; ++k) {
                   const auto start = [&](int i) { return g.rows.offset(k / pieces, i); };
                   const std::int64_t first = k % pieces * size;
                   rows.run(start(nm::kIn), start(nm::kOut), start(nm::kParam), first,
                            std::min(length, first + size));
                 }
               });
}

}  // namespace varo
#endif

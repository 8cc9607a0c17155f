// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce_item.h"

#include <algorithm>

#include "core/convert.h"

namespace varo::reduction {

double mean_at(const ConstView& mean, std::int64_t at) {
  return mean.dtype == DType::f64 ? mean.ptr<double>()[at]
                                  : static_cast<double>(mean.ptr<float>()[at]);
}

Item::Item(const Plan& p, const Outcome& outcome, const void* in, void* out, std::byte* partials)
    : p_(p),
      outcome_(outcome),
      accumulate_(accumulator(element_type(p.in_type), p.spec.what)),
      in_(in),
      out_(out),
      partials_(partials),
      outer_run_(p.outer.run(kIn)),
      reduced_run_(p.reduced.run(kIn)),
      inner_run_(p.inner.run(kIn)),
      side_by_side_(p.lanes == 1 && p.inners == 1) {}

void Item::run(std::int64_t item) {
  const std::int64_t chunk = item % p_.chunks;
  item /= p_.chunks;
  const std::int64_t inner_tiles = (p_.inners + p_.tile_inner - 1) / p_.tile_inner;
  inner_ = item % inner_tiles * p_.tile_inner;
  width_ = std::min(p_.tile_inner, p_.inners - inner_);
  const std::int64_t outer = item / inner_tiles * p_.tile_outer;
  if (side_by_side_) return run_side_by_side(outer, std::min(p_.outers, outer + p_.tile_outer));
  const std::int64_t begin = chunk * p_.chunk, end = std::min(p_.reduces, begin + p_.chunk);
  for (std::int64_t o = outer; o < std::min(p_.outers, outer + p_.tile_outer); ++o) {
    base_ = p_.outer.offset(o, kIn);
    outcome_.start(p_.lanes * width_, acc_);
    if (p_.spec.mean.data != nullptr) load_mean(o);
    reduce_range(begin, end);
    outcome_.fold_lanes(p_.lanes, width_, acc_);
    if (p_.chunks > 1) {
      std::copy_n(acc_, width_ * outcome_.size,
                  partials_ + ((o * p_.chunks + chunk) * p_.inners + inner_) * outcome_.size);
    } else {
      outcome_.write(p_, acc_, width_, p_.inner, inner_, p_.outer.offset(o, kOut), out_);
    }
  }
}

void Item::run_side_by_side(std::int64_t begin, std::int64_t end) {
  const std::int64_t most = std::min(kMaxInner, kBuffer / std::max<std::int64_t>(p_.reduces, 1));
  for (std::int64_t o = begin; o < end; o += most) {
    const std::int64_t n = std::min(most, end - o);
    outcome_.start(n, acc_);
    if (p_.spec.mean.data != nullptr)
      for (std::int64_t i = 0; i < n; ++i)
        mean_[i] = mean_at(p_.spec.mean, p_.outer.offset(o + i, kMean));
    dispatch_all(p_.in_type, [&](auto tag) { transpose<typename decltype(tag)::type>(o, n); });
    accumulate_(buffer_, p_.reduces, n, n, 0, mean_, acc_);
    outcome_.write(p_, acc_, n, p_.outer, o, 0, out_);
  }
}

template <class T>
void Item::transpose(std::int64_t outer, std::int64_t n) {
  using Element = std::conditional_t<std::is_same_v<T, Half>, float, T>;
  const T* in = static_cast<const T*>(in_);
  Element* to = reinterpret_cast<Element*>(buffer_);
  const bool even = outer_run_.length == p_.outers;
  for (std::int64_t j = 0; j < p_.reduces; ++j, to += n) {
    const T* from = in + p_.reduced.offset(j, kIn);
    if (even) {
      from += outer * outer_run_.step;
      for (std::int64_t i = 0; i < n; ++i) to[i] = saturate<Element>(from[i * outer_run_.step]);
    } else {
      for (std::int64_t i = 0; i < n; ++i)
        to[i] = saturate<Element>(from[p_.outer.offset(outer + i, kIn)]);
    }
  }
}

void Item::load_mean(std::int64_t outer) {
  const std::int64_t base = p_.outer.offset(outer, kMean);
  for (std::int64_t i = 0; i < width_; ++i)
    mean_[i] = mean_at(p_.spec.mean, base + p_.inner.offset(inner_ + i, kMean));
  for (std::int64_t i = width_; i < p_.lanes * width_; ++i) mean_[i] = mean_[i - width_];
}

void Item::reduce_range(std::int64_t begin, std::int64_t end) {
  const bool inner_lies =
      p_.inners == 1 || (inner_run_.step == 1 && inner_run_.length == p_.inners);
  const bool whole_lanes = reduced_run_.length % p_.lanes == 0 || reduced_run_.length == p_.reduces;
  const bool in_place = p_.in_type != DType::f16 && inner_lies &&
                        (p_.lanes == 1 || (reduced_run_.step == width_ && whole_lanes));
  const std::int64_t run = std::max<std::int64_t>(reduced_run_.length, 1);
  const std::int64_t fits = std::max<std::int64_t>(kBuffer / (p_.lanes * width_), 1) * p_.lanes;
  for (std::int64_t j = begin, stop = begin; j < end; j = stop) {
    if (in_place) {
      stop = std::min(end, j - j % run + run);
      take(advanced(in_, base_ + p_.reduced.offset(j, kIn) + inner_, p_.in_type), stop - j,
           reduced_run_.step);
    } else {
      stop = std::min(end, j + fits);
      dispatch_all(p_.in_type, [&](auto tag) { gather<typename decltype(tag)::type>(j, stop); });
      take(buffer_, stop - j, width_);
    }
  }
}

void Item::take(const void* x, std::int64_t count, std::int64_t step) {
  accumulate_(x, count / p_.lanes, p_.lanes * width_, p_.lanes * step, count % p_.lanes * width_,
              mean_, acc_);
}

template <class T>
void Item::gather(std::int64_t begin, std::int64_t end) {
  using Element = std::conditional_t<std::is_same_v<T, Half>, float, T>;
  const T* in = static_cast<const T*>(in_) + base_;
  Element* to = reinterpret_cast<Element*>(buffer_);
  const WalkAxis<3>& last = p_.reduced.axis[p_.reduced.rank - 1];
  const std::int64_t row = last.extent, step = last.step[kIn];
  for (std::int64_t j = begin; j < end;) {
    const T* from = in + p_.reduced.offset(j, kIn);
    const std::int64_t stop = std::min(end, j - j % row + row);
    for (; j < stop; ++j, from += step) {
      if (p_.inners == 1) {
        *to++ = saturate<Element>(*from);
      } else if (inner_run_.length == p_.inners) {
        for (std::int64_t i = inner_; i < inner_ + width_; ++i)
          *to++ = saturate<Element>(from[i * inner_run_.step]);
      } else {
        for (std::int64_t i = inner_; i < inner_ + width_; ++i)
          *to++ = saturate<Element>(from[p_.inner.offset(i, kIn)]);
      }
    }
  }
}

}  // namespace varo::reduction

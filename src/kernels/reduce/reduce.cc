// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce.h"

#include <algorithm>

#include "core/convert.h"
#include "kernels/reduce/accumulate.h"

namespace varo {

namespace reduction {
namespace {

constexpr std::int64_t kBuffer = 2048;  // elements; lanes * tile_inner of them always fit

// What is left to do with accumulators, once per output and not per element.
struct Outcome {
  void (*start)(std::int64_t n, void* acc);
  void (*fold)(const void* from, std::int64_t n, void* acc);  // acc[i] with from[i]
  // n of them, to positions first, first + 1, ... of the axes.
  void (*write)(const Plan&, const void* acc, std::int64_t n, const Axes& axes, std::int64_t first,
                std::int64_t base, void* out);
  std::int64_t size;  // bytes of an accumulator

  void fold_lanes(std::int64_t lanes, std::int64_t width, std::byte* acc) const {
    for (std::int64_t half = lanes / 2; half > 0; half /= 2)
      fold(acc + half * width * size, half * width, acc);
  }
};

double finish(const Plan& p, double value) {
  const auto n = static_cast<double>(p.reduces);
  switch (p.spec.what) {
    case Reduction::mean:
    case Reduction::mean_square:
      return value / n;
    case Reduction::rms:
      return std::sqrt(value / n);
    case Reduction::variance:
      return n > 0 && n <= p.spec.ddof ? 0.0 : value / (n - p.spec.ddof);
    case Reduction::std_dev:
      return n > 0 && n <= p.spec.ddof ? 0.0 : std::sqrt(value / (n - p.spec.ddof));
    default:
      return value;
  }
}

template <class Acc>
void write(const Plan& p, const void* accumulators, std::int64_t n, const Axes& axes,
           std::int64_t first, std::int64_t base, void* out) {
  const Acc* acc = static_cast<const Acc*>(accumulators);
  const bool plain = p.spec.what == Reduction::sum || p.spec.what == Reduction::min ||
                     p.spec.what == Reduction::max;
  const Axes::Run run = axes.run(axes.out);
  const bool even = run.length == axes.count();
  dispatch_all(p.out_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(out) + base;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t at = even ? (first + i) * run.step : axes.offset(first + i, axes.out);
      to[at] = plain ? saturate<T>(acc[i]) : saturate<T>(finish(p, static_cast<double>(acc[i])));
    }
  });
}

template <class Op>
Outcome outcome() {
  using Acc = typename Op::Acc;
  return {[](std::int64_t n, void* acc) { std::fill_n(static_cast<Acc*>(acc), n, Op::start()); },
          [](const void* from, std::int64_t n, void* acc) {
            Acc* a = static_cast<Acc*>(acc);
            for (std::int64_t i = 0; i < n; ++i)
              a[i] = Op::fold(a[i], static_cast<const Acc*>(from)[i]);
          },
          &write<Acc>, sizeof(Acc)};
}

Outcome outcome_of(const Plan& p) {
  Outcome chosen{};
  dispatch_element(element_type(p.in_type), [&](auto type) {
    using T = typename decltype(type)::type;
    chosen = with_operation<T>(p.spec.what,
                               [](auto op) { return outcome<typename decltype(op)::type>(); });
  });
  return chosen;
}

double mean_at(const ConstView& mean, std::int64_t at) {
  return mean.dtype == DType::f64 ? mean.ptr<double>()[at]
                                  : static_cast<double>(mean.ptr<float>()[at]);
}

class Item {
 public:
  Item(const Plan& p, const Outcome& outcome, const void* in, void* out, std::byte* partials)
      : p_(p),
        outcome_(outcome),
        accumulate_(accumulator(element_type(p.in_type), p.spec.what)),
        in_(static_cast<const std::byte*>(in)),
        out_(out),
        partials_(partials),
        size_(static_cast<std::int64_t>(size_of(p.in_type))),
        outer_run_(p.outer.run(p.outer.in)),
        reduced_run_(p.reduced.run(p.reduced.in)),
        inner_run_(p.inner.run(p.inner.in)),
        side_by_side_(p.lanes == 1 && p.inners == 1) {}

  void run(std::int64_t item) {
    const std::int64_t chunk = item % p_.chunks;
    item /= p_.chunks;
    const std::int64_t inner_tiles = (p_.inners + p_.tile_inner - 1) / p_.tile_inner;
    inner_ = item % inner_tiles * p_.tile_inner;
    width_ = std::min(p_.tile_inner, p_.inners - inner_);
    const std::int64_t outer = item / inner_tiles * p_.tile_outer;
    if (side_by_side_) return run_side_by_side(outer, std::min(p_.outers, outer + p_.tile_outer));
    const std::int64_t begin = chunk * p_.chunk, end = std::min(p_.reduces, begin + p_.chunk);
    for (std::int64_t o = outer; o < std::min(p_.outers, outer + p_.tile_outer); ++o) {
      base_ = p_.outer.offset(o, p_.outer.in);
      outcome_.start(p_.lanes * width_, acc_);
      if (p_.spec.mean.data != nullptr) load_mean(o);
      reduce_range(begin, end);
      outcome_.fold_lanes(p_.lanes, width_, acc_);
      if (p_.chunks > 1) {
        std::copy_n(acc_, width_ * outcome_.size,
                    partials_ + ((o * p_.chunks + chunk) * p_.inners + inner_) * outcome_.size);
      } else {
        outcome_.write(p_, acc_, width_, p_.inner, inner_, p_.outer.offset(o, p_.outer.out), out_);
      }
    }
  }

 private:
  // Outer positions [begin, end) with one element after another of each: an element of the sum is a
  // row of the buffer.
  void run_side_by_side(std::int64_t begin, std::int64_t end) {
    const std::int64_t most = std::min(kMaxInner, kBuffer / std::max<std::int64_t>(p_.reduces, 1));
    for (std::int64_t o = begin; o < end; o += most) {
      const std::int64_t n = std::min(most, end - o);
      outcome_.start(n, acc_);
      if (p_.spec.mean.data != nullptr)
        for (std::int64_t i = 0; i < n; ++i)
          mean_[i] = mean_at(p_.spec.mean, p_.outer.offset(o + i, p_.outer.mean));
      dispatch_all(p_.in_type, [&](auto tag) { transpose<typename decltype(tag)::type>(o, n); });
      accumulate_(buffer_, p_.reduces, n, n, 0, mean_, acc_);
      outcome_.write(p_, acc_, n, p_.outer, o, 0, out_);
    }
  }

  template <class T>
  void transpose(std::int64_t outer, std::int64_t n) {
    using Element = std::conditional_t<std::is_same_v<T, Half>, float, T>;
    const T* in = reinterpret_cast<const T*>(in_);
    Element* to = reinterpret_cast<Element*>(buffer_);
    const bool even = outer_run_.length == p_.outers;
    for (std::int64_t j = 0; j < p_.reduces; ++j, to += n) {
      const T* from = in + p_.reduced.offset(j, p_.reduced.in);
      if (even) {
        from += outer * outer_run_.step;
        for (std::int64_t i = 0; i < n; ++i) to[i] = saturate<Element>(from[i * outer_run_.step]);
      } else {
        for (std::int64_t i = 0; i < n; ++i)
          to[i] = saturate<Element>(from[p_.outer.offset(outer + i, p_.outer.in)]);
      }
    }
  }

  void load_mean(std::int64_t outer) {
    const std::int64_t base = p_.outer.offset(outer, p_.outer.mean);
    for (std::int64_t i = 0; i < width_; ++i)
      mean_[i] = mean_at(p_.spec.mean, base + p_.inner.offset(inner_ + i, p_.inner.mean));
    for (std::int64_t i = width_; i < p_.lanes * width_; ++i) mean_[i] = mean_[i - width_];
  }

  // Reduced indices [begin, end); begin is a multiple of lanes.
  void reduce_range(std::int64_t begin, std::int64_t end) {
    const bool inner_lies =
        p_.inners == 1 || (inner_run_.step == 1 && inner_run_.length == p_.inners);
    const bool whole_lanes =
        reduced_run_.length % p_.lanes == 0 || reduced_run_.length == p_.reduces;
    const bool in_place = p_.in_type != DType::f16 && inner_lies &&
                          (p_.lanes == 1 || (reduced_run_.step == width_ && whole_lanes));
    const std::int64_t run = std::max<std::int64_t>(reduced_run_.length, 1);
    const std::int64_t fits = std::max<std::int64_t>(kBuffer / (p_.lanes * width_), 1) * p_.lanes;
    for (std::int64_t j = begin, stop = begin; j < end; j = stop) {
      if (in_place) {
        stop = std::min(end, j - j % run + run);
        take(in_ + (base_ + p_.reduced.offset(j, p_.reduced.in) + inner_) * size_, stop - j,
             reduced_run_.step);
      } else {
        stop = std::min(end, j + fits);
        dispatch_all(p_.in_type, [&](auto tag) { gather<typename decltype(tag)::type>(j, stop); });
        take(buffer_, stop - j, width_);
      }
    }
  }

  // `count` reduced indices, `step` apart in memory, their inner elements side by side.
  void take(const void* x, std::int64_t count, std::int64_t step) {
    accumulate_(x, count / p_.lanes, p_.lanes * width_, p_.lanes * step, count % p_.lanes * width_,
                mean_, acc_);
  }

  template <class T>
  void gather(std::int64_t begin, std::int64_t end) {
    using Element = std::conditional_t<std::is_same_v<T, Half>, float, T>;
    const T* in = reinterpret_cast<const T*>(in_) + base_;
    Element* to = reinterpret_cast<Element*>(buffer_);
    const int last = p_.reduced.rank - 1;
    const std::int64_t row = last >= 0 ? p_.reduced.extent[last] : 1,
                       step = last >= 0 ? p_.reduced.in[last] : 0;
    for (std::int64_t j = begin; j < end;) {
      const T* from = in + p_.reduced.offset(j, p_.reduced.in);
      const std::int64_t stop = std::min(end, j - j % row + row);
      for (; j < stop; ++j, from += step) {
        if (p_.inners == 1) {
          *to++ = saturate<Element>(*from);
        } else if (inner_run_.length == p_.inners) {
          for (std::int64_t i = inner_; i < inner_ + width_; ++i)
            *to++ = saturate<Element>(from[i * inner_run_.step]);
        } else {
          for (std::int64_t i = inner_; i < inner_ + width_; ++i)
            *to++ = saturate<Element>(from[p_.inner.offset(i, p_.inner.in)]);
        }
      }
    }
  }

  const Plan& p_;
  const Outcome& outcome_;
  const Accumulate accumulate_;
  const std::byte* in_;
  void* out_;
  std::byte* partials_;
  const std::int64_t size_;
  const Axes::Run outer_run_, reduced_run_, inner_run_;
  const bool side_by_side_;
  std::int64_t base_ = 0, inner_ = 0, width_ = 0;
  alignas(64) double mean_[kMaxInner] = {};
  alignas(64) std::byte acc_[kMaxInner * 8];
  alignas(64) std::byte buffer_[kBuffer * 8];
};

void add_chunks(const Plan& p, const Outcome& outcome, std::byte* partials, void* out) {
  for (std::int64_t o = 0; o < p.outers; ++o) {
    std::byte* sums = partials + o * p.chunks * p.inners * outcome.size;
    for (std::int64_t c = 1; c < p.chunks; ++c)
      outcome.fold(sums + c * p.inners * outcome.size, p.inners, sums);
    outcome.write(p, sums, p.inners, p.inner, 0, p.outer.offset(o, p.outer.out), out);
  }
}

}  // namespace
}  // namespace reduction

std::size_t reduce_scratch_bytes(const ConstView& in, const ReduceSpec& spec) {
  const reduction::Plan p = reduction::make_plan(in, spec);
  return p.chunks > 1 ? static_cast<std::size_t>(p.outers * p.chunks * p.inners) * 8 : 0;
}

void reduce(const ConstView& in, const View& out, const ReduceSpec& spec, Parallel& parallel,
            std::span<std::byte> scratch) {
  const reduction::Plan p = reduction::make_plan(in, out, spec);
  if (p.items == 0) return;
  const reduction::Outcome outcome = reduction::outcome_of(p);
  parallel_for(parallel, p.items, 1, [&](std::int64_t begin, std::int64_t end) {
    reduction::Item item(p, outcome, in.data, out.data, scratch.data());
    for (std::int64_t i = begin; i < end; ++i) item.run(i);
  });
  if (p.chunks > 1) reduction::add_chunks(p, outcome, scratch.data(), out.data);
}

bool ReducePass::takes(const ConstView& in, const ReduceSpec& spec) {
  if (!is_dense(in)) return false;
  const reduction::Plan p = reduction::make_plan(in, spec);
  return p.outers == 1 && p.inners == 1 && p.lanes > 1 && p.chunk == std::min(p.reduces, kPiece);
}

struct ReducePass::Part {
  reduction::Plan plan;
  reduction::Outcome outcome;
  const void* in = nullptr;
  void* out = nullptr;
  std::byte* partials = nullptr;
  bool together = false;  // done in one loop with others
  double mean = 0;
  std::size_t accumulators = 0;  // which ones it has there

  // Accumulators of piece `number` are filled.
  void settle(std::int64_t number, std::byte* acc) const {
    outcome.fold_lanes(plan.lanes, 1, acc);
    if (plan.chunks > 1)
      std::copy_n(acc, outcome.size, partials + number * outcome.size);
    else
      outcome.write(plan, acc, 1, plan.inner, 0, 0, out);
  }
};

namespace {

// What accumulate_together() makes in one go; sums and deviations may be those of several parts.
struct Lanes {
  static constexpr std::size_t kSums = 0, kDeviations = 1, kLeast = 2, kMost = 3, kKinds = 4;
  static constexpr std::size_t kBytes = reduction::kLanes * sizeof(double);
  alignas(64) std::byte of[kKinds][kBytes];
  alignas(64) double mean[reduction::kLanes] = {};
  reduction::Together to;

  void start(std::size_t kind, const reduction::Outcome& outcome) {
    outcome.start(reduction::kLanes, of[kind]);
    auto* const wide = reinterpret_cast<double*>(of[kind]);
    auto* const narrow = reinterpret_cast<float*>(of[kind]);
    if (kind == kSums) to.sums = wide;
    if (kind == kDeviations) to.deviations = wide;
    if (kind == kLeast) to.least = narrow;
    if (kind == kMost) to.most = narrow;
    to.mean = mean;
  }
};

// Which of these a reduction needs; kKinds if none.
std::size_t kind_of(Reduction what) {
  switch (what) {
    case Reduction::sum:
    case Reduction::mean:
      return Lanes::kSums;
    case Reduction::variance:
    case Reduction::std_dev:
      return Lanes::kDeviations;
    case Reduction::min:
      return Lanes::kLeast;
    case Reduction::max:
      return Lanes::kMost;
    default:
      return Lanes::kKinds;
  }
}

}  // namespace

ReducePass::ReducePass(const ConstView& in, std::span<const ReduceRequest> requests)
    : parts_(std::make_unique<Part[]>(requests.size())), count_(requests.size()) {
  const Part* about = nullptr;  // the deviations that are done together
  for (std::size_t i = 0; i < count_; ++i) {
    const ReduceRequest& r = requests[i];
    Part& part = parts_[i];
    part.plan = reduction::make_plan(in, r.out, r.spec);
    part.outcome = reduction::outcome_of(part.plan);
    part.in = in.data;
    part.out = r.out.data;
    part.partials = r.scratch.data();
    part.accumulators = kind_of(r.spec.what);
    part.together = in.dtype == DType::f32 && part.accumulators < Lanes::kKinds;
    if (!part.together || part.accumulators != Lanes::kDeviations) continue;
    part.mean = reduction::mean_at(r.spec.mean, 0);
    if (about == nullptr) about = &part;
    // NaN is no mean of two.
    part.together = about == &part || about->mean == part.mean;
  }
}

ReducePass::~ReducePass() = default;

void ReducePass::piece(std::int64_t number) {
  Lanes lanes;
  bool any = false;
  for (std::size_t i = 0; i < count_; ++i) {
    const Part& part = parts_[i];
    if (part.together) {
      if (part.accumulators == Lanes::kDeviations)
        std::fill_n(lanes.mean, reduction::kLanes, part.mean);
      lanes.start(part.accumulators, part.outcome);
      any = true;
    } else {
      reduction::Item(part.plan, part.outcome, part.in, part.out, part.partials).run(number);
    }
  }
  if (!any) return;
  const reduction::Plan& plan = parts_[0].plan;
  const std::int64_t begin = number * plan.chunk, end = std::min(plan.reduces, begin + plan.chunk);
  reduction::accumulate_together(static_cast<const float*>(parts_[0].in) + begin, end - begin,
                                 lanes.to);
  for (std::size_t i = 0; i < count_; ++i) {
    if (!parts_[i].together) continue;
    alignas(64) std::byte acc[Lanes::kBytes];
    std::copy_n(lanes.of[parts_[i].accumulators], Lanes::kBytes, acc);
    parts_[i].settle(number, acc);
  }
}

void ReducePass::finish() {
  for (std::size_t i = 0; i < count_; ++i) {
    const Part& part = parts_[i];
    if (part.plan.chunks > 1)
      reduction::add_chunks(part.plan, part.outcome, part.partials, part.out);
  }
}

}  // namespace varo

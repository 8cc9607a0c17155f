// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/copy.h"

#include <cstring>

#include "core/convert.h"
#include "core/dispatch.h"

namespace varo {

namespace {

constexpr std::int64_t kGrainElements = std::int64_t{1} << 16;

// Two views walked together: axes of extent 1 dropped, ordered by the destination's stride, and
// neighbours merged where both views allow.
struct Walk {
  int rank = 0;
  std::int64_t extent[kMaxRank], from[kMaxRank], to[kMaxRank];
};

Walk walk_of(const ConstView& src, const View& dst) {
  int order[kMaxRank];
  int n = 0;
  for (int i = 0; i < src.rank(); ++i)
    if (src.shape[i] != 1) order[n++] = i;
  std::stable_sort(order, order + n, [&](int a, int b) {
    return std::abs(dst.strides[a]) > std::abs(dst.strides[b]);
  });
  Walk w;
  for (int k = 0; k < n; ++k) {
    const int i = order[k];
    if (w.rank > 0 && w.to[w.rank - 1] == dst.strides[i] * dst.shape[i] &&
        w.from[w.rank - 1] == src.strides[i] * src.shape[i]) {
      w.extent[w.rank - 1] *= src.shape[i];
      w.from[w.rank - 1] = src.strides[i];
      w.to[w.rank - 1] = dst.strides[i];
      continue;
    }
    w.extent[w.rank] = src.shape[i];
    w.from[w.rank] = src.strides[i];
    w.to[w.rank] = dst.strides[i];
    ++w.rank;
  }
  if (w.rank == 0) {
    w.rank = 1;
    w.extent[0] = 1;
    w.from[0] = w.to[0] = 1;
  }
  return w;
}

// Calls row(src offset, dst offset) for every innermost row, rows shared out over `parallel`.
template <class Row>
void for_rows(const Walk& w, Parallel& parallel, const Row& row) {
  std::int64_t rows = 1;
  for (int i = 0; i + 1 < w.rank; ++i) rows *= w.extent[i];
  const std::int64_t length = w.extent[w.rank - 1];
  if (rows == 0 || length == 0) return;
  parallel_for(parallel, rows, kGrainElements / length, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      std::int64_t rest = r, from = 0, to = 0;
      for (int i = w.rank - 2; i >= 0; --i) {
        const std::int64_t at = rest % w.extent[i];
        rest /= w.extent[i];
        from += at * w.from[i];
        to += at * w.to[i];
      }
      row(from, to);
    }
  });
}

}  // namespace

void copy(const ConstView& src, const View& dst, Parallel& parallel) {
  const Walk w = walk_of(src, dst);
  const int last = w.rank - 1;
  const std::int64_t n = w.extent[last], step_from = w.from[last], step_to = w.to[last];
  dispatch_width(src.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = src.ptr<T>();
    T* out = dst.ptr<T>();
    for_rows(w, parallel, [&](std::int64_t from, std::int64_t to) {
      const T* s = in + from;
      T* d = out + to;
      if (step_from == 1 && step_to == 1) {
        std::memcpy(d, s, static_cast<std::size_t>(n) * sizeof(T));
      } else if (step_to == 1) {
        for (std::int64_t i = 0; i < n; ++i) d[i] = s[i * step_from];
      } else {
        for (std::int64_t i = 0; i < n; ++i) d[i * step_to] = s[i * step_from];
      }
    });
  });
}

void fill(const View& dst, std::uint64_t bits, Parallel& parallel) {
  const ConstView one{&bits, dst.dtype, dst.shape, Dims::filled(dst.rank(), 0)};
  copy(one, dst, parallel);
}

void copy_tensor(const Tensor& src, const View& dst, Parallel& parallel) {
  if (!src.padded()) return copy(src.view(), dst, parallel);
  // Peel off the padding one axis at a time: what is left in `inner` is the valid box.
  const Box box = src.valid();
  const std::size_t size = dst.element_size();
  View inner = dst;
  for (int i = 0; i < dst.rank(); ++i) {
    const auto part = [&](std::int64_t lo, std::int64_t hi) {
      View v = inner;
      v.data = inner.ptr<std::byte>() + lo * inner.strides[i] * static_cast<std::int64_t>(size);
      v.shape[i] = hi - lo;
      return v;
    };
    const std::int64_t extent = inner.shape[i];
    if (box.lo[i] > 0) fill(part(0, box.lo[i]), src.fill_bits(), parallel);
    if (box.hi[i] < extent) fill(part(box.hi[i], extent), src.fill_bits(), parallel);
    inner = part(box.lo[i], box.hi[i]);
  }
  copy(src.valid_view(), inner, parallel);
}

void convert(const ConstView& src, const View& dst, Parallel& parallel) {
  if (src.dtype == dst.dtype) return copy(src, dst, parallel);
  const Walk w = walk_of(src, dst);
  const int last = w.rank - 1;
  const std::int64_t n = w.extent[last], step_from = w.from[last], step_to = w.to[last];
  dispatch_all(src.dtype, [&](auto from_tag) {
    using From = typename decltype(from_tag)::type;
    dispatch_all(dst.dtype, [&](auto to_tag) {
      using To = typename decltype(to_tag)::type;
      for_rows(w, parallel, [&](std::int64_t from, std::int64_t to) {
        const From* s = src.ptr<From>() + from;
        To* d = dst.ptr<To>() + to;
        for (std::int64_t i = 0; i < n; ++i) d[i * step_to] = saturate<To>(s[i * step_from]);
      });
    });
  });
}

}  // namespace varo

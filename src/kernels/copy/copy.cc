// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/copy.h"

#include <cstdlib>
#include <cstring>

#include "core/dispatch.h"
#include "kernels/copy/chunks.h"
#include "kernels/copy/rows.h"

namespace varo {

namespace {

// N bytes that move together; may lie at any address.
template <int N>
struct __attribute__((may_alias)) Blob {
  unsigned char bytes[N];
};

// A chunk that was written just before, in steps of 16 bytes: read back in equal steps, the loads
// are served from the store buffer, which wider ones would have to wait for.
void copy_bytes(void* dst, const void* src, std::size_t bytes) {
  auto* d = static_cast<unsigned char*>(dst);
  auto* s = static_cast<const unsigned char*>(src);
  typedef std::uint64_t Vec __attribute__((vector_size(16)));
  std::size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    Vec v;
    std::memcpy(&v, s + i, 16);
    std::memcpy(d + i, &v, 16);
  }
  if (i < bytes) std::memcpy(d + i, s + i, bytes - i);
}

template <class T>
struct CopySink {
  T* out;
  T* place(std::int64_t to) const { return out + to; }
  void operator()(const T* chunk, std::int64_t count, std::int64_t to, std::int64_t step) const {
    T* const d = out + to;
    if (step == 1) return copy_bytes(d, chunk, static_cast<std::size_t>(count) * sizeof(T));
    for (std::int64_t i = 0; i < count; ++i) d[i * step] = chunk[i];
  }
};

template <class T>
void copy_as(const void* src, void* dst, const Walk<2>& w, Parallel& parallel) {
  for_chunks(static_cast<const T*>(src), w, parallel, CopySink<T>{static_cast<T*>(dst)});
}

// Short rows that are contiguous on both sides (channels, mostly) move as one wide element:
// returns its size in bytes and takes the row out of the walk, or returns 0.
std::size_t widen(Walk<2>& w, std::size_t size) {
  const WalkAxis<2> row = w.axis[w.rank - 1];
  const std::size_t bytes = static_cast<std::size_t>(row.extent) * size;
  if (w.rank < 2 || row.step[kFrom] != 1 || row.step[kTo] != 1) return 0;
  if (bytes != 2 && bytes != 4 && bytes != 8 && bytes != 16) return 0;
  Walk<2> wide = w;
  --wide.rank;
  bool whole = true;
  const auto divide = [&](std::int64_t& offset) {
    whole = whole && offset % row.extent == 0;
    offset /= row.extent;
  };
  for (const int k : {kTo, kFrom}) {
    divide(wide.start[k]);
    for (int i = 0; i < wide.rank; ++i) divide(wide.axis[i].step[k]);
  }
  if (!whole) return 0;
  w = wide;
  return bytes;
}

// False where copy_rows() gains nothing for sure: dst stays in the caches and has no short axis of
// channels. It is asked first because small copies are many.
bool may_be_rows(const View& dst, std::int64_t stream_above) {
  if (dst.volume() * static_cast<std::int64_t>(dst.element_size()) > stream_above) return true;
  for (int i = 0; i < dst.rank(); ++i)
    if (std::abs(dst.strides[i]) == 1 && dst.shape[i] > 1 && dst.shape[i] <= 4) return true;
  return false;
}

}  // namespace

void copy(const ConstView& src, const View& dst, Parallel& parallel, bool past_caches) {
  const std::int64_t stream_above = past_caches ? 0 : kStreamAbove;
  if (may_be_rows(dst, stream_above) && copy_rows(unpadded(src), dst, parallel, stream_above))
    return;
  Walk<2> w = copy_walk(src, dst.strides);
  switch (w.count() == 0 ? 0 : widen(w, src.element_size())) {
    case 2:
      return copy_as<Blob<2>>(src.data, dst.data, w, parallel);
    case 4:
      return copy_as<Blob<4>>(src.data, dst.data, w, parallel);
    case 8:
      return copy_as<Blob<8>>(src.data, dst.data, w, parallel);
    case 16:
      return copy_as<Blob<16>>(src.data, dst.data, w, parallel);
    default:
      break;
  }
  dispatch_width(src.dtype, [&](auto tag) {
    copy_as<typename decltype(tag)::type>(src.data, dst.data, w, parallel);
  });
}

void fill(const View& dst, std::uint64_t bits, Parallel& parallel) {
  copy({&bits, dst.dtype, dst.shape, Dims::filled(dst.rank(), 0)}, dst, parallel);
}

void copy_padded(const PaddedView& src, const View& dst, Parallel& parallel, bool past_caches) {
  if (!src.padded()) return copy(src.inside, dst, parallel, past_caches);
  if (copy_rows(src, dst, parallel, past_caches ? 0 : kStreamAbove)) return;
  copy(src.inside, fill_outside(src.box, dst, src.fill, parallel), parallel);
}

View fill_outside(const Box& box, const View& dst, std::uint64_t bits, Parallel& parallel) {
  // Peel off the outside one axis at a time; what is left in `inner` is the box.
  View inner = dst;
  for (int i = 0; i < dst.rank(); ++i) {
    const std::int64_t lo = box.lo[i], hi = box.hi[i], extent = inner.shape[i];
    if (lo > 0) fill(inner.part(i, 0, lo), bits, parallel);
    if (hi < extent) fill(inner.part(i, hi, extent - hi), bits, parallel);
    inner = inner.part(i, lo, hi - lo);
  }
  return inner;
}

}  // namespace varo

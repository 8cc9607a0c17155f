// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/copy.h"

#include <cstring>

#include "core/dispatch.h"
#include "kernels/copy/rows.h"
#include "kernels/copy/walk.h"

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
void copy_as(const void* src, void* dst, const Walk& w, Parallel& parallel) {
  for_chunks(static_cast<const T*>(src), w, parallel, CopySink<T>{static_cast<T*>(dst)});
}

// Short rows that are contiguous on both sides (channels, mostly) move as one wide element:
// returns its size in bytes and takes the row out of the walk, or returns 0.
std::size_t widen(Walk& w, std::size_t size) {
  const WalkAxis row = w.axis[w.rank - 1];
  const std::size_t bytes = static_cast<std::size_t>(row.extent) * size;
  if (w.rank < 2 || row.from != 1 || row.to != 1) return 0;
  if (bytes != 2 && bytes != 4 && bytes != 8 && bytes != 16) return 0;
  bool whole = w.from % row.extent == 0 && w.to % row.extent == 0;
  for (int i = 0; i + 1 < w.rank; ++i)
    whole = whole && w.axis[i].from % row.extent == 0 && w.axis[i].to % row.extent == 0;
  if (!whole) return 0;
  --w.rank;
  w.from /= row.extent;
  w.to /= row.extent;
  for (int i = 0; i < w.rank; ++i) {
    w.axis[i].from /= row.extent;
    w.axis[i].to /= row.extent;
  }
  return bytes;
}

}  // namespace

void copy(const ConstView& src, const View& dst, Parallel& parallel, bool past_caches) {
  const Box whole{Dims::filled(dst.rank(), 0), dst.shape};
  if (copy_rows(src, whole, dst, 0, parallel, past_caches ? 0 : kStreamAbove)) return;
  Walk w = walk_of(src, dst.strides);
  switch (w.empty ? 0 : widen(w, src.element_size())) {
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

void copy_tensor(const Tensor& src, const View& dst, Parallel& parallel, bool past_caches) {
  if (!src.padded()) return copy(src.view(), dst, parallel, past_caches);
  copy_padded(src.valid_view(), src.valid(), dst, src.fill_bits(), parallel, past_caches);
}

void copy_padded(const ConstView& inside, const Box& box, const View& dst, std::uint64_t bits,
                 Parallel& parallel, bool past_caches) {
  if (copy_rows(inside, box, dst, bits, parallel, past_caches ? 0 : kStreamAbove)) return;
  copy(inside, fill_outside(box, dst, bits, parallel), parallel);
}

View fill_outside(const Box& box, const View& dst, std::uint64_t bits, Parallel& parallel) {
  // Peel off the outside one axis at a time; what is left in `inner` is the box.
  const auto size = static_cast<std::int64_t>(dst.element_size());
  View inner = dst;
  for (int i = 0; i < dst.rank(); ++i) {
    const auto part = [&](std::int64_t lo, std::int64_t hi) {
      View v = inner;
      // An empty view may have no address to go on from.
      if (inner.data != nullptr) v.data = inner.ptr<std::byte>() + lo * inner.strides[i] * size;
      v.shape[i] = hi - lo;
      return v;
    };
    const std::int64_t extent = inner.shape[i];
    if (box.lo[i] > 0) fill(part(0, box.lo[i]), bits, parallel);
    if (box.hi[i] < extent) fill(part(box.hi[i], extent), bits, parallel);
    inner = part(box.lo[i], box.hi[i]);
  }
  return inner;
}

}  // namespace varo

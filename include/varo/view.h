// SPDX-License-Identifier: Apache-2.0
/// Non-owning strided views of host memory.
#pragma once

#include "varo/dtype.h"
#include "varo/shape.h"

namespace varo {

/// Read-only view: element (i0, i1, ...) lies at data + sum(i_k * stride_k) elements.
/// Strides may be negative (flips) or zero (broadcast). `data` addresses element (0, 0, ...) and
/// may be anything when the volume is 0.
struct ConstView {
  const void* data = nullptr;
  DType dtype = DType::u8;
  Shape shape;
  Strides strides;

  constexpr int rank() const { return shape.rank(); }
  constexpr std::int64_t volume() const { return varo::volume(shape); }
  constexpr std::size_t element_size() const { return size_of(dtype); }
  template <class T>
  constexpr const T* ptr() const {
    return static_cast<const T*>(data);
  }
};

/// Writable view. No two indices may address the same element.
struct View {
  void* data = nullptr;
  DType dtype = DType::u8;
  Shape shape;
  Strides strides;

  constexpr int rank() const { return shape.rank(); }
  constexpr std::int64_t volume() const { return varo::volume(shape); }
  constexpr std::size_t element_size() const { return size_of(dtype); }
  template <class T>
  constexpr T* ptr() const {
    return static_cast<T*>(data);
  }
  constexpr operator ConstView() const { return {data, dtype, shape, strides}; }  // NOLINT
};

/// Row-major with no gaps (axes of extent 1 may have any stride; empty views are dense).
bool is_dense(const ConstView& view);

/// A dense view of memory that the caller keeps alive.
template <class T>
ConstView dense_view(const T* data, const Shape& shape) {
  return {data, dtype_of<T>, shape, dense_strides(shape)};
}
template <class T>
View dense_view(T* data, const Shape& shape) {
  return {data, dtype_of<T>, shape, dense_strides(shape)};
}

/// Half-open box [lo, hi) in index space.
struct Box {
  Dims lo, hi;
  Shape extents() const;
  bool empty() const;
};

}  // namespace varo

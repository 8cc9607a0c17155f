// SPDX-License-Identifier: Apache-2.0
/// Non-owning strided views of memory, and which memory it is.
#pragma once

#include "varo/device.h"
#include "varo/dtype.h"
#include "varo/shape.h"

namespace varo {

/// Half-open box [lo, hi) in index space.
struct VARO_API Box {
  Dims lo, hi;
  Shape extents() const;
  bool empty() const;
};

/// Elements from index (0, 0, ...) to `index`.
inline std::int64_t offset_of(const Strides& strides, const Dims& index) {
  std::int64_t offset = 0;
  for (int i = 0; i < index.rank(); ++i) offset += index[i] * strides[i];
  return offset;
}

/// The address that lies so many elements of `dtype` after `data`. It is computed with integers,
/// because the first element of a padded view may lie outside of its buffer.
template <class T>
T* advanced(T* data, std::int64_t elements, DType dtype) {
  return reinterpret_cast<T*>(reinterpret_cast<std::intptr_t>(data) +
                              elements * static_cast<std::int64_t>(size_of(dtype)));
}

namespace view_detail {

template <class AnyView>
AnyView part(AnyView view, int axis, std::int64_t begin, std::int64_t count) {
  view.data = advanced(view.data, begin * view.strides[axis], view.dtype);
  view.shape[axis] = count;
  return view;
}
template <class AnyView>
AnyView part(AnyView view, const Box& box) {
  view.data = advanced(view.data, offset_of(view.strides, box.lo), view.dtype);
  view.shape = box.extents();
  return view;
}
template <class AnyView>
AnyView drop(AnyView view, int axis) {
  view.shape.erase(axis);
  view.strides.erase(axis);
  return view;
}

}  // namespace view_detail

/// Read-only view: element (i0, i1, ...) lies at data + sum(i_k * stride_k) elements.
/// Strides may be negative (flips) or zero (broadcast). `data` addresses element (0, 0, ...) and
/// may be anything when the volume is 0. Only memory with device.on_host() can be looked at here.
struct ConstView {
  const void* data = nullptr;
  DType dtype = DType::u8;
  Shape shape;
  Strides strides;
  Device device = {};

  constexpr int rank() const { return shape.rank(); }
  constexpr std::int64_t volume() const { return varo::volume(shape); }
  constexpr std::size_t element_size() const { return size_of(dtype); }
  template <class T>
  constexpr const T* ptr() const {
    return static_cast<const T*>(data);
  }
  /// The address of the element at `index`, which may lie outside of the view.
  const void* at(const Dims& index) const {
    return advanced(data, offset_of(strides, index), dtype);
  }
  /// Elements [begin, begin + count) along `axis`, all along the others.
  ConstView part(int axis, std::int64_t begin, std::int64_t count) const {
    return view_detail::part(*this, axis, begin, count);
  }
  ConstView part(const Box& box) const { return view_detail::part(*this, box); }
  /// Without `axis`: of its elements the first.
  ConstView drop(int axis) const { return view_detail::drop(*this, axis); }
};

/// Writable view. No two indices may address the same element.
struct View {
  void* data = nullptr;
  DType dtype = DType::u8;
  Shape shape;
  Strides strides;
  Device device = {};

  constexpr int rank() const { return shape.rank(); }
  constexpr std::int64_t volume() const { return varo::volume(shape); }
  constexpr std::size_t element_size() const { return size_of(dtype); }
  template <class T>
  constexpr T* ptr() const {
    return static_cast<T*>(data);
  }
  constexpr operator ConstView() const { return {data, dtype, shape, strides, device}; }  // NOLINT
  /// As those of ConstView.
  void* at(const Dims& index) const { return advanced(data, offset_of(strides, index), dtype); }
  View part(int axis, std::int64_t begin, std::int64_t count) const {
    return view_detail::part(*this, axis, begin, count);
  }
  View part(const Box& box) const { return view_detail::part(*this, box); }
  View drop(int axis) const { return view_detail::drop(*this, axis); }
};

/// A view whose elements lie in memory in part: `inside` fills `box` of its index space, and all
/// other elements are padding, of one value. Plain data, passed to kernels by value.
struct VARO_API PaddedView {
  ConstView inside;        ///< of shape box.extents()
  Shape shape;             ///< with the padding
  Box box;                 ///< lies inside `shape`
  std::uint64_t fill = 0;  ///< the bytes of the padding's value, in the first element_size()

  bool padded() const { return !(inside.shape == shape); }
  int rank() const { return shape.rank(); }
  DType dtype() const { return inside.dtype; }
  /// Elements of `of`, padding among them.
  PaddedView part(const Box& of) const;
};

/// A view without padding, as one that might have some.
inline PaddedView unpadded(const ConstView& view) {
  return {view, view.shape, {Dims::filled(view.rank(), 0), view.shape}};
}

/// Row-major with no gaps (axes of extent 1 may have any stride; empty views are dense).
VARO_API bool is_dense(const ConstView& view);

/// A dense view of host memory that the caller keeps alive.
template <class T>
ConstView dense_view(const T* data, const Shape& shape) {
  return {data, dtype_of<T>, shape, dense_strides(shape)};
}
template <class T>
View dense_view(T* data, const Shape& shape) {
  return {data, dtype_of<T>, shape, dense_strides(shape)};
}

}  // namespace varo

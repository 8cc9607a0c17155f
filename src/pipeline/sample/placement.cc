// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/placement.h"

#include <cstdlib>

namespace varo {

namespace {

// The axis of `source` that axis `i` of `result` walks from one end to the other, or -1.
int axis_walked(const ConstView& result, int i, const ConstView& source) {
  for (int a = 0; a < source.rank(); ++a)
    if (source.shape[a] == result.shape[i] && source.strides[a] == std::abs(result.strides[i]))
      return a;
  return -1;
}

// `place` has the axes of `result`; each becomes the axis of `source` that it walks.
std::optional<View> by_axes(const ConstView& result, const ConstView& source, const View& place) {
  View view{place.data, source.dtype, source.shape, Dims::filled(source.rank(), 0)};
  Dims taken = Dims::filled(source.rank(), 0);
  for (int i = 0; i < result.rank(); ++i) {
    if (result.shape[i] == 1) continue;
    const int a = axis_walked(result, i, source);
    if (a < 0 || taken[a] != 0) return std::nullopt;
    taken[a] = 1;
    const bool back = result.strides[i] < 0;
    view.strides[a] = back ? -place.strides[i] : place.strides[i];
    if (back)
      view.data =
          static_cast<std::byte*>(view.data) +
          (place.shape[i] - 1) * place.strides[i] * static_cast<std::int64_t>(place.element_size());
  }
  for (int a = 0; a < source.rank(); ++a)
    if (taken[a] == 0 && source.shape[a] != 1) return std::nullopt;
  return view;
}

}  // namespace

bool same_elements(const ConstView& a, const ConstView& b) {
  if (a.data != b.data || a.dtype != b.dtype || !(a.shape == b.shape)) return false;
  for (int i = 0; i < a.rank(); ++i)
    if (a.shape[i] != 1 && a.strides[i] != b.strides[i]) return false;
  return true;
}

std::optional<View> place_of_source(const ConstView& result, const ConstView& source,
                                    const View& place) {
  if (result.volume() != source.volume() || result.volume() == 0 ||
      result.element_size() != source.element_size())
    return std::nullopt;
  if (auto view = by_axes(result, source, place)) return view;
  if (result.data != source.data || !is_dense(result) || !is_dense(place)) return std::nullopt;
  return View{place.data, source.dtype, source.shape, dense_strides(source.shape)};
}

}  // namespace varo

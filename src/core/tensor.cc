// SPDX-License-Identifier: Apache-2.0
#include "varo/tensor.h"

#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <new>
#include <tuple>

#include "core/pool.h"
#include "varo/error.h"

namespace varo {

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }

// Indices j in [0, count) for which start + j*step lies in [lo, hi).
std::pair<std::int64_t, std::int64_t> steps_inside(std::int64_t lo, std::int64_t hi,
                                                   std::int64_t start, std::int64_t step,
                                                   std::int64_t count) {
  std::int64_t first = step > 0 ? ceil_div(lo - start, step) : ceil_div(start - hi + 1, -step);
  std::int64_t last = step > 0 ? ceil_div(hi - start, step) : floor_div(start - lo, -step) + 1;
  first = std::clamp<std::int64_t>(first, 0, count);
  last = std::clamp<std::int64_t>(last, first, count);
  return {first, last};
}

constexpr std::array<char, 3> kColumns = {'W', 'H', 'D'};  // of an affine

template <class Map>
std::optional<GridAxes> mapped(std::optional<GridAxes> axes, const Map& map) {
  if (axes)
    for (std::int8_t& axis : *axes)
      if (axis >= 0) axis = static_cast<std::int8_t>(map(axis));
  return axes;
}

}  // namespace

const Meta& Tensor::meta() const {
  static const Meta nothing;
  return meta_ ? *meta_ : nothing;
}

Tensor Tensor::own(const Spec& spec, Device device) {
  const std::int64_t bytes = checked_bytes(spec.shape, size_of(spec.dtype));
  if (bytes < 0) throw std::bad_alloc();
  Tensor t;
  t.dtype_ = spec.dtype;
  t.shape_ = spec.shape;
  t.strides_ = dense_strides(spec.shape);
  t.layout_ = spec.layout;
  t.device_ = device;
  auto buffer = BufferPool::of(device).get(static_cast<std::size_t>(bytes));
  t.data_ = static_cast<std::byte*>(buffer.get());
  t.keep_ = std::move(buffer);
  t.kept_bytes_ = static_cast<std::size_t>(bytes);
  return t;
}

Tensor Tensor::wrap(const ConstView& view, std::shared_ptr<const void> keep, Layout layout) {
  Tensor t;
  t.dtype_ = view.dtype;
  t.device_ = view.device;
  t.shape_ = view.shape;
  t.strides_ = view.strides;
  t.layout_ = layout;
  t.data_ = static_cast<std::byte*>(const_cast<void*>(view.data));
  t.keep_ = std::move(keep);
  t.kept_bytes_ = static_cast<std::size_t>(view.volume()) * view.element_size();
  return t;
}

Tensor Tensor::constant(const Spec& spec, std::uint64_t bits) {
  Tensor t = own({spec.dtype, {}, {}});
  std::memcpy(t.data_, &bits, size_of(spec.dtype));
  t.shape_ = spec.shape;
  t.strides_ = Dims::filled(spec.shape.rank(), 0);
  t.layout_ = spec.layout;
  return t;
}

Tensor Tensor::defer(std::shared_ptr<Source> source, Layout layout) {
  Tensor t;
  t.dtype_ = source->dtype();
  t.shape_ = source->shape();
  t.layout_ = layout;
  const int rank = t.shape_.rank();
  t.strides_ = Dims::filled(rank, 1);
  t.start_ = Dims::filled(rank, 0);
  for (int i = 0; i < rank; ++i) t.map_.push_back(i);
  t.source_ = std::move(source);
  return t;
}

ConstView Tensor::view() const { return {data_, dtype_, shape_, strides_, device_}; }
View Tensor::mutable_view() const { return {data_, dtype_, shape_, strides_, device_}; }

Box Tensor::valid() const {
  if (padded_) return {valid_lo_, valid_hi_};
  return {Dims::filled(rank(), 0), shape_};
}

PaddedView Tensor::padded_view() const {
  return {ConstView{data_, dtype_, shape_, strides_, device_}.part(valid()), shape_, valid(),
          fill_};
}

std::optional<GridAxes> Tensor::grid_axes() const {
  if (!meta_ || !meta_->affine) return std::nullopt;
  if (layout_.empty()) return meta_->axes;
  GridAxes axes{};
  std::transform(kColumns.begin(), kColumns.end(), axes.begin(),
                 [this](char letter) { return static_cast<std::int8_t>(layout_.find(letter)); });
  return axes;
}

// After a view operation: the axes that the affine is about now, where no letters say so.
void Tensor::set_grid_axes(const std::optional<GridAxes>& axes) {
  if (!meta_ || !meta_->affine || (!layout_.empty() && !meta_->axes)) return;
  if (layout_.empty() && !axes) return drop_affine();
  Meta meta = *meta_;
  meta.axes = layout_.empty() ? axes : std::nullopt;
  meta_ = std::make_shared<const Meta>(std::move(meta));
}

void Tensor::move_affine(int axis, std::int64_t start, std::int64_t step) {
  if (!meta_ || !meta_->affine || (start == 0 && step == 1)) return;
  const std::optional<GridAxes> axes = grid_axes();
  if (!axes) return drop_affine();
  const auto column = std::find(axes->begin(), axes->end(), axis) - axes->begin();
  if (column == static_cast<std::ptrdiff_t>(axes->size())) return;
  Meta meta = *meta_;
  for (std::ptrdiff_t row = 0; row < 3; ++row) {
    double& direction = (*meta.affine)[static_cast<std::size_t>(row * 4 + column)];
    (*meta.affine)[static_cast<std::size_t>(row * 4 + 3)] += direction * static_cast<double>(start);
    direction *= static_cast<double>(step);
  }
  meta_ = std::make_shared<const Meta>(std::move(meta));
}

void Tensor::drop_affine() {
  if (!meta_ || !meta_->affine) return;
  meta_ = std::make_shared<const Meta>(Meta{meta_->source, {}});
}

// Padding that no longer shows is forgotten, so that the rest is a plain view again.
void Tensor::settle_padding() {
  for (int i = 0; i < rank(); ++i)
    if (valid_lo_[i] != 0 || valid_hi_[i] != shape_[i]) return;
  padded_ = false;
  fill_ = 0;
  valid_lo_.clear();
  valid_hi_.clear();
}

Tensor Tensor::sliced(int axis, std::int64_t start, std::int64_t count, std::int64_t step) const {
  Tensor t = *this;
  if (deferred()) {
    if (const auto a = static_cast<int>(map_[axis]); a >= 0) t.start_[a] += start * strides_[axis];
  } else {
    t.data_ = advanced(data_, start * strides_[axis], dtype_);
  }
  t.strides_[axis] *= step;
  t.shape_[axis] = count;
  if (padded_) {
    std::tie(t.valid_lo_[axis], t.valid_hi_[axis]) =
        steps_inside(valid_lo_[axis], valid_hi_[axis], start, step, count);
    t.settle_padding();
  }
  t.move_affine(axis, start, step);
  return t;
}

std::optional<Tensor> Tensor::windowed(int axis, std::int64_t start, std::int64_t count,
                                       std::uint64_t fill_bits) const {
  if (start >= 0 && start + count <= shape_[axis]) return sliced(axis, start, count);
  if (padded_ && fill_ != fill_bits) return std::nullopt;
  Tensor padded = *this;
  if (!padded_) {
    padded.padded_ = true;
    padded.fill_ = fill_bits;
    padded.valid_lo_ = Dims::filled(rank(), 0);
    padded.valid_hi_ = shape_;
  }
  return padded.sliced(axis, start, count);
}

Tensor Tensor::permuted(std::span<const int> perm) const {
  Tensor t = *this;
  for (int i = 0; i < rank(); ++i) {
    const int from = perm[static_cast<unsigned>(i)];
    t.shape_[i] = shape_[from];
    t.strides_[i] = strides_[from];
    if (deferred()) t.map_[i] = map_[from];
    if (padded_) {
      t.valid_lo_[i] = valid_lo_[from];
      t.valid_hi_[i] = valid_hi_[from];
    }
  }
  t.layout_ = layout_.permuted(perm);
  if (layout_.empty())
    t.set_grid_axes(mapped(grid_axes(), [&](int axis) {
      return std::find(perm.begin(), perm.end(), axis) - perm.begin();
    }));
  return t;
}

Tensor Tensor::expanded(int axis, char letter) const {
  Tensor t = *this;
  t.shape_.insert(axis, 1);
  t.strides_.insert(axis, deferred() ? 1 : 0);
  if (deferred()) t.map_.insert(axis, -1);
  if (padded_) {
    t.valid_lo_.insert(axis, 0);
    t.valid_hi_.insert(axis, 1);
  }
  t.layout_ = letter != 0 && layout_.rank() == rank() ? layout_.with(axis, letter) : Layout();
  if (t.layout_.empty())
    t.set_grid_axes(mapped(grid_axes(), [axis](int old) { return old < axis ? old : old + 1; }));
  return t;
}

Tensor Tensor::squeezed(int axis) const {
  const auto axes_left = [&] {
    return mapped(grid_axes(), [axis](int old) { return old == axis ? -1 : old - (old > axis); });
  };
  if (padded_ && valid_lo_[axis] == valid_hi_[axis]) {
    // The one element that goes lies in the padding: nothing but fill is left.
    Spec spec{dtype_, shape_, layout_.without(axis)};
    spec.shape.erase(axis);
    Tensor t = constant(spec, fill_);
    t.meta_ = meta_;
    if (t.layout_.empty()) t.set_grid_axes(axes_left());
    return t;
  }
  Tensor t = *this;
  t.shape_.erase(axis);
  t.strides_.erase(axis);
  if (deferred()) t.map_.erase(axis);
  if (padded_) {
    t.valid_lo_.erase(axis);
    t.valid_hi_.erase(axis);
  }
  t.layout_ = layout_.without(axis);
  if (t.layout_.empty()) t.set_grid_axes(axes_left());
  return t;
}

Tensor Tensor::broadcast(int axis, std::int64_t count) const {
  Tensor t = *this;
  if (count == shape_[axis]) return t;
  const std::optional<GridAxes> axes = grid_axes();
  if (!axes || std::find(axes->begin(), axes->end(), axis) != axes->end()) t.drop_affine();
  t.shape_[axis] = count;
  t.strides_[axis] = 0;
  if (padded_ && valid_hi_[axis] > valid_lo_[axis]) t.valid_hi_[axis] = count;
  return t;
}

Tensor Tensor::relabelled(Layout layout) const {
  if (!layout.empty() && layout.rank() != rank())
    throw Error(ErrorKind::layout, "the layout does not have one letter an axis")
        .got(fmt::format("\"{}\" for shape {}", layout.str(), to_string(shape_)))
        .allowed(fmt::format("{} letters, or none", rank()));
  Tensor t = *this;
  t.layout_ = layout;
  if (!meta_ || !meta_->affine) return t;
  const std::optional<GridAxes> before = grid_axes();
  if (!layout.empty() && before) {
    for (std::size_t c = 0; c < kColumns.size(); ++c) {
      const int was = (*before)[c], is = layout.find(kColumns[c]);
      if (was != is && (was >= 0 || shape_[is] != 1)) t.drop_affine();
    }
  }
  if (!layout.empty() || before) t.set_grid_axes(before);
  return t;
}

Tensor Tensor::retyped(DType dtype) const {
  Tensor t = *this;
  t.dtype_ = dtype;
  return t;
}

Tensor Tensor::rebased(const void* from, void* to, std::shared_ptr<const void> keep) const {
  Tensor t = *this;
  // Through integers: a window's origin may lie outside of the buffer.
  t.data_ = reinterpret_cast<std::byte*>(reinterpret_cast<std::intptr_t>(data_) -
                                         reinterpret_cast<std::intptr_t>(from) +
                                         reinterpret_cast<std::intptr_t>(to));
  t.keep_ = std::move(keep);
  return t;
}

Tensor Tensor::with_meta(Meta meta) const {
  Tensor t = *this;
  t.meta_ = std::make_shared<const Meta>(std::move(meta));
  return t;
}

// This tensor with axes of extent 1 added and removed, if nothing else differs.
std::optional<Tensor> Tensor::with_unit_axes(const Shape& shape) const {
  Shape mine, theirs;
  for (const auto extent : shape_)
    if (extent != 1) mine.push_back(extent);
  for (const auto extent : shape)
    if (extent != 1) theirs.push_back(extent);
  if (!(mine == theirs)) return std::nullopt;
  Tensor t = relabelled({});
  for (int i = 0, at = 0; i < rank(); ++i) {
    if (shape_[i] == 1)
      t = t.squeezed(at);
    else
      ++at;
  }
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] == 1) t = t.expanded(i, 0);
  if (shape.rank() == rank()) {
    t.layout_ = layout_;
    t.drop_affine();
  }
  return t;
}

std::optional<Tensor> Tensor::reshaped(const Shape& shape) const {
  if (shape == shape_) return *this;
  if (std::optional<Tensor> same = with_unit_axes(shape)) return same;
  if (padded_ || deferred()) return std::nullopt;
  Tensor t = *this;
  t.shape_ = shape;
  t.strides_ = dense_strides(shape);
  if (shape.rank() != rank()) t.layout_ = {};
  t.drop_affine();
  if (volume(shape) == 0 || is_dense(view())) return t;
  // Match groups of old axes with groups of new axes of equal volume; inside an old group the
  // strides must nest.
  int old_at = 0, new_at = 0;
  while (old_at < rank() || new_at < shape.rank()) {
    std::int64_t old_volume = old_at < rank() ? shape_[old_at] : 1;
    std::int64_t new_volume = new_at < shape.rank() ? shape[new_at] : 1;
    int old_end = std::min(old_at + 1, rank()), new_end = std::min(new_at + 1, shape.rank());
    while (old_volume != new_volume) {
      if (old_volume < new_volume) {
        if (old_end == rank()) return std::nullopt;
        old_volume *= shape_[old_end++];
      } else {
        if (new_end == shape.rank()) return std::nullopt;
        new_volume *= shape[new_end++];
      }
    }
    std::int64_t inner = 0, covered = 1;  // the stride of the group's innermost axis that is not 1
    for (int i = old_end - 1; i >= old_at; --i) {
      if (shape_[i] == 1) continue;
      if (covered == 1)
        inner = strides_[i];
      else if (strides_[i] != inner * covered)
        return std::nullopt;
      covered *= shape_[i];
    }
    for (int i = new_end - 1; i >= new_at; --i) {
      t.strides_[i] = inner;
      inner *= shape[i];
    }
    old_at = old_end;
    new_at = new_end;
  }
  return t;
}

Tensor::Fetch Tensor::fetch() const {
  Box box{start_, start_};
  bool nothing = false;
  for (int a = 0; a < start_.rank(); ++a) box.hi[a] = start_[a] + 1;
  const Box inside = valid();
  for (int i = 0; i < rank(); ++i) {
    if (inside.hi[i] <= inside.lo[i]) nothing = true;
    const auto a = static_cast<int>(map_[i]);
    if (a < 0 || nothing) continue;
    const std::int64_t first = start_[a] + inside.lo[i] * strides_[i];
    const std::int64_t last = start_[a] + (inside.hi[i] - 1) * strides_[i];
    box.lo[a] = std::min(first, last);
    box.hi[a] = std::max(first, last) + 1;
  }
  if (nothing) {
    box.lo = Dims::filled(start_.rank(), 0);
    box.hi = box.lo;
  }
  return {source_.get(), box};
}

Tensor Tensor::fetched(const Tensor& whole) const {
  const Box box = fetch().box;
  Tensor t = *this;
  t.source_ = nullptr;
  t.start_.clear();
  t.map_.clear();
  t.keep_ = whole.keep_;
  t.device_ = whole.device_;
  t.kept_bytes_ = whole.kept_bytes_;
  std::int64_t offset = 0;
  for (int a = 0; a < start_.rank(); ++a) offset += (start_[a] - box.lo[a]) * whole.strides_[a];
  t.data_ = advanced(whole.data_, offset, dtype_);
  for (int i = 0; i < rank(); ++i) {
    const auto a = static_cast<int>(map_[i]);
    t.strides_[i] = a < 0 ? 0 : whole.strides_[a] * strides_[i];
  }
  return t;
}

std::optional<View> Tensor::landing(const View& dst) const {
  if (padded_) return std::nullopt;
  const bool empty = volume(shape_) == 0;
  View v{dst.data, source_->dtype(), Dims::filled(start_.rank(), empty ? 0 : 1),
         Dims::filled(start_.rank(), 0), dst.device};
  if (empty) return v;
  for (int i = 0; i < rank(); ++i) {
    const auto a = static_cast<int>(map_[i]);
    if (shape_[i] == 1) continue;
    if (a < 0 || (strides_[i] != 1 && strides_[i] != -1)) return std::nullopt;
    v.shape[a] = shape_[i];
    v.strides[a] = dst.strides[i] * strides_[i];
    if (strides_[i] < 0) v.data = advanced(v.data, (shape_[i] - 1) * dst.strides[i], dst.dtype);
  }
  return v;
}

bool Batch::dense() const {
  for (const Tensor& sample : samples)
    if (!(sample.shape() == samples.front().shape())) return false;
  return !samples.empty();
}

Tensor Batch::as_tensor() const {
  const Tensor& first = samples.front();
  Shape shape = first.shape();
  shape.insert(0, static_cast<std::int64_t>(samples.size()));
  const ConstView view{first.view().data, dtype, shape, dense_strides(shape), first.device()};
  return Tensor::wrap(view, first.keep());
}

}  // namespace varo

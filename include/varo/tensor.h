// SPDX-License-Identifier: Apache-2.0
/// What flows along the edges of a pipeline: a view, what keeps it alive, and what is known of it.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "varo/view.h"

namespace varo {

class Parallel;

/// Voxel-to-world map in millimetres, RAS+, row-major 3x4; acts on voxel indices (x, y, z), the
/// positions along W, H and D; the centre of the first voxel has index 0.
using Affine = std::array<double, 12>;

/// The axes of a tensor along W, H and D, the columns of an Affine; -1 where there is none.
using GridAxes = std::array<std::int8_t, 3>;

struct Meta {
  std::string source;            ///< file name or "" where nothing is known
  std::optional<Affine> affine;  ///< follows views; dropped by operators that cannot keep it true
  /// Of a tensor without letters that has an affine: the axes that the affine is about. With
  /// letters they say so themselves.
  std::optional<GridAxes> axes = {};
};

/// What is known of a value before its elements are.
struct Spec {
  DType dtype = DType::u8;
  Shape shape;
  Layout layout;
};

/// Bytes that can be fetched later, by region: a file, mostly. Thread-compatible.
class VARO_API Source {
 public:
  virtual ~Source() = default;
  virtual DType dtype() const = 0;
  virtual const Shape& shape() const = 0;
  /// Reads the box into dst (dtype() elements, shape box.extents(), any strides). Throws Error.
  virtual void read(const Box& box, const View& dst, Parallel& parallel) = 0;
};

/// A value of one sample. Copying is cheap (shared ownership). States:
///   in memory   `view()` is valid
///   padded      in memory or deferred, with elements outside a valid box that read as `fill`
///   deferred    elements still lie in a Source
/// View operations never touch elements. Layout and affine follow them.
class VARO_API Tensor {
 public:
  Tensor() = default;
  /// Fresh, uninitialised, dense, from the buffer pool of `device`.
  static Tensor own(const Spec& spec, Device device = {});
  /// Memory of somebody else, on the view's device, kept alive by `keep`.
  static Tensor wrap(const ConstView& view, std::shared_ptr<const void> keep, Layout layout = {});
  /// A dense copy of values that the caller holds.
  template <class T>
  static Tensor of(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor scalar(T value) {
    return of(std::span<const T>(&value, 1), {});
  }
  /// Every element the value whose bytes are `bits`: one element in memory, strides 0.
  static Tensor constant(const Spec& spec, std::uint64_t bits);
  static Tensor defer(std::shared_ptr<Source> source, Layout layout = {});

  /// Undefined again: lets go of what it holds.
  void reset() {
    keep_.reset();
    source_.reset();
    meta_.reset();
  }
  bool defined() const { return keep_ != nullptr || source_ != nullptr; }
  bool deferred() const { return source_ != nullptr; }
  bool padded() const { return padded_; }
  DType dtype() const { return dtype_; }
  int rank() const { return shape_.rank(); }
  const Shape& shape() const { return shape_; }
  const Layout& layout() const { return layout_; }
  Spec spec() const { return {dtype_, shape_, layout_}; }
  /// Where the elements lie; for a deferred tensor, where they are read to: the host.
  Device device() const { return device_; }
  const Meta& meta() const;
  /// The axes that meta().affine is about; nothing where they are not known, or it has none.
  std::optional<GridAxes> grid_axes() const;

  /// \pre !deferred() && !padded()
  ConstView view() const;
  /// As view(), writable. \pre also: owned by this holder alone.
  View mutable_view() const;
  /// What is in memory, with the padding around it if there is any. \pre !deferred()
  PaddedView padded_view() const;
  /// Box of this tensor's index space that holds real elements; everything unless padded().
  Box valid() const;
  /// The fill value's bytes, in the first size_of(dtype()) bytes. 0 unless padded().
  std::uint64_t fill_bits() const { return fill_; }
  /// Number of bytes of the buffer that this tensor keeps alive; 0 when deferred.
  std::size_t kept_bytes() const { return kept_bytes_; }
  const std::shared_ptr<const void>& keep() const { return keep_; }

  // --- view operations --------------------------------------------------------------------------
  /// Elements start, start+step, ... (count of them) along `axis`. step may be negative.
  /// \pre all of them inside the axis
  Tensor sliced(int axis, std::int64_t start, std::int64_t count, std::int64_t step = 1) const;
  /// As sliced with step 1 for a range that may reach outside; outside reads as fill.
  /// Nothing when a different fill is in force already, so that the caller must copy first.
  std::optional<Tensor> windowed(int axis, std::int64_t start, std::int64_t count,
                                 std::uint64_t fill_bits) const;
  /// Output axis i is input axis perm[i].
  Tensor permuted(std::span<const int> perm) const;
  Tensor flipped(int axis) const { return sliced(axis, shape_[axis] - 1, shape_[axis], -1); }
  /// Inserts an axis of extent 1; letter 0, or no layout before, leaves no layout.
  Tensor expanded(int axis, char letter) const;
  /// Removes an axis of extent 1. Where nothing but padding is left, that is a constant on the host.
  Tensor squeezed(int axis) const;
  /// Repeats an axis of extent 1. \pre !deferred() || count == 1
  Tensor broadcast(int axis, std::int64_t count) const;
  /// Same elements in row-major order under another shape, if strides allow; layout is cleared
  /// unless the rank stays. Deferred or padded: only unit axes may come and go. The affine stays
  /// as long as that is all that happens.
  std::optional<Tensor> reshaped(const Shape& shape) const;
  /// Other axis letters, or none. The affine stays if D, H and W name the axes that they named
  /// before, also before letters were taken away; a letter that is new needs extent 1.
  Tensor relabelled(Layout layout) const;
  /// Same bytes as other elements of the same size.
  Tensor retyped(DType dtype) const;
  Tensor with_meta(Meta meta) const;
  /// The same view where its memory, kept alive by `keep`, lies at `to` instead of `from`.
  /// \pre in memory
  Tensor rebased(const void* from, void* to, std::shared_ptr<const void> keep) const;

  // --- deferred ---------------------------------------------------------------------------------
  /// What materialising reads: a box of the source, and the tensor that views `whole` (a dense
  /// read of that box, in memory) as this one. \pre deferred()
  struct Fetch {
    Source* source;
    Box box;
  };
  Fetch fetch() const;
  Tensor fetched(const Tensor& whole) const;
  /// Where fetch()'s box goes when the source reads straight into `dst` (a view shaped as this
  /// tensor): dst with its axes in the source's order. Nothing if a step or padding is in the way.
  std::optional<View> landing(const View& dst) const;

 private:
  // Along source axis a the tensor's element 0 sits at start_[a]; tensor axis i walks source axis
  // map_[i] (-1: none) in steps of strides_[i]. In memory strides_ are element strides.
  DType dtype_ = DType::u8;
  bool padded_ = false;
  Device device_;
  Shape shape_;
  Strides strides_;
  Layout layout_;
  std::byte* data_ = nullptr;
  std::shared_ptr<const void> keep_;
  std::size_t kept_bytes_ = 0;
  std::shared_ptr<Source> source_;
  Dims start_, map_;
  Dims valid_lo_, valid_hi_;  // meaningful when padded_
  std::uint64_t fill_ = 0;
  std::shared_ptr<const Meta> meta_;

  void move_affine(int axis, std::int64_t start, std::int64_t step);
  void drop_affine();
  void set_grid_axes(const std::optional<GridAxes>& axes);
  void settle_padding();
  std::optional<Tensor> with_unit_axes(const Shape& shape) const;
};

template <class T>
Tensor Tensor::of(std::span<const T> values, const Shape& shape) {
  Tensor t = own({dtype_of<T>, shape, {}});
  std::copy(values.begin(), values.end(), static_cast<T*>(t.mutable_view().data));
  return t;
}

/// What one output of a pipeline is for one iteration: samples of one dtype and rank, contiguous
/// in one buffer in order, on one device.
struct VARO_API Batch {
  std::vector<Tensor> samples;
  DType dtype = DType::u8;
  Layout layout;
  Device device = {};
  /// All shapes equal: the batch is one tensor [N, ...].
  bool dense() const;
  /// The batch as one tensor. \pre dense()
  Tensor as_tensor() const;
};

}  // namespace varo

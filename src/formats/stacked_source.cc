// SPDX-License-Identifier: Apache-2.0
#include "formats/stacked_source.h"

#include <utility>

#include "formats/file_source.h"
#include "kernels/copy/copy.h"

namespace varo {

namespace {

class StackedSource final : public AdvisedSource {
 public:
  StackedSource(std::vector<Tensor> parts, DType dtype)
      : parts_(std::move(parts)), dtype_(dtype), shape_(parts_.front().shape()) {
    shape_.insert(0, std::ssize(parts_));
  }

  DType dtype() const override { return dtype_; }
  const Shape& shape() const override { return shape_; }

  void read(const Box& box, const View& dst, Parallel& parallel) override {
    if (dst.volume() == 0) return;
    for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
      read_part(part_in(box, i), dst.part(0, i - box.lo[0], 1).drop(0), parallel);
  }

  std::int64_t advise(const Box& box, std::int64_t most) const override {
    std::int64_t asked = 0;
    for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
      const auto [source, part] = part_in(box, i).fetch();
      if (const auto* file = dynamic_cast<const AdvisedSource*>(source))
        asked += file->advise(part, most - asked);
    }
    return asked;
  }

 private:
  Tensor part_in(const Box& box, std::int64_t i) const {
    Tensor part = parts_[static_cast<std::size_t>(i)];
    for (int axis = 0; axis < part.rank(); ++axis)
      part = part.sliced(axis, box.lo[axis + 1], box.hi[axis + 1] - box.lo[axis + 1]);
    return part;
  }

  void read_part(const Tensor& part, const View& dst, Parallel& parallel) const {
    const auto [source, box] = part.fetch();
    if (part.dtype() == dst.dtype) return source->read(box, *part.landing(dst), parallel);
    const Tensor stored = Tensor::own({part.dtype(), part.shape(), {}});
    source->read(box, *part.landing(stored.mutable_view()), parallel);
    convert(stored.view(), dst, parallel);
  }

  const std::vector<Tensor> parts_;
  const DType dtype_;
  Shape shape_;
};

}  // namespace

std::shared_ptr<Source> stacked_source(std::vector<Tensor> parts, DType dtype) {
  return std::make_shared<StackedSource>(std::move(parts), dtype);
}

}  // namespace varo

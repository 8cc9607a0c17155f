// SPDX-License-Identifier: Apache-2.0
#include "formats/raw_array.h"

#include <cstring>
#include <exception>
#include <fmt/format.h>

#include "core/dispatch.h"
#include "core/lowest_error.h"
#include "core/pool.h"
#include "core/walk.h"
#include "formats/file_source.h"
#include "kernels/copy/copy.h"

namespace varo {

namespace {

// A read of up to kSpanBytes stays in the second-level cache until it is copied out. A gap of
// kGapBytes takes about as long to read over (0.6 us) as another system call (0.5 us).
constexpr std::int64_t kSpanBytes = std::int64_t{1} << 20;
constexpr std::int64_t kGapBytes = std::int64_t{16} << 10;

void make_bools(const View& v) {
  // Whatever is not 0 counts as true; a bool of any other value would be undefined behaviour.
  const Walk<1> walk = walk_of(v.shape, Order::memory, v.strides);
  const auto& [count, step] = walk.axis[walk.rank - 1];
  for_each_row(walk, [&, count = count, step = step[0]](const std::int64_t* at) {
    auto* p = v.ptr<std::uint8_t>() + *at;
    for (std::int64_t i = 0; i < count; ++i) p[i * step] = p[i * step] != 0;
  });
}

template <class T>
void scale(const ConstView& src, const View& dst, const RawArray& array) {
  const Walk<2> walk = walk_of(src.shape, Order::memory, dst.strides, src.strides);
  const auto& [count, step] = walk.axis[walk.rank - 1];
  const auto scaled = [slope = array.slope, intercept = array.intercept](T x) {
    return static_cast<float>(static_cast<double>(x) * slope + intercept);
  };
  for_each_row(walk, [&, count = count, to = step[0], from = step[1]](const std::int64_t* at) {
    float* const out = dst.ptr<float>() + at[0];
    const T* const in = src.ptr<T>() + at[1];
    if (to == 1 && from == 1)
      for (std::int64_t i = 0; i < count; ++i) out[i] = scaled(in[i]);
    else
      for (std::int64_t i = 0; i < count; ++i) out[i * to] = scaled(in[i * from]);
  });
}

// From stored elements in this machine's byte order to what they stand for.
void decode(const ConstView& src, const View& dst, const RawArray& array) {
  if (!array.scaled) {
    copy(src, dst, Parallel::serial());
    if (array.stored == DType::boolean) make_bools(dst);
    return;
  }
  dispatch<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t, std::int16_t,
           std::int32_t, std::int64_t, float, double>(
      array.stored, [&](auto tag) { scale<typename decltype(tag)::type>(src, dst, array); });
}

template <class T>
void swap_all(T* p, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (sizeof(T) == 2) p[i] = __builtin_bswap16(p[i]);
    if constexpr (sizeof(T) == 4) p[i] = __builtin_bswap32(p[i]);
    if constexpr (sizeof(T) == 8) p[i] = __builtin_bswap64(p[i]);
  }
}

// The reads that a region is cut into.
class Spans {
 public:
  Spans(const RawArray& array, const Box& box)
      : region_(box.extents()),
        strides_(dense_strides(array.shape)),
        plan_(plan_spans(array.shape, region_, size_of(array.stored))) {
    first_ = offset_of(strides_, box.lo);
  }

  struct Span {
    Box box;                    // of the region
    std::int64_t first, count;  // its elements in the array
  };
  Span operator[](std::int64_t number) const {
    Dims lo = Dims::filled(region_.rank(), 0), hi = region_, last = region_;
    lo[plan_.split] = number % plan_.groups * plan_.group;
    hi[plan_.split] = std::min(lo[plan_.split] + plan_.group, hi[plan_.split]);
    number /= plan_.groups;
    for (int axis = plan_.split - 1; axis >= 0; --axis) {
      lo[axis] = number % region_[axis];
      hi[axis] = lo[axis] + 1;
      number /= region_[axis];
    }
    for (int axis = 0; axis < region_.rank(); ++axis) last[axis] = hi[axis] - 1;
    const std::int64_t begin = offset_of(strides_, lo), end = offset_of(strides_, last) + 1;
    return {{lo, hi}, first_ + begin, end - begin};
  }
  const SpanPlan& plan() const { return plan_; }
  const Strides& strides() const { return strides_; }

 private:
  Shape region_;
  Strides strides_;
  SpanPlan plan_;
  std::int64_t first_ = 0;
};

// A point as an array of one element.
RawArray with_an_axis(RawArray array) {
  array.shape = {1};
  return array;
}
const Box kOne{{0}, {1}};

class RawSource final : public FileSource {
 public:
  RawSource(std::string path, const FileId& id, RawArray array)
      : FileSource(std::move(path), id, std::move(array)) {}
  void read(const Box& box, const View& dst, Parallel& parallel) override {
    if (dst.volume() == 0) return;
    read_region(*reopen(path_, id_), array_, box, dst, parallel);
  }
  std::int64_t advise(const Box& box, std::int64_t most) const override {
    if (volume(box.extents()) == 0) return 0;
    return advise_region(*reopen(path_, id_), array_, box, most);
  }
};

}  // namespace

std::shared_ptr<Source> raw_source(std::string path, const FileId& id, RawArray array) {
  return std::make_shared<RawSource>(std::move(path), id, std::move(array));
}

SpanPlan plan_spans(const Shape& array, const Shape& region, std::size_t element_size) {
  SpanPlan plan{.split = 0, .group = region[0]};
  const Strides strides = dense_strides(array);
  auto block =
      static_cast<std::int64_t>(element_size);  // from first to last byte of the axes so far
  for (int axis = region.rank() - 1; axis >= 0; --axis) {
    if (region[axis] == 1) continue;
    const std::int64_t step = strides[axis] * static_cast<std::int64_t>(element_size);
    const std::int64_t whole = (region[axis] - 1) * step + block;
    const bool merge = step - block <= kGapBytes;
    if (merge && whole <= kSpanBytes) {
      block = whole;
      continue;
    }
    plan.split = axis;
    plan.group = merge ? std::max<std::int64_t>((kSpanBytes - block) / step + 1, 1) : 1;
    block = (std::min(plan.group, region[axis]) - 1) * step + block;
    break;
  }
  plan.groups = (region[plan.split] + plan.group - 1) / plan.group;
  plan.count = plan.groups;
  for (int axis = 0; axis < plan.split; ++axis) plan.count *= region[axis];
  plan.bytes = block;
  return plan;
}

void read_region(const File& file, const RawArray& array, const Box& box, const View& dst,
                 Parallel& parallel) {
  if (array.shape.rank() == 0)
    return read_region(file, with_an_axis(array), kOne, {dst.data, dst.dtype, {1}, {1}}, parallel);
  if (volume(box.extents()) == 0) return;
  const auto element = static_cast<std::int64_t>(size_of(array.stored));
  const Spans spans(array, box);
  const SpanPlan& plan = spans.plan();
  const std::int64_t spans_a_block = std::max<std::int64_t>(kSpanBytes / plan.bytes, 1);
  const auto read_block = [&](std::int64_t begin, std::int64_t end) {
    std::shared_ptr<void> bounce;
    for (std::int64_t number = begin; number < end; ++number) {
      const auto span = spans[number];
      const View target = dst.part(span.box);
      const bool direct = !array.scaled && span.count == target.volume() && is_dense(target);
      if (!direct && !bounce) bounce = BufferPool::host().get(static_cast<std::size_t>(plan.bytes));
      void* landing = direct ? target.data : bounce.get();
      file.read(array.offset + span.first * element, landing,
                static_cast<std::size_t>(span.count * element));
      if (array.swapped) swap_bytes(landing, span.count, size_of(array.stored));
      if (!direct)
        decode({landing, array.stored, target.shape, spans.strides()}, target, array);
      else if (array.stored == DType::boolean)
        make_bools(target);
    }
  };
  LowestError failure;
  parallel_for(parallel, plan.count, spans_a_block, [&](std::int64_t begin, std::int64_t end) {
    failure.guard(begin, [&](std::int64_t) { read_block(begin, end); });
  });
  failure.rethrow();
}

std::int64_t advise_region(const File& file, const RawArray& array, const Box& box,
                           std::int64_t most) {
  if (array.shape.rank() == 0) return advise_region(file, with_an_axis(array), kOne, most);
  if (volume(box.extents()) == 0) return 0;
  const auto element = static_cast<std::int64_t>(size_of(array.stored));
  const Spans spans(array, box);
  const auto offset = [&](const Spans::Span& span) { return array.offset + span.first * element; };
  constexpr std::int64_t kPage = 4096;
  const std::int64_t count = spans.plan().count;
  const std::int64_t bytes = std::max(spans.plan().bytes, kPage);
  if (count > most / bytes) return 0;
  const std::int64_t last = count - 1;
  constexpr std::int64_t kProbes = 8;
  bool there = true;
  for (std::int64_t k = 0; k < kProbes && there; ++k)
    there = file.cached(offset(spans[last * k / (kProbes - 1)]));
  if (there) return 0;
  std::int64_t begin = 0, end = 0;  // spans that touch are asked for together
  for (std::int64_t number = 0; number <= last; ++number) {
    const auto span = spans[number];
    if (offset(span) != end) {
      file.will_need(begin, end - begin);
      begin = offset(span);
    }
    end = offset(span) + span.count * element;
  }
  file.will_need(begin, end - begin);
  return count * bytes;
}

void copy_region(const void* data, const RawArray& array, const Box& box, const View& dst,
                 Parallel& parallel) {
  const ConstView whole{data, array.stored, array.shape, dense_strides(array.shape)};
  const ConstView src = whole.part(box);
  if (src.volume() == 0) return;
  if (!array.scaled && array.stored != DType::boolean) return copy(src, dst, parallel);
  if (src.rank() == 0) return decode(src, dst, array);
  // Slabs of the outermost axis.
  const std::int64_t extent = src.shape[0], slab = src.volume() / extent;
  parallel_for(parallel, extent, (1 << 16) / slab, [&](std::int64_t begin, std::int64_t end) {
    decode(src.part(0, begin, end - begin), dst.part(0, begin, end - begin), array);
  });
}

void swap_bytes(void* data, std::int64_t count, std::size_t element_size) {
  switch (element_size) {
    case 2:
      return swap_all(static_cast<std::uint16_t*>(data), count);
    case 4:
      return swap_all(static_cast<std::uint32_t*>(data), count);
    case 8:
      return swap_all(static_cast<std::uint64_t*>(data), count);
    default:
      return;
  }
}

std::int64_t checked_extent(const RawArray& array, std::int64_t size, std::string_view path) {
  const std::int64_t bytes = checked_bytes(array.shape, size_of(array.stored));
  if (bytes < 0)
    throw read_error(path, "the header's shape cannot be that of an array")
        .got(fmt::format("{} of {}", to_string(array.shape), name_of(array.stored)))
        .allowed("extents of at least 0, fewer than 2^63 bytes in all");
  if (array.offset > size || bytes > size - array.offset)
    throw read_error(path, "the file is shorter than its header says")
        .got(fmt::format("{} bytes after the header",
                         std::max<std::int64_t>(size - array.offset, 0)))
        .allowed(fmt::format("{} bytes for {} of {}", bytes, to_string(array.shape),
                             name_of(array.stored)));
  return bytes;
}

}  // namespace varo

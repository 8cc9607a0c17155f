// SPDX-License-Identifier: Apache-2.0
/// Regions of a dense row-major array that lies in a file (or in memory) as plain elements.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/parallel.h"
#include "formats/file.h"
#include "varo/tensor.h"

namespace varo {

/// How the elements are stored, and what they stand for.
struct RawArray {
  std::int64_t offset = 0;  ///< of the first element, in bytes
  DType stored = DType::u8;
  Shape shape;           ///< outermost axis first
  bool swapped = false;  ///< bytes of an element in the other order than this machine's
  bool scaled = false;   ///< value = stored * slope + intercept, computed in double, as float32
  double slope = 1, intercept = 0;

  DType dtype() const { return scaled ? DType::f32 : stored; }
};

/// How a region is cut into reads: axes before `split` are walked index by index; along `split`
/// `group` neighbouring indices share a read; the axes after it are read whole, first to last
/// element, with what lies between.
///
///   file     ..xxx...xxx...xxx..............xxx...xxx...xxx......   x: wanted
///   reads      |-------------|              |-------------|
///
/// The gaps inside of a read are small, those between two reads large.
struct SpanPlan {
  int split = 0;
  std::int64_t group = 1;   ///< indices of the split axis in one read
  std::int64_t groups = 1;  ///< reads for one combination of the axes before it
  std::int64_t count = 1;   ///< reads in all
  std::int64_t bytes = 0;   ///< of the largest read
};

/// \pre rank > 0, every extent > 0, the array's bytes are representable
SpanPlan plan_spans(const Shape& array, const Shape& region, std::size_t element_size);

/// Reads `box` into dst. Elements of type bool come out as 0 or 1 whatever was stored.
///
/// dst     array.dtype(), shape box.extents(), any strides
/// memory  one span (at most 1 MiB) a block of `parallel`; none where rows of the file are rows
///         of dst
/// errors  ReadError, of the first span that fails
void read_region(const File& file, const RawArray& array, const Box& box, const View& dst,
                 Parallel& parallel);

/// Asks the system to fetch the spans that read_region will read, unless they seem to be in the
/// page cache, which takes a few calls to find out, or are more than `most` bytes in all, each
/// counted as if it were the largest and at least a page of 4 KiB. Returns the bytes so counted, 0
/// where nothing was asked for.
std::int64_t advise_region(const File& file, const RawArray& array, const Box& box,
                           std::int64_t most);

/// As read_region from an array that is in memory, its first element at `data` (aligned to the
/// element). Elements have been put into this machine's byte order already.
void copy_region(const void* data, const RawArray& array, const Box& box, const View& dst,
                 Parallel& parallel);

/// The array as a source: opened for each read, refused when the file is not in the state `id`.
std::shared_ptr<Source> raw_source(std::string path, const FileId& id, RawArray array);

/// Turns `count` elements of `element_size` bytes around in place.
void swap_bytes(void* data, std::int64_t count, std::size_t element_size);

/// Throws ReadError unless the array lies inside of `size` bytes. Negative extents and sizes past
/// 2^63 are refused too. Returns the number of bytes.
std::int64_t checked_extent(const RawArray& array, std::int64_t size, std::string_view path);

}  // namespace varo

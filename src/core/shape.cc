// SPDX-License-Identifier: Apache-2.0
#include "varo/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdexcept>

#include "varo/dtype.h"
#include "varo/error.h"
#include "varo/view.h"

namespace varo {

namespace {
constexpr std::string_view kNames[] = {"uint8", "uint16", "uint32",  "uint64",  "int8",    "int16",
                                       "int32", "int64",  "float16", "float32", "float64", "bool"};
}

std::string_view name_of(DType t) { return kNames[static_cast<int>(t)]; }

std::optional<DType> dtype_named(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (kNames[i] == name) return static_cast<DType>(i);
  return std::nullopt;
}

Dims Dims::filled(int rank, std::int64_t value) {
  Dims d;
  for (int i = 0; i < rank; ++i) d.push_back(value);
  return d;
}

void Dims::insert(int at, std::int64_t value) {
  if (size_ == kMaxRank) throw std::length_error(fmt::format("more than {} axes", kMaxRank));
  for (int i = size_; i > at; --i) v_[i] = v_[i - 1];
  v_[at] = value;
  ++size_;
}

void Dims::erase(int at) {
  for (int i = at; i + 1 < size_; ++i) v_[i] = v_[i + 1];
  --size_;
}

std::int64_t checked_bytes(const Shape& shape, std::size_t element_size) {
  // A zero extent makes the product 0, but the other extents must still be sane.
  auto n = static_cast<std::int64_t>(element_size);
  bool zero = false;
  for (const auto extent : shape) {
    if (extent < 0) return -1;
    if (extent == 0)
      zero = true;
    else if (__builtin_mul_overflow(n, extent, &n))
      return -1;
  }
  return zero ? 0 : n;
}

Strides dense_strides(const Shape& shape) {
  Strides s = Dims::filled(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) s[i] = s[i + 1] * shape[i + 1];
  return s;
}

std::string to_string(const Dims& dims) {
  return fmt::format("[{}]", fmt::join(dims.span(), ", "));
}

Layout::Layout(std::string_view letters) {
  if (letters.size() > kMaxRank)
    throw Error(ErrorKind::layout, fmt::format("a layout of {} letters", letters.size()))
        .got(fmt::format("\"{}\"", letters))
        .allowed(fmt::format("at most {} axes", kMaxRank));
  for (std::size_t i = 1; i < letters.size(); ++i)
    if (letters[i] != '*' && letters.find(letters[i]) < i)
      throw Error(ErrorKind::layout, "a layout names two axes alike")
          .got(fmt::format("\"{}\"", letters))
          .allowed("every letter once; * for an axis without one");
  std::copy(letters.begin(), letters.end(), c_.begin());
  size_ = static_cast<std::uint8_t>(letters.size());
}

int Layout::find(char letter) const {
  for (int i = 0; i < size_; ++i)
    if (c_[i] == letter) return i;
  return -1;
}

Layout Layout::permuted(std::span<const int> perm) const {
  if (empty()) return {};
  Layout out;
  for (const int from : perm) out.c_[out.size_++] = c_[from];
  return out;
}

Layout Layout::with(int at, char letter) const {
  std::string text(str());
  text.insert(text.begin() + at, letter);
  return Layout(text);
}

Layout Layout::without(int at) const {
  if (empty()) return {};
  std::string text(str());
  text.erase(text.begin() + at);
  return Layout(text);
}

bool is_dense(const ConstView& view) {
  std::int64_t expected = 1;
  bool dense = true;
  for (int i = view.rank() - 1; i >= 0; --i) {
    if (view.shape[i] == 0) return true;
    if (view.shape[i] != 1 && view.strides[i] != expected) dense = false;
    expected *= view.shape[i];
  }
  return dense;
}

Shape Box::extents() const {
  Shape e;
  for (int i = 0; i < lo.rank(); ++i) e.push_back(hi[i] - lo[i]);
  return e;
}

PaddedView PaddedView::part(const Box& of) const {
  Box seen = box, from = box;
  for (int i = 0; i < rank(); ++i) {
    const std::int64_t extent = of.hi[i] - of.lo[i];
    seen.lo[i] = std::clamp<std::int64_t>(box.lo[i] - of.lo[i], 0, extent);
    seen.hi[i] = std::clamp(box.hi[i] - of.lo[i], seen.lo[i], extent);
    from.lo[i] = seen.lo[i] + of.lo[i] - box.lo[i];
    from.hi[i] = seen.hi[i] + of.lo[i] - box.lo[i];
  }
  return {inside.part(from), of.extents(), seen, fill};
}

bool Box::empty() const {
  for (int i = 0; i < lo.rank(); ++i)
    if (hi[i] <= lo[i]) return true;
  return false;
}

}  // namespace varo

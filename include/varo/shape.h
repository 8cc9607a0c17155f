// SPDX-License-Identifier: Apache-2.0
/// Inline vectors for shapes, strides and axis lists, and the axis letters of a tensor.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "varo/api.h"

namespace varo {

inline constexpr int kMaxRank = 8;

/// Up to kMaxRank integers, stored inline. Writing past kMaxRank throws std::length_error.
class VARO_API Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) { assign(values.begin(), values.end()); }
  explicit Dims(std::span<const std::int64_t> values) { assign(values.begin(), values.end()); }
  static Dims filled(int rank, std::int64_t value);

  constexpr int rank() const { return size_; }
  constexpr int size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr std::int64_t operator[](int i) const { return v_[static_cast<unsigned>(i)]; }
  constexpr std::int64_t& operator[](int i) { return v_[static_cast<unsigned>(i)]; }
  constexpr std::int64_t back() const { return v_[size_ - 1U]; }
  constexpr const std::int64_t* begin() const { return v_.data(); }
  constexpr const std::int64_t* end() const { return v_.data() + size_; }
  constexpr std::int64_t* begin() { return v_.data(); }
  constexpr std::int64_t* end() { return v_.data() + size_; }
  constexpr std::span<const std::int64_t> span() const { return {begin(), end()}; }

  void push_back(std::int64_t value) { insert(size_, value); }
  void insert(int at, std::int64_t value);
  void erase(int at);
  void clear() { size_ = 0; }

  friend constexpr bool operator==(const Dims& a, const Dims& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  template <class It>
  void assign(It first, It last) {
    for (; first != last; ++first) push_back(*first);
  }
  std::array<std::int64_t, kMaxRank> v_{};
  std::uint8_t size_ = 0;
};

/// Extents, outermost axis first.
using Shape = Dims;
/// Distances in elements between neighbours along each axis; may be negative or zero.
using Strides = Dims;

/// Number of elements; 1 for rank 0. The caller has bounded the extents (no overflow check).
constexpr std::int64_t volume(const Shape& shape) {
  std::int64_t n = 1;
  for (const auto extent : shape) n *= extent;
  return n;
}
/// Number of bytes if it and every extent are representable and not negative, else -1.
VARO_API std::int64_t checked_bytes(const Shape& shape, std::size_t element_size);
/// Row-major strides.
VARO_API Strides dense_strides(const Shape& shape);
/// "[1, 128, 160, 160]"
VARO_API std::string to_string(const Dims& dims);

/// Axis letters, outermost first: "CDHW". Empty means unknown. No letter twice, but for '*', an axis
/// without one (LayoutError).
class VARO_API Layout {
 public:
  Layout() = default;
  Layout(const char* letters)  // NOLINT: literals are layouts
      : Layout(std::string_view(letters)) {}
  Layout(std::string_view letters);  // NOLINT
  bool empty() const { return size_ == 0; }
  int rank() const { return size_; }
  char operator[](int i) const { return c_[static_cast<unsigned>(i)]; }
  std::string_view str() const { return {c_.data(), size_}; }
  /// Position of `letter`, or -1.
  int find(char letter) const;
  bool has(char letter) const { return find(letter) >= 0; }
  Layout permuted(std::span<const int> perm) const;
  Layout with(int at, char letter) const;
  Layout without(int at) const;
  friend bool operator==(const Layout& a, const Layout& b) { return a.str() == b.str(); }

 private:
  std::array<char, kMaxRank> c_{};
  std::uint8_t size_ = 0;
};

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// What label_components() knows before it has seen everything.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include "core/pooled.h"
#include "kernels/label/runs.h"

namespace varo::label {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Provisional components: nodes of a forest whose roots are the components.
class Forest {
 public:
  explicit Forest(int rank) : rank_(rank) {}

  std::uint32_t add(std::uint32_t value) {
    if (parent_.size() >= kNone) throw std::bad_alloc();
    const auto node = static_cast<std::uint32_t>(parent_.size());
    parent_.push_back(node);
    value_.push_back(value);
    voxels_.push_back(0);
    first_.push_back(std::numeric_limits<std::int64_t>::max());
    for (int i = 0; i < rank_; ++i) {
      box_.push_back(std::numeric_limits<std::int32_t>::max());
      box_.push_back(0);
    }
    return node;
  }

  std::uint32_t root(std::uint32_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }
  void unite(std::uint32_t a, std::uint32_t b) {
    a = root(a);
    b = root(b);
    if (a < b)
      parent_[b] = a;
    else
      parent_[a] = b;
  }

  /// Adds a row's run: `at` are the coordinates of the row.
  void extend(std::uint32_t node, const Run& run, const std::int64_t* at, std::int64_t first) {
    voxels_[node] += run.end - run.start;
    first_[node] = std::min(first_[node], first);
    std::int32_t* box = box_of(node);
    for (int i = 0; i + 1 < rank_; ++i, box += 2) widen(box, at[i], at[i] + 1);
    widen(box, run.start, run.end);
  }

  /// Appends another forest; its nodes move up by the returned number.
  std::uint32_t append(Forest&& other) {
    const std::size_t before = parent_.size();
    if (before == 0) {
      *this = std::move(other);
      return 0;
    }
    if (before + other.parent_.size() > kNone) throw std::bad_alloc();
    const auto shift = static_cast<std::uint32_t>(before);
    for (const std::uint32_t parent : other.parent_) parent_.push_back(parent + shift);
    value_.insert(value_.end(), other.value_.begin(), other.value_.end());
    voxels_.insert(voxels_.end(), other.voxels_.begin(), other.voxels_.end());
    first_.insert(first_.end(), other.first_.begin(), other.first_.end());
    box_.insert(box_.end(), other.box_.begin(), other.box_.end());
    other = Forest(rank_);
    return shift;
  }

  /// Gathers everything in the roots and returns them.
  PooledVector<std::uint32_t> roots() {
    PooledVector<std::uint32_t> found;
    const auto n = static_cast<std::uint32_t>(parent_.size());
    for (std::uint32_t node = 0; node < n; ++node) {
      const std::uint32_t r = root(node);
      if (r == node) {
        found.push_back(node);
        continue;
      }
      voxels_[r] += voxels_[node];
      first_[r] = std::min(first_[r], first_[node]);
      for (int i = 0; i < 2 * rank_; i += 2)
        widen(box_of(r) + i, box_of(node)[i], box_of(node)[i + 1]);
    }
    return found;
  }

  std::uint32_t value(std::uint32_t node) const { return value_[node]; }
  std::int64_t voxels(std::uint32_t node) const { return voxels_[node]; }
  std::int64_t first(std::uint32_t node) const { return first_[node]; }
  std::int32_t* box_of(std::uint32_t node) {
    return box_.data() + static_cast<std::size_t>(node) * 2 * static_cast<std::size_t>(rank_);
  }

 private:
  static void widen(std::int32_t* range, std::int64_t lo, std::int64_t hi) {
    range[0] = std::min(range[0], static_cast<std::int32_t>(lo));
    range[1] = std::max(range[1], static_cast<std::int32_t>(hi));
  }

  int rank_;
  PooledVector<std::uint32_t> parent_, value_;
  PooledVector<std::int64_t> voxels_, first_;
  PooledVector<std::int32_t> box_;  // [nodes][rank][2], axes as walked
};

}  // namespace varo::label

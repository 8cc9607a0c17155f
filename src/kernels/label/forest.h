// SPDX-License-Identifier: Apache-2.0
/// What label_components() knows before it has seen everything.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <utility>

#include "core/pooled.h"
#include "kernels/label/runs.h"

namespace varo::label {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Provisional components: nodes of a forest whose roots are the components. A node's parent never
/// comes after it; kNone is that of a gap.
class Forest {
 public:
  /// What is known of a node. Its box, [rank][2] with axes as walked, lies behind it.
  struct Part {
    std::int64_t voxels, first;
    std::uint32_t value, unused;

    std::int32_t* box() { return reinterpret_cast<std::int32_t*>(this + 1); }
  };

  explicit Forest(int rank)
      : rank_(rank), stride_(sizeof(Part) + 8 * static_cast<std::size_t>(rank)) {}

  std::uint32_t size() const { return static_cast<std::uint32_t>(parent_.size()); }
  Part& part(std::uint32_t node) {
    return *reinterpret_cast<Part*>(pieces_[node / kPiece].get() + node % kPiece * stride_);
  }

  void prefetch(std::uint32_t node) { __builtin_prefetch(&part(node), 1); }

  /// A node of a row's run: `at` are the coordinates of the row.
  std::uint32_t add(const Run& run, const std::int64_t* at, std::int64_t first) {
    if (parent_.size() >= kNone) throw std::bad_alloc();
    const std::uint32_t node = size();
    reserve(std::size_t{node} + 1);
    parent_.push_back(node);
    Part* const p = new (&part(node)) Part{run.end - run.start, first, run.value, 0};
    std::int32_t* box = p->box();
    for (int i = 0; i + 1 < rank_; ++i, box += 2) {
      box[0] = static_cast<std::int32_t>(at[i]);
      box[1] = box[0] + 1;
    }
    box[0] = static_cast<std::int32_t>(run.start);
    box[1] = static_cast<std::int32_t>(run.end);
    return node;
  }

  /// Adds another run to a node.
  void extend(std::uint32_t node, const Run& run, const std::int64_t* at, std::int64_t first) {
    Part& p = part(node);
    p.voxels += run.end - run.start;
    p.first = std::min(p.first, first);
    std::int32_t* box = p.box();
    for (int i = 0; i + 1 < rank_; ++i, box += 2) widen(box, at[i], at[i] + 1);
    widen(box, run.start, run.end);
  }

  void unite(std::uint32_t a, std::uint32_t b) {
    a = root(a);
    b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

  /// Appends another forest; its nodes move up by the returned number, and leave a gap.
  std::uint32_t append(Forest&& other) {
    if (parent_.empty()) {
      *this = std::move(other);
      return 0;
    }
    const std::size_t before = pieces_.size() * kPiece;
    if (before + other.parent_.size() > kNone) throw std::bad_alloc();
    const auto shift = static_cast<std::uint32_t>(before);
    parent_.resize(before, kNone);
    parent_.resize(before + other.parent_.size());
    for (std::size_t i = 0; i < other.parent_.size(); ++i)
      parent_[before + i] = other.parent_[i] + shift;
    std::move(other.pieces_.begin(), other.pieces_.end(), std::back_inserter(pieces_));
    other = Forest(rank_);
    return shift;
  }

  /// Gathers everything in the roots and drops other nodes; roots keep their order. Returns where
  /// each node's root is now. \pre nothing was appended
  PooledVector<std::uint32_t> gather() {
    std::uint32_t count = 0;
    for (std::uint32_t node = 0; node < size(); ++node) {
      const std::uint32_t parent = parent_[node];
      if (parent == node) {
        if (count != node) std::memcpy(&part(count), &part(node), stride_);
        parent_[node] = count++;
      } else {
        parent_[node] = parent_[parent];  // which has been moved, as it comes before
        add(part(node), part(parent_[node]));
      }
    }
    pieces_.resize((count + kPiece - 1) / kPiece);
    PooledVector<std::uint32_t> left(count);
    std::iota(left.begin(), left.end(), 0U);
    parent_.swap(left);
    return left;
  }

  /// Gathers everything in the roots and returns them, in order.
  PooledVector<std::uint32_t> roots() {
    PooledVector<std::uint32_t> found(parent_.size());
    std::size_t count = 0;
    for (std::uint32_t node = 0; node < size(); ++node) {
      const std::uint32_t parent = parent_[node];
      found[count] = node;
      count += static_cast<std::size_t>(parent == node);
      if (parent == node || parent == kNone) continue;
      parent_[node] = parent_[parent];  // a root, as it comes before
      add(part(node), part(parent_[node]));
    }
    found.resize(count);
    return found;
  }

 private:
  static void widen(std::int32_t* range, std::int64_t lo, std::int64_t hi) {
    range[0] = std::min(range[0], static_cast<std::int32_t>(lo));
    range[1] = std::max(range[1], static_cast<std::int32_t>(hi));
  }

  void add(Part& from, Part& to) {
    to.voxels += from.voxels;
    to.first = std::min(to.first, from.first);
    for (int i = 0; i < 2 * rank_; i += 2) widen(to.box() + i, from.box()[i], from.box()[i + 1]);
  }

  std::uint32_t root(std::uint32_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }

  void reserve(std::size_t nodes) {
    while (pieces_.size() * kPiece < nodes)
      pieces_.push_back(pooled_array<std::byte>(kPiece * stride_));
  }

  static constexpr std::size_t kPiece = 1 << 9;  // nodes that lie together

  int rank_;
  std::size_t stride_;
  PooledVector<std::uint32_t> parent_;
  PooledVector<std::shared_ptr<std::byte[]>> pieces_;  // of kPiece nodes each
};

}  // namespace varo::label

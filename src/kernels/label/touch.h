// SPDX-License-Identifier: Apache-2.0
/// Which runs of neighbouring rows touch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/label/runs.h"

namespace varo::label {

/// Two nodes that touch, or a node and a run that do.
struct Touch {
  std::uint32_t node, other;
};

/// Walks two neighbouring rows for the pairs of equal runs that touch: a's node, b's place in its
/// row. Which run ends first, and whether two touch, cannot be foretold in noise: no branch depends
/// on it.
struct Meeting {
  const Run *a = nullptr, *a_end = nullptr, *b = nullptr, *b_end = nullptr;
  std::uint32_t at = 0;

  bool more() const { return a != a_end && b != b_end; }
  void step(Touch*& to) {
    *to = {a->node, at};
    to += static_cast<int>(a->value == b->value) & static_cast<int>(a->start < b->end) &
          static_cast<int>(b->start < a->end);
    const bool next = a->end < b->end;
    a += next;
    b += !next;
    at += !next;
  }
};

/// Writes the pairs that meet behind `to`, and returns their end. Of two meetings at once, as a
/// step has to wait for the one before. They have room for as many pairs as rows have runs.
inline Touch* touching(Meeting x, Meeting y, Touch* to) {
  Touch* const from = to + (x.a_end - x.a) + (x.b_end - x.b);
  Touch* also = from;
  while (x.more() && y.more()) x.step(to), y.step(also);
  while (x.more()) x.step(to);
  while (y.more()) y.step(also);
  return std::copy(from, also, to);
}

}  // namespace varo::label

// SPDX-License-Identifier: Apache-2.0
#include "operators/labels/object_draw.h"

#include <algorithm>
#include <limits>

namespace varo {

namespace {

// A place in `weights`, which add up to `total` > 0.
std::int64_t draw_weighted(Rng& rng, const std::vector<double>& weights, double total) {
  double left = rng.uniform() * total;
  std::int64_t last = -1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = static_cast<std::int64_t>(i);
    if (left < weights[i]) break;
    left -= weights[i];
  }
  return last;
}

// One of [begin, end) that is large enough; -1 if none is.
std::int64_t draw_component(ObjectDraw& draw, const ComponentTable& table, std::int64_t begin,
                            std::int64_t end) {
  const auto large = [&](std::int64_t c) {
    const auto lo = table.lo(c), hi = table.hi(c);
    for (std::size_t k = 0; k < draw.threshold.size(); ++k)
      if (hi[k] - lo[k] < draw.threshold[k]) return false;
    return true;
  };
  std::int64_t among = 0;
  for (std::int64_t c = begin; c < end; ++c) among += large(c) ? 1 : 0;
  if (among == 0) return -1;
  const bool largest = draw.k_largest > 0 && draw.k_largest < among;
  if (largest) among = draw.k_largest;
  auto left = static_cast<std::int64_t>(draw.rng.below(static_cast<std::uint64_t>(among)));
  if (!largest) {
    std::int64_t c = begin;
    while (!large(c) || left-- > 0) ++c;
    return c;
  }
  std::vector<std::int64_t> candidates;
  for (std::int64_t c = begin; c < end; ++c)
    if (large(c)) candidates.push_back(c);
  const auto chosen = candidates.begin() + static_cast<std::ptrdiff_t>(left);
  const auto box_volume = [&](std::int64_t c) {
    std::int64_t v = 1;
    for (int k = 0; k < table.rank; ++k)
      v *= table.hi(c)[static_cast<unsigned>(k)] - table.lo(c)[static_cast<unsigned>(k)];
    return v;
  };
  std::nth_element(candidates.begin(), chosen, candidates.end(),
                   [&](std::int64_t a, std::int64_t b) {
                     const std::int64_t va = box_volume(a), vb = box_volume(b);
                     return va != vb ? va > vb
                                     : table.first[static_cast<std::size_t>(a)] <
                                           table.first[static_cast<std::size_t>(b)];
                   });
  return *chosen;
}

}  // namespace

std::int64_t default_background(const std::vector<std::int64_t>& classes) {
  const auto listed = [&](std::int64_t v) {
    return std::find(classes.begin(), classes.end(), v) != classes.end();
  };
  if (!listed(0)) return 0;
  constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::min();
  const std::int64_t least = *std::min_element(classes.begin(), classes.end());
  if (least > kLeast) return least - 1;
  std::int64_t free = std::numeric_limits<std::int32_t>::max();
  while (listed(free)) --free;
  return free;
}

ObjectChoice draw_object(ObjectDraw& draw, const ComponentTable& table) {
  if (draw.ignore_class) return {draw.background, draw_component(draw, table, 0, table.size())};
  if (draw.any_class) {
    for (const auto& cls : table.classes) draw.classes.push_back(cls.value);
    draw.weights.assign(draw.classes.size(), 1.0);
  }
  std::vector<const ComponentTable::Class*> found(draw.classes.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto at =
        std::lower_bound(table.classes.begin(), table.classes.end(), draw.classes[i],
                         [](const auto& cls, std::int64_t value) { return cls.value < value; });
    if (at != table.classes.end() && at->value == draw.classes[i])
      found[i] = &*at;
    else
      draw.weights[i] = 0;
  }
  for (;;) {
    double total = 0;
    for (const double weight : draw.weights) total += weight;
    if (total <= 0) return {draw.background};
    const std::int64_t at = draw_weighted(draw.rng, draw.weights, total);
    const auto& cls = *found[static_cast<std::size_t>(at)];
    const std::int64_t component = draw_component(draw, table, cls.begin, cls.end);
    if (component >= 0) return {cls.value, component};
    draw.weights[static_cast<std::size_t>(at)] = 0;
  }
}

}  // namespace varo

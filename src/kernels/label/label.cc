// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/label.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <vector>

#include "core/dispatch.h"
#include "core/pooled.h"
#include "kernels/label/forest.h"
#include "kernels/label/slab.h"
#include "kernels/label/visit_order.h"

namespace varo {

using label::Axis, label::Forest, label::Slab, label::Slice, label::Touch, label::VisitOrder;

namespace {

constexpr std::int64_t kSlab = std::int64_t{1} << 20;     // elements of one parallel part
constexpr std::int64_t kEntries = std::int64_t{1} << 14;  // components of one

// Labels slab by slab and unites what meets at their borders.
Forest label_slabs(const VisitOrder& walk, bool has_background, std::uint32_t background,
                   Parallel& parallel) {
  const std::int64_t extent = walk.outer() > 0 ? walk.axes[0].extent : 1;
  std::int64_t voxels = 1;
  for (int i = 0; i < walk.rank; ++i) voxels *= walk.axes[i].extent;
  const std::int64_t wanted = parallel.width() > 1 ? std::max<std::int64_t>(voxels / kSlab, 1) : 1;
  const std::int64_t thick = (extent + wanted - 1) / wanted;
  std::vector<std::unique_ptr<Slab>> slabs(static_cast<std::size_t>((extent + thick - 1) / thick));
  parallel_for(parallel, extent, thick, [&](std::int64_t begin, std::int64_t end) {
    auto slab = std::make_unique<Slab>(walk, has_background, background);
    slab->run(begin, end);
    slabs[static_cast<std::size_t>(begin / thick)] = std::move(slab);
  });
  Forest forest(walk.rank);
  PooledVector<Touch> touches;
  std::uint32_t below = 0;  // what the nodes of the slab before were moved by
  for (std::size_t s = 0; s < slabs.size(); ++s) {
    const std::uint32_t shift = forest.append(std::move(slabs[s]->forest));
    if (s > 0) {
      Slice& a = slabs[s - 1]->last_slice;
      Slice& b = slabs[s]->first;
      const auto rows = static_cast<std::int64_t>(a.ends.size()) - 1;
      touches.resize(a.runs.size() + b.runs.size());
      for (std::int64_t row = 0; row < rows; ++row) {
        if (a.begin(row) == a.end(row)) continue;
        const Touch* const end =
            touching({a.begin(row), a.end(row), b.begin(row), b.end(row)}, {}, touches.data());
        for (const Touch* t = touches.data(); t != end; ++t)
          forest.unite(t->node + below, b.begin(row)[t->other].node + shift);
      }
      slabs[s - 1].reset();
    }
    below = shift;
  }
  return forest;
}

template <class T>
std::int64_t value_of(std::uint32_t bits) {
  return static_cast<std::int64_t>(static_cast<T>(bits));
}

// Fills a table in the order of `roots`; whether that is by class, then by first voxel.
bool fill_table(ComponentTable& table, Forest& forest, std::span<const std::uint32_t> roots,
                const VisitOrder& walk, std::int64_t (*value)(std::uint32_t), Parallel& parallel) {
  const auto rank = static_cast<std::size_t>(table.rank);
  std::atomic<bool> ordered{true};
  const auto count = static_cast<std::int64_t>(roots.size());
  parallel_for(parallel, count, kEntries, [&](std::int64_t begin, std::int64_t end) {
    bool all = true;
    const Forest::Part* before = &forest.part(roots[static_cast<std::size_t>(begin - (begin > 0))]);
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      Forest::Part& part = forest.part(roots[i]);
      all &= before->value == part.value ? before->first <= part.first
                                         : value(before->value) < value(part.value);
      before = &part;
      std::int32_t* const lo = table.boxes.data() + i * 2 * rank;
      std::int32_t* const hi = lo + rank;
      std::fill(lo, hi, 0);
      std::fill(hi, hi + rank, 1);
      const std::int32_t* box = part.box();
      for (int k = 0; k < walk.rank && walk.axes[k].extent > 1; ++k, box += 2) {
        const Axis& a = walk.axes[k];
        const auto extent = static_cast<std::int32_t>(a.extent);
        lo[a.axis] = a.flipped ? extent - box[1] : box[0];
        hi[a.axis] = a.flipped ? extent - box[0] : box[1];
      }
      table.voxels[i] = part.voxels;
      table.first[i] = part.first;
    }
    if (!all) ordered.store(false, std::memory_order_relaxed);
  });
  return ordered;
}

ComponentTable table_of(Forest& forest, const VisitOrder& walk, int rank,
                        std::int64_t (*value)(std::uint32_t), Parallel& parallel) {
  struct Found {
    std::int64_t value, first;
    std::uint32_t root;
    bool operator<(const Found& other) const {
      return value != other.value ? value < other.value : first < other.first;
    }
  };
  PooledVector<std::uint32_t> roots = forest.roots();
  ComponentTable table;
  table.rank = rank;
  table.voxels.resize(roots.size());
  table.first.resize(roots.size());
  table.boxes.resize(roots.size() * 2 * static_cast<std::size_t>(rank));
  // As they come: walked in row-major order, components of one class are in order.
  if (!fill_table(table, forest, roots, walk, value, parallel)) {
    PooledVector<Found> found;
    found.reserve(roots.size());
    for (const std::uint32_t root : roots) {
      const Forest::Part& part = forest.part(root);
      found.push_back({value(part.value), part.first, root});
    }
    std::sort(found.begin(), found.end());
    for (std::size_t i = 0; i < found.size(); ++i) roots[i] = found[i].root;
    fill_table(table, forest, roots, walk, value, parallel);
  }
  for (auto begin = roots.begin(); begin != roots.end();) {
    const std::uint32_t bits = forest.part(*begin).value;
    const auto end = std::partition_point(
        begin, roots.end(), [&](std::uint32_t root) { return forest.part(root).value == bits; });
    table.classes.push_back({value(bits), begin - roots.begin(), end - roots.begin()});
    begin = end;
  }
  return table;
}

}  // namespace

std::size_t ComponentTable::bytes() const {
  return sizeof(*this) + classes.capacity() * sizeof(Class) +
         boxes.capacity() * sizeof(std::int32_t) +
         (voxels.capacity() + first.capacity()) * sizeof(std::int64_t);
}

ComponentTable label_components(const ConstView& labels, std::int64_t background,
                                Parallel& parallel) {
  ComponentTable table;
  table.rank = labels.rank();
  if (labels.volume() == 0) return table;
  const VisitOrder walk = label::visit_order(labels);
  dispatch<bool, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
           std::int32_t>(labels.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
    const bool has_background = background >= std::int64_t{std::numeric_limits<T>::min()} &&
                                background <= std::int64_t{std::numeric_limits<T>::max()};
    const auto bits =
        static_cast<std::uint32_t>(static_cast<std::make_unsigned_t<Stored>>(background));
    Forest forest = label_slabs(walk, has_background, bits, parallel);
    table = table_of(forest, walk, labels.rank(), value_of<Stored>, parallel);
  });
  return table;
}

}  // namespace varo

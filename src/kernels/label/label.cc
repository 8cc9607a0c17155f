// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/label.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <new>
#include <numeric>

#include "core/dispatch.h"
#include "core/pooled.h"
#include "kernels/label/forest.h"
#include "kernels/label/runs.h"
#include "kernels/label/walk.h"

namespace varo {

using label::Axis, label::Forest, label::kNone, label::Walk;

namespace {

constexpr std::int64_t kBatch = std::int64_t{1} << 14;    // elements whose runs are found at once
constexpr std::int64_t kSlab = std::int64_t{1} << 20;     // elements of one parallel part
constexpr std::int64_t kEntries = std::int64_t{1} << 14;  // components of one

// The runs of one hyper-slice.
struct Slice {
  PooledVector<Run> runs;
  PooledVector<std::uint32_t> ends;  // [rows + 1]: where each row's runs begin

  void clear() {
    runs.clear();
    ends.assign(1, 0);
  }
  Run* begin(std::int64_t row) { return runs.data() + ends[static_cast<std::size_t>(row)]; }
  Run* end(std::int64_t row) { return runs.data() + ends[static_cast<std::size_t>(row) + 1]; }
};

// Two nodes that touch, or a node and a run that do.
struct Touch {
  std::uint32_t node, other;
};

// Rows that have so few runs, both together, are mostly like their neighbours.
constexpr std::int64_t kFewRuns = 8;

// Walks two neighbouring rows for the pairs of equal runs that touch: a's node, b's place in its
// row. Which run ends first, and whether two touch, cannot be foretold in noise: no branch depends
// on it.
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

// Writes the pairs that meet behind `to`, and returns their end. Of two meetings at once, as a step
// has to wait for the one before. They have room for as many pairs as rows have runs.
Touch* touching(Meeting x, Meeting y, Touch* to) {
  Touch* const from = to + (x.a_end - x.a) + (x.b_end - x.b);
  Touch* also = from;
  while (x.more() && y.more()) x.step(to), y.step(also);
  while (x.more()) x.step(to);
  while (y.more()) y.step(also);
  return std::copy(from, also, to);
}

// Finds runs of a slab of hyper-slices and links them.
class Slab {
 public:
  Slab(const Walk& walk, bool has_background, std::uint32_t background)
      : forest(walk.rank), walk_(walk) {
    const std::int64_t n = walk.along().extent;
    const std::int64_t capacity = std::max(kBatch, std::min(n, 4 * kBatch));
    found_ = pooled_array<Run>(static_cast<std::size_t>(capacity));
    ends_ = pooled_array<std::uint32_t>(static_cast<std::size_t>(kBatch));
    if (walk.along().stride != 1)
      gathered_ = pooled_array<std::byte>(static_cast<std::size_t>(capacity) * walk.element_size);
    request_ = {nullptr, walk.element_size, 0, 0, 0, has_background, background};
  }

  void run(std::int64_t begin, std::int64_t end) {
    const int last = walk_.outer() - 1;  // the axis whose rows are found in batches
    for (std::int64_t i = begin; i < end; ++i) {
      current_.clear();
      at_[0] = i;
      for (int k = 1; k < kMaxRank; ++k) at_[k] = 0;
      have_previous_ = i > begin;
      if (last < 1) {
        lines(1);
      } else {
        do lines(walk_.axes[last].extent);
        while (next_line(last));
      }
      if (i == begin) first = current_;
      std::swap(current_, previous_);
    }
    last_slice = std::move(previous_);
    const PooledVector<std::uint32_t> moved = forest.gather();
    for (Slice* slice : {&first, &last_slice})
      for (Run& run : slice->runs) run.node = moved[run.node];
  }

  Forest forest;
  Slice first, last_slice;

 private:
  bool next_line(int last) {
    at_[last] = 0;
    for (int k = last - 1; k >= 1; --k) {
      if (++at_[k] < walk_.axes[k].extent) return true;
      at_[k] = 0;
    }
    return false;
  }

  // `rows` rows along the last outer axis (at_ stands on the first), or the one row there is.
  void lines(std::int64_t rows) {
    const Axis& along = walk_.along();
    const std::int64_t n = along.extent;
    const int last = walk_.outer() - 1;
    const std::int64_t stride = last >= 0 ? walk_.axes[last].stride : 0;
    std::int64_t offset = 0;
    for (int k = 0; k < walk_.outer(); ++k) offset += at_[k] * walk_.axes[k].stride;
    if (n <= 4 * kBatch) {
      const std::int64_t step = std::max<std::int64_t>(1, kBatch / n);
      for (std::int64_t r = 0; r < rows; r += step) {
        const std::int64_t count = std::min(step, rows - r);
        find(offset + r * stride, stride, count, n);
        const Run* run = found_.get();
        for (std::int64_t k = 0; k < count; ++k) {
          const Run* const run_end = found_.get() + ends_[k];
          current_.runs.insert(current_.runs.end(), run, run_end);
          run = run_end;
          finish_row(r + k);
        }
      }
      return;
    }
    for (std::int64_t r = 0; r < rows; ++r) {  // rows too long for one piece
      const std::size_t row_begin = current_.runs.size();
      for (std::int64_t from = 0; from < n; from += kBatch) {
        find(offset + r * stride + from * along.stride, 0, 1, std::min(kBatch, n - from));
        for (const Run* run = found_.get(); run != found_.get() + ends_[0]; ++run) {
          const auto start = static_cast<std::uint32_t>(run->start + from);
          const auto end = static_cast<std::uint32_t>(run->end + from);
          PooledVector<Run>& runs = current_.runs;
          if (runs.size() > row_begin && runs.back().end == start &&
              runs.back().value == run->value)
            runs.back().end = end;
          else
            runs.push_back({start, end, run->value, kNone});
        }
      }
      finish_row(r);
    }
  }

  void find(std::int64_t offset, std::int64_t stride, std::int64_t rows, std::int64_t length) {
    const std::byte* data = walk_.data + offset * static_cast<std::int64_t>(walk_.element_size);
    request_.rows = rows;
    request_.length = length;
    request_.data = data;
    request_.stride = stride;
    if (gathered_ != nullptr) {
      gather(data, stride, rows, length);
      request_.data = gathered_.get();
      request_.stride = length;
    }
    find_runs(request_, found_.get(), ends_.get());
  }

  void gather(const std::byte* data, std::int64_t stride, std::int64_t rows, std::int64_t length) {
    const auto of = [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* to = reinterpret_cast<T*>(gathered_.get());
      const std::int64_t step = walk_.along().stride;
      for (std::int64_t r = 0; r < rows; ++r) {
        const T* from = reinterpret_cast<const T*>(data) + r * stride;
        for (std::int64_t i = 0; i < length; ++i) *to++ = from[i * step];
      }
    };
    switch (walk_.element_size) {
      case 1:
        return of(TypeTag<std::uint8_t>{});
      case 2:
        return of(TypeTag<std::uint16_t>{});
      default:
        return of(TypeTag<std::uint32_t>{});
    }
  }

  // Links the row whose runs were just appended; `along_last` is its place on the last outer axis.
  void finish_row(std::int64_t along_last) {
    const auto row = static_cast<std::int64_t>(current_.ends.size()) - 1;
    current_.ends.push_back(static_cast<std::uint32_t>(current_.runs.size()));
    Run* const begin = current_.begin(row);
    Run* const end = current_.end(row);
    if (begin == end) return;
    const int outer = walk_.outer();
    if (outer > 1) at_[outer - 1] = along_last;
    for (Run* run = begin; run != end; ++run) run->node = kNone;
    Meeting waiting;
    const auto meet = [&](const Run* a, const Run* a_end) {
      if (a_end - a + (end - begin) <= kFewRuns) return join_few(a, a_end, begin, end);
      Meeting meeting{a, a_end, begin, end};
      if (waiting.more()) {
        join(waiting, meeting, begin);
        meeting = {};
      }
      waiting = meeting;
    };
    if (have_previous_) meet(previous_.begin(row), previous_.end(row));
    std::int64_t back = 1;  // rows to the neighbour along axis k
    for (int k = outer - 1; k >= 1; back *= walk_.axes[k].extent, --k)
      if (at_[k] > 0) meet(current_.begin(row - back), current_.end(row - back));
    if (waiting.more()) join(waiting, {}, begin);

    std::int64_t scan = 0;
    for (int k = 0; k < outer; ++k) scan += walk_.axes[k].scan_at(at_[k]);
    for (Run* run = begin; run != end; ++run) {
      const std::int64_t foremost = walk_.along().flipped ? run->end - 1 : run->start;
      const std::int64_t first = scan + walk_.along().scan_at(foremost);
      if (run->node == kNone)
        run->node = forest.add(*run, at_, first);
      else
        forest.extend(run->node, *run, at_, first);
    }
  }

  // Gives runs of a row the nodes of what they touch in another row, and unites those.
  void join_few(const Run* a, const Run* a_end, Run* b, Run* b_end) {
    while (a != a_end && b != b_end) {
      if (a->value == b->value && a->start < b->end && b->start < a->end) {
        if (b->node == kNone)
          b->node = a->node;
        else if (b->node != a->node)
          forest.unite(a->node, b->node);
      }
      if (a->end < b->end)
        ++a;
      else
        ++b;
    }
  }

  // The same for many runs and two other rows.
  void join(const Meeting& x, const Meeting& y, Run* runs) {
    const auto room =
        static_cast<std::size_t>(x.a_end - x.a + x.b_end - x.b + y.a_end - y.a + y.b_end - y.b);
    if (touches_.size() < room) touches_.resize(room);
    Touch* const touches = touches_.data();
    const Touch* const touches_end = touching(x, y, touches);
    Touch* unite = touches;
    for (const Touch* t = touches; t != touches_end; ++t) {
      const std::uint32_t node = t->node, known = runs[t->other].node;
      runs[t->other].node = known == kNone ? node : known;
      forest.prefetch(node);
      *unite = {node, known};
      unite += static_cast<int>(known != kNone) & static_cast<int>(known != node);
    }
    for (const Touch* t = touches; t != unite; ++t) forest.unite(t->node, t->other);
  }

  const Walk& walk_;
  Slice current_, previous_;
  bool have_previous_ = false;
  std::int64_t at_[kMaxRank] = {};
  RunRows request_;
  std::shared_ptr<Run[]> found_;
  std::shared_ptr<std::uint32_t[]> ends_;
  std::shared_ptr<std::byte[]> gathered_;
  PooledVector<Touch> touches_;
};

// Labels slab by slab and unites what meets at their borders.
Forest label_slabs(const Walk& walk, bool has_background, std::uint32_t background,
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
                const Walk& walk, std::int64_t (*value)(std::uint32_t), Parallel& parallel) {
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

ComponentTable table_of(Forest& forest, const Walk& walk, int rank,
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
  const Walk walk = label::walk_of(labels);
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

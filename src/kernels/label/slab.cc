// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/slab.h"

#include <algorithm>
#include <utility>

#include "core/dispatch.h"

namespace varo::label {
namespace {

constexpr std::int64_t kBatch = std::int64_t{1} << 14;  // elements whose runs are found at once

// Rows that have so few runs, both together, are mostly like their neighbours.
constexpr std::int64_t kFewRuns = 8;

}  // namespace

Slab::Slab(const VisitOrder& walk, bool has_background, std::uint32_t background)
    : forest(walk.rank), walk_(walk) {
  const std::int64_t n = walk.along().extent;
  const std::int64_t capacity = std::max(kBatch, std::min(n, 4 * kBatch));
  found_ = pooled_array<Run>(static_cast<std::size_t>(capacity));
  ends_ = pooled_array<std::uint32_t>(static_cast<std::size_t>(kBatch));
  if (walk.along().stride != 1)
    gathered_ = pooled_array<std::byte>(static_cast<std::size_t>(capacity) * walk.element_size);
  request_ = {nullptr, walk.element_size, 0, 0, 0, has_background, background};
}

void Slab::run(std::int64_t begin, std::int64_t end) {
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

bool Slab::next_line(int last) {
  at_[last] = 0;
  for (int k = last - 1; k >= 1; --k) {
    if (++at_[k] < walk_.axes[k].extent) return true;
    at_[k] = 0;
  }
  return false;
}

void Slab::lines(std::int64_t rows) {
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
        if (runs.size() > row_begin && runs.back().end == start && runs.back().value == run->value)
          runs.back().end = end;
        else
          runs.push_back({start, end, run->value, kNone});
      }
    }
    finish_row(r);
  }
}

void Slab::find(std::int64_t offset, std::int64_t stride, std::int64_t rows, std::int64_t length) {
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

void Slab::gather(const std::byte* data, std::int64_t stride, std::int64_t rows,
                  std::int64_t length) {
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

void Slab::finish_row(std::int64_t along_last) {
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

void Slab::join_few(const Run* a, const Run* a_end, Run* b, Run* b_end) {
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

void Slab::join(const Meeting& x, const Meeting& y, Run* runs) {
  const auto room = static_cast<std::size_t>((x.a_end - x.a) + (x.b_end - x.b) + (y.a_end - y.a) +
                                             (y.b_end - y.b));
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

}  // namespace varo::label

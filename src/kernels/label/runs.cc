// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/label/runs.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The run being walked, and where finished ones go.
template <class T>
struct Walker {
  const T* row;
  Run* out;
  T background;
  bool has_background;
  bool open;
  T value;
  std::uint32_t start;

  void begin() {
    value = row[0];
    start = 0;
    open = !has_background || value != background;
  }
  void close(std::size_t at) {
    if (open)
      *out++ = {start, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(value), 0};
  }
  void change(std::size_t at) {
    close(at);
    value = row[at];
    start = static_cast<std::uint32_t>(at);
    open = !has_background || value != background;
  }
};

// The changes among the vector's elements [at, at + lanes), of which those before `from` are known.
template <class D, class T>
HWY_INLINE void walk_vector(D d, Walker<T>& w, std::size_t at, std::size_t from) {
  const auto same = hn::Eq(hn::LoadU(d, w.row + at), hn::LoadU(d, w.row + at - 1));
  alignas(8) std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, hn::Not(same), bytes);
  std::uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits |= std::uint64_t{bytes[i]} << (8 * i);
  if (hn::Lanes(d) < 64) bits &= (std::uint64_t{1} << hn::Lanes(d)) - 1;
  bits = bits >> (from - at) << (from - at);
  for (; bits != 0; bits &= bits - 1)
    w.change(at + static_cast<std::size_t>(hwy::Num0BitsBelowLS1Bit_Nonzero64(bits)));
}

// \pre n > lanes
template <class D, class T>
HWY_INLINE void walk_row(D d, Walker<T>& w, std::size_t n) {
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 1;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    // Nothing changes as long as everything equals the current value.
    const auto value = hn::Set(d, w.value);
    const auto a = hn::Xor(hn::LoadU(d, w.row + i), value);
    const auto b = hn::Xor(hn::LoadU(d, w.row + i + lanes), value);
    const auto c = hn::Xor(hn::LoadU(d, w.row + i + 2 * lanes), value);
    const auto e = hn::Xor(hn::LoadU(d, w.row + i + 3 * lanes), value);
    if (hn::AllTrue(d, hn::Eq(hn::Or(hn::Or(a, b), hn::Or(c, e)), hn::Zero(d)))) continue;
    for (std::size_t k = 0; k < 4; ++k) walk_vector(d, w, i + k * lanes, i + k * lanes);
  }
  for (; i < n; i += lanes) {
    const std::size_t at = i + lanes <= n ? i : n - lanes;  // the last one overlaps its neighbour
    if (hn::AllTrue(d, hn::Eq(hn::LoadU(d, w.row + at), hn::Set(d, w.value)))) continue;
    walk_vector(d, w, at, i);
  }
}

template <class T>
void find_runs_of(const RunRows& in, Run* runs, std::uint32_t* ends) {
  const hn::CappedTag<T, 64> wide;
  const hn::CappedTag<T, 16 / sizeof(T)> narrow;
  const auto n = static_cast<std::size_t>(in.length);
  Walker<T> w{nullptr, runs, static_cast<T>(in.background), in.has_background, false, 0, 0};
  for (std::int64_t r = 0; r < in.rows; ++r) {
    w.row = static_cast<const T*>(in.data) + r * in.stride;
    w.begin();
    if (n > hn::Lanes(wide)) {
      walk_row(wide, w, n);
    } else if (n > hn::Lanes(narrow)) {
      walk_row(narrow, w, n);
    } else {
      for (std::size_t i = 1; i < n; ++i)
        if (w.row[i] != w.value) w.change(i);
    }
    w.close(n);
    ends[r] = static_cast<std::uint32_t>(w.out - runs);
  }
}

void FindRuns(const RunRows& in, Run* runs, std::uint32_t* ends) {
  switch (in.element_size) {
    case 1:
      return find_runs_of<std::uint8_t>(in, runs, ends);
    case 2:
      return find_runs_of<std::uint16_t>(in, runs, ends);
    default:
      return find_runs_of<std::uint32_t>(in, runs, ends);
  }
}

}  // namespace varo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

HWY_EXPORT(FindRuns);

void find_runs(const RunRows& in, Run* runs, std::uint32_t* ends) {
  if (in.rows <= 0) return;
  if (in.length <= 0) {
    for (std::int64_t r = 0; r < in.rows; ++r) ends[r] = 0;
    return;
  }
  HWY_DYNAMIC_DISPATCH(FindRuns)(in, runs, ends);
}

}  // namespace varo
#endif

// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/copy/write_rows.cc"
#include <algorithm>
#include <cstring>
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once a target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "core/convert.h"
#include "kernels/copy/rows.h"

HWY_BEFORE_NAMESPACE();
namespace varo::rows_detail {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Where rows go, one after another: place(n) is where the next n <= room() bytes belong.
class Direct {
 public:
  void seek(std::byte* to) { at_ = to; }
  std::int64_t room() const { return std::int64_t{1} << 40; }
  std::byte* place(std::int64_t bytes) {
    std::byte* const here = at_;
    at_ += bytes;
    return here;
  }
  void finish() {}

 private:
  std::byte* at_ = nullptr;
};

// Collects whole cache lines in L1 and writes them with non-temporal stores. What shares a line with bytes that are not
// ours is stored as usual.
class Streamed {
 public:
  void seek(std::byte* to) {
    if (line_ != nullptr && line_ + used_ == to) return;
    flush();
    begin_ = used_ = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % kLine);
    line_ = to - used_;
  }
  std::int64_t room() {
    if (kBytes - used_ < kLeastRoom) flush_lines();
    return kBytes - used_;
  }
  std::byte* place(std::int64_t bytes) {
    std::byte* const here = buffer_ + used_;
    used_ += bytes;
    return here;
  }
  void finish() {
    flush();
    hwy::FlushStream();
  }

 private:
  static constexpr std::int64_t kLine = 64, kBytes = 8192, kLeastRoom = 2048;

  void flush_lines() {
    const hn::CappedTag<std::uint8_t, kLine> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t whole = used_ / kLine * kLine;
    std::int64_t i = 0;
    if (begin_ > 0 && whole > 0) {
      std::memcpy(line_ + begin_, buffer_ + begin_, static_cast<std::size_t>(kLine - begin_));
      begin_ = 0;
      i = kLine;
    }
    const auto* from = reinterpret_cast<const std::uint8_t*>(buffer_);
    auto* to = reinterpret_cast<std::uint8_t*>(line_);
    for (; i < whole; i += lanes) hn::Stream(hn::Load(d, from + i), d, to + i);
    if (whole == 0) return;
    std::memcpy(buffer_, buffer_ + whole, kLine);
    line_ += whole;
    used_ -= whole;
  }
  void flush() {
    flush_lines();
    if (used_ > begin_)
      std::memcpy(line_ + begin_, buffer_ + begin_, static_cast<std::size_t>(used_ - begin_));
    line_ = nullptr;
    begin_ = used_ = 0;
  }

  alignas(kLine) std::byte buffer_[kBytes + kLine];
  std::byte* line_ = nullptr;  // where buffer_ goes; a multiple of kLine
  std::int64_t begin_ = 0, used_ = 0;
};

// in[-(lanes - 1)] ... in[0], turned round.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_backwards(D d, const T* in) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto v = hn::LoadU(d, in - (lanes - 1));
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 1) {
    // Bytes have no Reverse of their own everywhere.
    const hn::Repartition<std::uint16_t, D> d16;
    const auto pairs = hn::Reverse(d16, hn::BitCast(d16, v));
    return hn::BitCast(d, hn::Or(hn::ShiftLeft<8>(pairs), hn::ShiftRight<8>(pairs)));
  } else {
    return hn::Reverse(d, v);
  }
#else
  return v;
#endif
}

// out[i * kChannels + c] = in[c * channel + i * kStep]
template <int kChannels, int kStep, class T>
HWY_INLINE void interleave(const T* in, std::int64_t channel, std::int64_t n, T* out) {
  if constexpr (kChannels == 1 && kStep == 1) {
    std::memcpy(out, in, static_cast<std::size_t>(n) * sizeof(T));
    return;
  }
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto load = [&](std::int64_t i, std::int64_t c) HWY_ATTR {
    const T* const at = in + c * channel + i * kStep;
    if constexpr (kStep == 1) return hn::LoadU(d, at);
    return load_backwards(d, at);
  };
  const auto block = [&](std::int64_t i) HWY_ATTR {
    T* const to = out + i * kChannels;
    if constexpr (kChannels == 1) {
      hn::StoreU(load(i, 0), d, to);
    } else if constexpr (kChannels == 2) {
      hn::StoreInterleaved2(load(i, 0), load(i, 1), d, to);
    } else if constexpr (kChannels == 3) {
      hn::StoreInterleaved3(load(i, 0), load(i, 1), load(i, 2), d, to);
    } else {
      hn::StoreInterleaved4(load(i, 0), load(i, 1), load(i, 2), load(i, 3), d, to);
    }
  };
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) block(i);
  if (i == n) return;
  if (n >= lanes) return block(n - lanes);  // some elements a second time
  for (; i < n; ++i)
    for (int c = 0; c < kChannels; ++c) out[i * kChannels + c] = in[c * channel + i * kStep];
}

template <class T>
HWY_INLINE void fill(T* out, std::int64_t n, T value) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto v = hn::Set(d, value);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(v, d, out + i);
  for (; i < n; ++i) out[i] = value;
}

template <class T, int kChannels, int kStep, class Writer>
HWY_NOINLINE void units(const Plan& p, std::int64_t begin, std::int64_t end) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(T));
  const T value = from_bits<T>(p.fill);
  const std::int64_t channel = kChannels > 1 ? p.walk.axis[p.row + 1].step[kFrom] : 0;
  Writer writer;
  const auto put_value = [&](std::int64_t voxels) HWY_ATTR {
    for (std::int64_t left = voxels * kChannels, n; left > 0; left -= n) {
      n = std::min(left, writer.room() / size);
      fill(reinterpret_cast<T*>(writer.place(n * size)), n, value);
    }
  };
  const auto put_inside = [&](const T* in, std::int64_t voxels) HWY_ATTR {
    for (std::int64_t n; voxels > 0; voxels -= n, in += n * kStep) {
      n = std::min(voxels, writer.room() / (size * kChannels));
      if (n < voxels) n -= n % 64;  // whole vectors
      auto* const to = reinterpret_cast<T*>(writer.place(n * size * kChannels));
      interleave<kChannels, kStep>(in, channel, n, to);
    }
  };

  const std::int64_t extent = p.walk.axis[p.row].extent;
  Odometer at(p.walk, p.row, begin / p.pieces);
  std::int64_t piece = begin % p.pieces;
  for (std::int64_t unit = begin; unit < end; ++unit) {
    bool inside = true;
    for (int i = 0; i < p.row; ++i) inside = inside && at.at[i] >= p.lo[i] && at.at[i] < p.hi[i];
    const std::int64_t first = piece * p.piece, last = std::min(first + p.piece, extent);
    const std::int64_t lo = inside ? std::clamp(p.lo[p.row], first, last) : last;
    const std::int64_t hi = inside ? std::clamp(p.hi[p.row], lo, last) : last;
    writer.seek(static_cast<std::byte*>(p.dst) + (at.offset[kTo] + first * kChannels) * size);
    put_value(lo - first);
    if (hi > lo) put_inside(static_cast<const T*>(p.src) + at.offset[kFrom] + lo * kStep, hi - lo);
    put_value(last - hi);
    if (++piece < p.pieces) continue;
    piece = 0;
    at.next();
  }
  writer.finish();
}

template <class T, int kChannels>
void by_step(const Plan& p, std::int64_t begin, std::int64_t end) {
  const bool forwards = p.walk.axis[p.row].step[kFrom] == 1;
  if (p.stream && forwards) return units<T, kChannels, 1, Streamed>(p, begin, end);
  if (p.stream) return units<T, kChannels, -1, Streamed>(p, begin, end);
  if (forwards) return units<T, kChannels, 1, Direct>(p, begin, end);
  units<T, kChannels, -1, Direct>(p, begin, end);
}

template <class T>
void by_channels(const Plan& p, std::int64_t begin, std::int64_t end) {
  switch (p.channels) {
    case 1:
      return by_step<T, 1>(p, begin, end);
    case 2:
      return by_step<T, 2>(p, begin, end);
    case 3:
      return by_step<T, 3>(p, begin, end);
    default:
      return by_step<T, 4>(p, begin, end);
  }
}

void WriteUnits(const Plan& p, std::int64_t begin, std::int64_t end) {
  switch (p.element_bytes) {
    case 1:
      return by_channels<std::uint8_t>(p, begin, end);
    case 2:
      return by_channels<std::uint16_t>(p, begin, end);
    case 4:
      return by_channels<std::uint32_t>(p, begin, end);
    default:
      return by_channels<std::uint64_t>(p, begin, end);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::rows_detail
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::rows_detail {
HWY_EXPORT(WriteUnits);
void write_units(const Plan& plan, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(WriteUnits)(plan, begin, end);
}
}  // namespace varo::rows_detail
#endif

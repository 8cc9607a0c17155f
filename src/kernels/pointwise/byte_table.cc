// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/byte_table.h"

#include <algorithm>
#include <hwy/cache_control.h>
#include <numeric>

#include "core/dispatch.h"
#include "kernels/pointwise/element.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise/byte_table.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// The entries of sixteen rows of sixteen: an instruction looks a lower half of a byte up in one
// row, and the bits of the upper half choose among two, four, eight and sixteen rows.
template <int count, class V, class M>
HWY_INLINE V chosen(const V* rows, V low, const M* bits) {
  if constexpr (count == 1) {
    return hn::TableLookupBytes(rows[0], low);
  } else {
    constexpr int kHalf = count / 2;
    constexpr int kBit = kHalf == 1 ? 0 : kHalf == 2 ? 1 : kHalf == 4 ? 2 : 3;
    const V below = chosen<kHalf>(rows, low, bits);
    return hn::IfThenElse(bits[kBit], chosen<kHalf>(rows + kHalf, low, bits), below);
  }
}
#endif

void LookUpBytes(const std::uint8_t (&table)[256], const std::uint8_t* from, std::int64_t count,
                 std::uint8_t* to) {
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint8_t> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> rows[16];
  for (std::size_t row = 0; row < 16; ++row) rows[row] = hn::LoadDup128(d, table + 16 * row);
  for (; i + step <= count; i += step) {
    const auto byte = hn::LoadU(d, from + i);
    const hn::Mask<decltype(d)> bits[] = {
        hn::TestBit(byte, hn::Set(d, 0x10)), hn::TestBit(byte, hn::Set(d, 0x20)),
        hn::TestBit(byte, hn::Set(d, 0x40)), hn::TestBit(byte, hn::Set(d, 0x80))};
    hn::StoreU(chosen<16>(rows, hn::And(byte, hn::Set(d, 0x0f)), bits), d, to + i);
  }
#endif
  for (; i < count; ++i) to[i] = table[from[i]];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace {

HWY_EXPORT(LookUpBytes);

constexpr std::int64_t kLeast = std::int64_t{1} << 14;  // elements of which a table is made
constexpr std::int64_t kTile = 2048;

bool same_place(const Walker& a, const Walker& b) {
  if (a.data != b.data || a.walk.rank != b.walk.rank) return false;
  for (int i = 0; i < a.walk.rank; ++i)
    if (a.walk.axis[i].step[0] != b.walk.axis[i].step[0]) return false;
  return true;
}

// Roughly how long a program takes: bytes that its instructions read or write, an element.
std::size_t work_of(const ProgramPlan& plan) {
  constexpr std::size_t kFunction = 40;
  std::size_t work = 0;
  for (const Step& step : plan.steps) {
    const Instruction& instruction = step.instruction;
    if (step.uniform || instruction.op == Op::input) continue;
    std::size_t widest = size_of(instruction.dtype);
    for (const int from : instruction.from)
      if (from >= 0)
        widest =
            std::max(widest, size_of(plan.steps[static_cast<std::size_t>(from)].instruction.dtype));
    work += element::is_function(instruction.op) ? kFunction : widest;
  }
  return work;
}

template <class T>
void look_up(const T (&table)[256], const std::uint8_t* from, std::int64_t count, T* to) {
  if constexpr (sizeof(T) == 1) {
    look_up_bytes(table, from, count, to);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = table[from[i]];
  }
}

// Elements [begin, end) of the walk.
template <class T>
void look_up_piece(const Walker& out, const Walker& in, const T (&table)[256], std::int64_t begin,
                   std::int64_t end, bool past_caches) {
  alignas(64) std::uint8_t bytes[kTile];
  alignas(64) T found[kTile];
  for (std::int64_t at = begin; at < end; at += kTile) {
    const std::int64_t count = std::min(kTile, end - at);
    const std::uint8_t* from = bytes;
    if (std::int64_t offset = 0; consecutive(in, at, count, &offset))
      from = static_cast<const std::uint8_t*>(in.data) + offset;
    else
      gather(in, at, count, bytes);
    if (std::int64_t offset = 0; !past_caches && consecutive(out, at, count, &offset)) {
      look_up(table, from, count, static_cast<T*>(const_cast<void*>(out.data)) + offset);
    } else {
      look_up(table, from, count, found);
      scatter(out, at, count, found, past_caches);
    }
  }
}

}  // namespace

void look_up_bytes(const std::uint8_t (&table)[256], const std::uint8_t* from, std::int64_t count,
                   std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(LookUpBytes)(table, from, count, to);
}

std::optional<std::size_t> byte_that_decides(const ProgramPlan& plan, std::int64_t volume) {
  // Bytes are looked up many at a time, wider results one after the other.
  constexpr std::size_t kLeastWork = 12, kLeastWorkWide = 32;
  if (volume < kLeast || !plan.program->indices.empty()) return std::nullopt;
  std::optional<std::size_t> decides;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.walker == nullptr || step.uniform) continue;
    if (step.instruction.op != Op::input || size_of(step.instruction.dtype) != 1)
      return std::nullopt;
    if (decides && !same_place(*step.walker, *plan.steps[*decides].walker)) return std::nullopt;
    decides = i;
  }
  const bool wide = size_of(plan.steps.back().instruction.dtype) > 1;
  return work_of(plan) < (wide ? kLeastWorkWide : kLeastWork) ? std::nullopt : decides;
}

void run_by_table(const ProgramPlan& plan, std::size_t decides, std::span<const ConstView> inputs,
                  const View& out, Parallel& parallel, const FunctionRef<void(std::int64_t)>* after,
                  bool past_caches) {
  std::uint8_t bytes[256];
  std::iota(bytes, bytes + 256, std::uint8_t{0});
  const Walker& in = *plan.steps[decides].walker;
  std::vector<ConstView> each(inputs.begin(), inputs.end());
  for (std::size_t i = 0; i < each.size(); ++i) {
    const bool same = plan.walkers[i + 1].uniform;
    each[i].data = same ? inputs[i].data : bytes;
    each[i].shape = Shape{256};
    each[i].strides = Strides{same ? 0 : 1};
  }
  dispatch_width(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T table[256];
    run_program(*plan.program, each, {table, out.dtype, Shape{256}, Strides{1}}, parallel);
    parallel_for(parallel, out.volume(), kProgramPiece, [&](std::int64_t begin, std::int64_t end) {
      look_up_piece(plan.walkers[0], in, table, begin, end, past_caches);
      if (past_caches) hwy::FlushStream();
      if (after != nullptr) (*after)(begin / kProgramPiece);
    });
  });
}

}  // namespace varo
#endif

// SPDX-License-Identifier: Apache-2.0
/// Several instructions on one running f32 value: one load, one store, registers in between.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "kernels/pointwise/program.h"

namespace varo {

/// What a link makes of the running value v and the other operand x.
enum class LinkOp : std::uint8_t {
  add,
  sub,       ///< v - x
  sub_from,  ///< x - v
  mul,
  div,     ///< v / x
  over,    ///< x / v
  min,     ///< x < v ? x : v
  min_of,  ///< v < x ? v : x
  max,     ///< v < x ? x : v
  max_of,  ///< x < v ? v : x
  negate,
  abs,
};

/// One instruction of a chain. Each rounds to f32, as its loop does.
struct Link {
  LinkOp op = LinkOp::add;
  bool uniform = false;  ///< x is `value` everywhere
  float value = 0;
  const float* elements = nullptr;  ///< x element by element, if it is not uniform
};

/// The link of `op` for f32 whose operand number `running` is the running value.
std::optional<LinkOp> link_of(Op op, int running);

/// Does every link in order to each of `count` values of `from`. \pre `to` overlaps no operand
void run_chain(const float* from, float* to, std::int64_t count, std::span<const Link> links);

}  // namespace varo

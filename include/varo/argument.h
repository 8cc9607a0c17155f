// SPDX-License-Identifier: Apache-2.0
/// Constant arguments of operators.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace varo {

/// monostate: not given. Element types are held as int64 (the value of DType) or as NumPy's name.
using ArgValue =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                 std::vector<double>, std::vector<std::string>>;

}  // namespace varo

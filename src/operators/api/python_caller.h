// SPDX-License-Identifier: Apache-2.0
/// The way from an operator to a user's Python, which only the Python extension knows.
#pragma once

#include <cstdint>
#include <span>

#include "operators/api/batch_operator.h"

namespace varo {

/// Calls function number `function` for the items and sets their outputs. May throw anything, a Python
/// exception too.
using PythonCaller = void (*)(std::int64_t function, std::span<const BatchItem> items,
                              std::span<BatchOperator::Outputs> outputs);
/// By the extension, when it is loaded. Without one python_function raises an error.
void set_python_caller(PythonCaller caller);

}  // namespace varo

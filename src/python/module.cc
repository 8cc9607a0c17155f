// SPDX-License-Identifier: Apache-2.0
#include <pybind11/pybind11.h>

#include "operators/operator.h"

PYBIND11_MODULE(_core, m) { m.attr("operator_count") = varo::operator_table().size(); }

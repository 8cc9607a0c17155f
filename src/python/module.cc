// SPDX-License-Identifier: Apache-2.0
#include "core/simd.h"
#include "python/bind.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The engine behind varo. Use the varo package; names here may change.";
  varo::limit_simd();
  m.def(
      "simd_targets",
      [] {
        pybind11::list names;
        for (const std::string& name : varo::simd_targets()) names.append(name);
        return names;
      },
      "The instruction sets that the kernels may use, the best first.");
  varo::python::bind_lock(m);
  varo::python::bind_errors(m);
  varo::python::bind_tensor(m);
  varo::python::bind_pipeline(m);
  varo::python::bind_schema(m);
  varo::python::bind_function(m);
}

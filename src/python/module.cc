// SPDX-License-Identifier: Apache-2.0
#include "python/bind.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The engine behind varo. Use the varo package; names here may change.";
  varo::python::bind_lock(m);
  varo::python::bind_errors(m);
  varo::python::bind_tensor(m);
  varo::python::bind_pipeline(m);
  varo::python::bind_schema(m);
}

// SPDX-License-Identifier: Apache-2.0
/// What the binding files share. Bindings are thin: convert, release the lock, call, convert.
#pragma once

#include <cstdint>
#include <pybind11/pybind11.h>
#include <string>

#include "varo/pipeline.h"
#include "varo/tensor.h"

namespace varo::python {

namespace py = pybind11;

void bind_lock(py::module_& m);
void bind_errors(py::module_& m);
void bind_tensor(py::module_& m);
void bind_pipeline(py::module_& m);
void bind_schema(py::module_& m);
void bind_function(py::module_& m);

/// An array, or what DLPack exports, as a tensor: a pooled copy, or a view that keeps the array alive.
Tensor tensor_from(const py::handle& array, const std::string& layout, bool copy);
/// A dense copy in a buffer of the pool.
Tensor copy_of(const Tensor& tensor);

/// Element types: bit t stands for DType t.
using DTypeSet = std::uint32_t;

/// The batch as one tensor in a DLPack capsule; None if its samples differ in shape, lie apart, or
/// are of none of `types`.
py::object dlpack_of(const Batch& batch, DTypeSet types);

/// Lets go of the interpreter's lock for a scope. py::gil_scoped_release, but for a thread that is
/// still at work while the interpreter ends: asking for the lock then would end the process, so the
/// thread stays here for good.
class WithoutLock {
 public:
  WithoutLock();
  ~WithoutLock();
  WithoutLock(const WithoutLock&) = delete;
  WithoutLock& operator=(const WithoutLock&) = delete;

 private:
  PyThreadState* state_;
};

/// While there is one, this thread runs a function that the end of the interpreter waits for: WithoutLock
/// gives it the lock even then.
class InFunction {
 public:
  InFunction();
  ~InFunction();
  InFunction(const InFunction&) = delete;
  InFunction& operator=(const InFunction&) = delete;
};

/// A text of Python's as bytes, and back: as os.fsencode and os.fsdecode have them, so that names of
/// files need not be UTF-8.
std::string bytes_of(const py::handle& text);
py::str text_of(const std::string& bytes);

/// varo.types.DALIDataType(...)
py::object dtype_object(DType dtype);

}  // namespace varo::python

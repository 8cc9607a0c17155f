// SPDX-License-Identifier: Apache-2.0
#include "python/bind.h"

namespace varo::python {

namespace {

const char* class_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::param:
      return "ParamError";
    case ErrorKind::type:
      return "ArgumentTypeError";
    case ErrorKind::shape:
      return "ShapeError";
    case ErrorKind::layout:
      return "LayoutError";
    case ErrorKind::index:
      return "IndexOutOfRange";
    case ErrorKind::read:
      return "ReadError";
    case ErrorKind::device:
      return "DeviceError";
    case ErrorKind::state:
      return "StateError";
    case ErrorKind::internal:
      break;
  }
  return "InternalError";
}

}  // namespace

void bind_errors(py::module_& m) {
  // The classes are Python's, so that each can be two built-in classes at once.
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      std::rethrow_exception(std::move(pointer));
    } catch (const Error& error) {
      const py::object type = py::module_::import("varo.errors").attr(class_of(error.kind()));
      PyErr_SetString(type.ptr(), error.what());
    }
  });
}

}  // namespace varo::python

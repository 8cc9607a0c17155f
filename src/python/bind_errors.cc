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

std::string bytes_of(const py::handle& text) {
  const auto bytes = py::reinterpret_steal<py::object>(PyUnicode_EncodeFSDefault(text.ptr()));
  if (!bytes) throw py::error_already_set();
  return {PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
}

py::str text_of(const std::string& bytes) {
  PyObject* text =
      PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<py::ssize_t>(bytes.size()));
  if (text == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(text);
}

void bind_errors(py::module_& m) {
  // The classes are Python's, so that each can be two built-in classes at once.
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      std::rethrow_exception(std::move(pointer));
    } catch (const Error& error) {
      const py::object type = py::module_::import("varo.errors").attr(class_of(error.kind()));
      PyErr_SetObject(type.ptr(), text_of(error.what()).ptr());
    }
  });
}

}  // namespace varo::python

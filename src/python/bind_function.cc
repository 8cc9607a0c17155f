// SPDX-License-Identifier: Apache-2.0
// From python_function to the user's code, see varo/_run/functions.py.
#include <cstdio>
#include <pybind11/numpy.h>
#include <unistd.h>

#include "operators/api/python_caller.h"
#include "python/bind.h"

namespace varo::python {

namespace {

bool going_away() { return Py_IsInitialized() == 0 || _Py_IsFinalizing() != 0; }

// Python's state of this thread, from its first call of a function to its end: what frameworks keep by
// thread is kept.
class ThreadState {
 public:
  ThreadState() : first_(PyGILState_Ensure()), saved_(PyEval_SaveThread()) {}
  ~ThreadState() {
    if (going_away()) return;
    PyEval_RestoreThread(saved_);
    PyGILState_Release(first_);
  }
  ThreadState(ThreadState&&) = delete;

 private:
  PyGILState_STATE first_;
  PyThreadState* saved_;
};

bool only_here(const py::handle& object) {
  if (!py::isinstance<py::array>(object) || Py_REFCNT(object.ptr()) != 1) return false;
  return py::reinterpret_borrow<py::array>(object).owndata();
}

void call(std::int64_t function, std::span<const BatchItem> items,
          std::span<BatchOperator::Outputs> outputs) {
  if (going_away()) throw Error(ErrorKind::state, "Python is shutting down");
  if (PyGILState_GetThisThreadState() == nullptr) {
    thread_local const ThreadState state;
    static_cast<void>(state);
  }
  const py::gil_scoped_acquire gil;
  const InFunction inside;
  py::list columns;
  for (std::size_t k = 0; k < items[0].in.size(); ++k) {
    py::list column;
    for (const BatchItem& item : items) column.append(py::cast(item.in[k]));
    columns.append(std::move(column));
  }
  const pid_t process = getpid();
  py::object results = py::module_::import("varo._run.functions")
                           .attr("call")(function, std::move(columns), items.size());
  if (getpid() != process) {
    // The child has no workers, and nobody who waits for this batch.
    std::fputs("varo: a function of a pipeline forked and returned in the child, which ends here\n",
               stderr);
    std::_Exit(1);
  }
  const std::size_t count = outputs[0].size();
  for (std::size_t o = 0; o < count; ++o) {
    const auto column = results[py::int_(o)].cast<py::list>();
    for (std::size_t i = 0; i < items.size(); ++i) {
      const py::handle object = PyList_GET_ITEM(column.ptr(), static_cast<py::ssize_t>(i));
      outputs[i][o] = object.cast<Tensor>();
    }
  }
}

}  // namespace

void bind_function(py::module_& m) {
  m.def(
      "taken",
      [](const py::list& arrays) {
        py::list tensors;
        for (const py::handle array : arrays)
          tensors.append(py::cast(tensor_from(array, "", !only_here(array))));
        return tensors;
      },
      "The arrays of a list as tensors: those that nobody else can reach as they are, else copies.");
  set_python_caller(&call);
}

}  // namespace varo::python

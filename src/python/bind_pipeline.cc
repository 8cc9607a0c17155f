// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "python/bind.h"

namespace varo::python {

namespace {

std::int64_t integer_from(py::handle value, const std::string& name) {
  const py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!index) throw py::error_already_set();
  const long long number = PyLong_AsLongLong(index.ptr());
  if (number == -1 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw Error(ErrorKind::param, fmt::format("argument {} is out of range", name))
        .got(py::str(value).cast<std::string>())
        .allowed("-2^63 to 2^63 - 1");
  }
  return number;
}

// Numbers in nested lists or arrays, row by row.
void flatten(const py::handle& object, const std::string& name, std::vector<double>& reals,
             std::vector<std::int64_t>& integers, bool& real, std::vector<std::string>& texts) {
  for (const py::handle item : py::reinterpret_borrow<py::object>(object)) {
    if (py::isinstance<py::str>(item)) {
      texts.push_back(item.cast<std::string>());
    } else if (py::isinstance<py::float_>(item)) {
      real = true;
      reals.push_back(item.cast<double>());
    } else if (PyIndex_Check(item.ptr()) != 0 && !py::isinstance<py::array>(item)) {
      const std::int64_t value = integer_from(item, name);
      integers.push_back(value);
      reals.push_back(static_cast<double>(value));
    } else if (py::hasattr(item, "__iter__") &&
               !(py::isinstance<py::array>(item) && py::cast<py::array>(item).ndim() == 0)) {
      flatten(item, name, reals, integers, real, texts);
    } else {
      real = true;
      reals.push_back(py::float_(py::reinterpret_borrow<py::object>(item)).cast<double>());
    }
  }
}

ArgValue constant_from(const std::string& name, py::handle value) {
  if (value.is_none()) return {};
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<py::float_>(value)) return value.cast<double>();
  py::object held;
  if (py::isinstance<py::array>(value)) {
    const auto array = py::cast<py::array>(value);
    held = array.attr("tolist")();
    value = held;
    if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
    if (py::isinstance<py::float_>(value)) return value.cast<double>();
  }
  if (PyIndex_Check(value.ptr()) != 0) return integer_from(value, name);
  if (py::hasattr(value, "__fspath__"))
    return py::str(value.attr("__fspath__")()).cast<std::string>();
  if (py::hasattr(value, "__iter__")) {
    if (py::isinstance<py::bytes>(value) || py::isinstance<py::dict>(value))
      throw Error(ErrorKind::type, fmt::format("argument {} has the wrong type", name))
          .got(py::str(py::type::of(value)).cast<std::string>());
    std::vector<double> reals;
    std::vector<std::int64_t> integers;
    std::vector<std::string> texts;
    bool real = false;
    py::list items;
    for (const py::handle item : py::reinterpret_borrow<py::object>(value))
      items.append(py::hasattr(item, "__fspath__") ? item.attr("__fspath__")()
                                                   : py::reinterpret_borrow<py::object>(item));
    flatten(items, name, reals, integers, real, texts);
    if (!texts.empty()) return texts;
    if (real) return reals;
    return integers;
  }
  if (py::hasattr(value, "__float__"))
    return py::float_(py::reinterpret_borrow<py::object>(value)).cast<double>();
  throw Error(ErrorKind::type, fmt::format("argument {} has the wrong type", name))
      .got(py::str(py::type::of(value)).cast<std::string>());
}

std::vector<Node> nodes_from(const py::iterable& items) {
  std::vector<Node> nodes;
  for (const py::handle item : items) nodes.push_back(item.cast<Node>());
  return nodes;
}

// A pipeline that is destroyed without holding the lock: its last task may want it.
struct Unlocked {
  void operator()(Pipeline* pipeline) const {
    const WithoutLock nogil;
    delete pipeline;
  }
};

// The oldest batch, while the next ones are scheduled. Nothing if a signal's handler has raised.
std::optional<std::vector<Batch>> advance(Pipeline& p) {
  while (!p.ready()) {
    {
      const WithoutLock nogil;
      p.fill();
      p.wait(std::chrono::milliseconds(50));
    }
    if (PyErr_CheckSignals() != 0) return std::nullopt;
  }
  std::vector<Batch> batches = p.take();
  const WithoutLock nogil;
  p.fill();
  return batches;
}

// --- steps ---------------------------------------------------------------------------------------
// What pybind11 looks up and allocates for a call takes 10 to 15 us where the caller has slept and
// all of it is cold, and as much again for each object that it returns. So this is a function of
// Python's C API, the same object for every step.

struct Stepper {
  Pipeline* pipeline;
  py::object owner;  // of the pipeline
  DTypeSet types;    // that the consumer takes from a capsule
  py::object raise;  // raises the exception that it is given a pointer to
};

void delete_stepper(PyObject* capsule) {
  delete static_cast<Stepper*>(PyCapsule_GetPointer(capsule, nullptr));
}

// A new list; null with a Python error set.
PyObject* list_of(std::vector<Batch> batches, DTypeSet types) {
  py::list outputs(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    py::object output = dlpack_of(batches[i], types);
    if (output.is_none()) output = py::cast(std::move(batches[i]));
    PyList_SET_ITEM(outputs.ptr(), static_cast<py::ssize_t>(i), output.release().ptr());
  }
  return outputs.release().ptr();
}

PyObject* step(PyObject* self, PyObject* /*no arguments*/) {
  const auto& stepper = *static_cast<Stepper*>(PyCapsule_GetPointer(self, nullptr));
  std::exception_ptr error;
  try {
    auto batches = advance(*stepper.pipeline);
    return batches ? list_of(std::move(*batches), stepper.types) : nullptr;
  } catch (py::error_already_set& raised) {
    raised.restore();
    return nullptr;
  } catch (...) {
    error = std::current_exception();
  }
  // pybind11 knows what becomes of which exception, in functions of its own.
  return PyObject_CallFunction(stepper.raise.ptr(), "n", reinterpret_cast<py::ssize_t>(&error));
}
PyMethodDef step_definition{"step", &step, METH_NOARGS, "The next outputs of a pipeline."};

py::object stepper_of(const py::object& owner, DTypeSet types) {
  auto stepper = std::make_unique<Stepper>();
  stepper->pipeline = owner.cast<Pipeline*>();
  stepper->owner = owner;
  stepper->types = types;
  stepper->raise = py::cpp_function([](py::ssize_t error) {
    std::rethrow_exception(*reinterpret_cast<const std::exception_ptr*>(error));
  });
  const auto self =
      py::reinterpret_steal<py::object>(PyCapsule_New(stepper.get(), nullptr, &delete_stepper));
  if (!self) throw py::error_already_set();
  static_cast<void>(stepper.release());
  const auto function =
      py::reinterpret_steal<py::object>(PyCFunction_New(&step_definition, self.ptr()));
  if (!function) throw py::error_already_set();
  return function;
}

}  // namespace

void bind_pipeline(py::module_& m) {
  py::class_<Node>(m, "Node")
      .def(py::init([](int id, int output) {
             return Node{id, output};
           }),
           py::arg("id"), py::arg("output") = 0)
      .def("cpu", &Node::cpu)
      .def("gpu", &Node::gpu)
      .def_readonly("id", &Node::id)
      .def_readonly("output", &Node::output);

  py::enum_<Schedule>(m, "Schedule")
      .value("PARALLEL", Schedule::parallel)
      .value("SERIAL", Schedule::serial)
      .value("SHUFFLED", Schedule::shuffled)
      .value("REFERENCE", Schedule::reference);

  py::class_<PipelineStats>(m, "PipelineStats")
      .def_readonly("batches", &PipelineStats::batches)
      .def_readonly("samples", &PipelineStats::samples)
      .def_readonly("peak_workers", &PipelineStats::peak_workers)
      .def_readonly("nodes_run", &PipelineStats::nodes_run)
      .def_readonly("copies", &PipelineStats::copies);

  py::class_<Pipeline, std::unique_ptr<Pipeline, Unlocked>>(m, "Pipeline")
      .def(py::init([](int batch_size, int num_threads, std::int64_t seed, int prefetch,
                       Schedule schedule, std::uint64_t shuffle_seed,
                       const std::vector<std::string>& without_rewrites) {
             return std::unique_ptr<Pipeline, Unlocked>(
                 new Pipeline({batch_size, num_threads, seed, prefetch, schedule, shuffle_seed,
                               without_rewrites}));
           }),
           py::kw_only(), py::arg("batch_size"), py::arg("num_threads"), py::arg("seed"),
           py::arg("prefetch_queue_depth"), py::arg("schedule"), py::arg("shuffle_seed"),
           py::arg("without_rewrites") = std::vector<std::string>{})
      .def(
          "add",
          [](Pipeline& p, const std::string& op, const py::iterable& inputs, const py::dict& args,
             const std::string& defined, const std::string& name, const std::string& device) {
            Arguments arguments;
            try {
              for (const auto& [key, value] : args) {
                const auto arg = key.cast<std::string>();
                if (py::isinstance<Node>(value))
                  arguments.emplace(arg, value.cast<Node>());
                else if (!value.is_none())
                  arguments.emplace(arg, constant_from(arg, value));
              }
            } catch (Error& error) {
              error.set_operator(op);
              error.set_defined(defined);
              throw;
            }
            const Node node =
                p.add(op, nodes_from(inputs), std::move(arguments), {defined, name}, device);
            return py::make_tuple(node.id, p.output_count(node), p.name_of(node),
                                  p.device_of(node));
          },
          py::arg("op"), py::arg("inputs"), py::arg("args"), py::arg("defined"), py::arg("name"),
          py::arg("device") = "",
          "Declares an operator: (id, number of outputs, name, device of the outputs).")
      .def("set_outputs",
           [](Pipeline& p, const py::iterable& outputs) { p.set_outputs(nodes_from(outputs)); })
      .def("build", &Pipeline::build, py::call_guard<WithoutLock>())
      .def("schedule", &Pipeline::schedule, py::call_guard<WithoutLock>())
      .def("pending", &Pipeline::pending)
      .def(
          "stepper", &stepper_of, py::arg("types"),
          "A function that returns the next outputs with each call, and schedules more. Of samples "
          "of one shape, and one of `types`, an output is a DLPack capsule of the whole batch, "
          "else a TensorListCPU. For pipelines that nobody feeds.")
      .def(
          "advance",
          [](Pipeline& p) {
            auto batches = advance(p);
            if (!batches) throw py::error_already_set();
            return std::move(*batches);
          },
          "The oldest batch, while the next ones are scheduled. For pipelines that nobody feeds.")
      .def(
          "next",
          [](Pipeline& p) {
            for (bool done = false; !done;) {
              {
                const WithoutLock nogil;
                done = p.wait(std::chrono::milliseconds(50));
              }
              if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            }
            return p.take();
          },
          "The oldest scheduled batch: one TensorListCPU an output.")
      .def(
          "feed",
          [](Pipeline& p, const Node& node, const py::iterable& samples, const std::string& layout,
             bool copy) {
            std::vector<Tensor> tensors;
            try {
              for (const py::handle sample : samples)
                tensors.push_back(tensor_from(sample, layout, copy));
            } catch (Error& error) {
              error.set_operator("external_source");
              error.set_sample(static_cast<std::int64_t>(tensors.size()), p.name_of(node));
              throw;
            }
            const WithoutLock nogil;
            p.feed(node, std::move(tensors));
          },
          py::arg("node"), py::arg("samples"), py::arg("layout") = "", py::arg("copy") = true)
      .def("unfeed", &Pipeline::unfeed)
      .def("fed", &Pipeline::fed)
      .def("close", &Pipeline::close, py::call_guard<WithoutLock>())
      .def("readers",
           [](const Pipeline& p) {
             py::dict all;
             for (const ReaderInfo& r : p.readers()) {
               py::dict info;
               info["epoch_size"] = r.epoch_size;
               info["epoch_size_padded"] = r.epoch_size_padded;
               info["number_of_shards"] = r.number_of_shards;
               info["shard_id"] = r.shard_id;
               info["pad_last_batch"] = r.pad_last_batch;
               info["stick_to_shard"] = r.stick_to_shard;
               all[py::str(r.name)] = info;
             }
             return all;
           })
      .def("explain", &Pipeline::explain)
      .def("seed", &Pipeline::seed, "What seeds operators without a seed of their own.")
      .def("stats", &Pipeline::stats);
}

}  // namespace varo::python

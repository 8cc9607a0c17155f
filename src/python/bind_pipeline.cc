// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <memory>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "python/stepping.h"

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
      texts.push_back(bytes_of(item));
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
  if (py::isinstance<py::str>(value)) return bytes_of(value);
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
  if (py::hasattr(value, "__fspath__")) return bytes_of(py::str(value.attr("__fspath__")()));
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
  void operator()(Engine* pipeline) const {
    const WithoutLock nogil;
    delete pipeline;
  }
};

// A tensor that names its axes is not renamed by the way.
void check_letters(const Tensor& fed, const std::string& layout) {
  if (layout.empty() || fed.layout().empty() || fed.layout().str() == layout) return;
  throw Error(ErrorKind::layout, "the data has other axis letters than the source")
      .got(fmt::format("\"{}\"", fed.layout().str()))
      .allowed(fmt::format("\"{}\", or a tensor without letters", layout));
}

// A function of a pipeline without arguments, while no other thread steps it.
template <auto function>
auto in_turn(Engine& engine) {
  const Turn turn(engine, Turn::Nested::allowed);
  return (engine.*function)();
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

  py::class_<Engine, std::unique_ptr<Engine, Unlocked>>(m, "Pipeline")
      .def(py::init([](int batch_size, int num_threads, std::int64_t seed, int prefetch,
                       Schedule schedule, std::uint64_t shuffle_seed,
                       const std::vector<std::string>& without_rewrites, bool enable_checkpointing,
                       bool common_draws) {
             return std::unique_ptr<Engine, Unlocked>(
                 new Engine({batch_size, num_threads, seed, prefetch, schedule, shuffle_seed,
                             without_rewrites, enable_checkpointing, common_draws}));
           }),
           py::kw_only(), py::arg("batch_size"), py::arg("num_threads"), py::arg("seed"),
           py::arg("prefetch_queue_depth"), py::arg("schedule"), py::arg("shuffle_seed"),
           py::arg("without_rewrites") = std::vector<std::string>{},
           py::arg("enable_checkpointing") = false, py::arg("common_draws") = false)
      .def(
          "add",
          [](Engine& p, const std::string& op, const py::iterable& inputs, const py::dict& args,
             const py::str& where, const std::string& name, const std::string& device) {
            Arguments arguments;
            const auto defined =
                where.attr("encode")("utf-8", "backslashreplace").cast<std::string>();
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
           [](Engine& p, const py::iterable& outputs) { p.set_outputs(nodes_from(outputs)); })
      .def("build",
           [](Engine& p) {
             {
               const WithoutLock nogil;
               p.build();
             }
             say_notices();
           })
      .def("schedule", &schedule, py::arg("feeder") = py::none(),
           "Begins one more iteration. StopIteration where the sources of the feeder have ended.")
      .def("pending", &in_turn<&Pipeline::pending>)
      .def("ended", &in_turn<&Pipeline::ended>)
      .def("reset", &in_turn<&Pipeline::reset>)
      .def(
          "taken",
          [](Engine& p) {
            const Turn turn(p, Turn::Nested::allowed);
            return p.progress().iteration;
          },
          "The number of the iteration after the last one that was taken.")
      .def(
          "progress",
          [](Engine& p) {
            const Turn turn(p, Turn::Nested::allowed);
            const Progress& at = p.progress();
            py::list sources;
            for (const SourceState& state : at.sources) sources.append(state.words);
            return py::make_tuple(at.iteration, at.sample, sources);
          },
          "(iteration, sample, [numbers of each source]) after the last batch that was taken.")
      .def(
          "restore",
          [](Engine& p, std::int64_t iteration, std::int64_t sample,
             const std::vector<std::vector<std::int64_t>>& states, std::int64_t seed) {
            Progress at{.iteration = iteration, .sample = sample, .sources = {}};
            for (const auto& words : states) at.sources.push_back({words});
            const Turn turn(p);
            const WithoutLock nogil;
            p.restore(at, seed);
          },
          py::arg("iteration"), py::arg("sample"), py::arg("sources"), py::arg("seed"))
      .def("sources", &Pipeline::sources)
      .def("items",
           [](const Engine& p, const std::string& source) {
             py::list names;
             for (const std::string& name : p.items(source)) names.append(py::bytes(name));
             return names;
           })
      .def("declared", &Pipeline::declared)
      .def("batch_wide", &Pipeline::batch_wide)
      .def(
          "stepper", &stepper_of, py::arg("types"), py::arg("feeder") = py::none(),
          py::arg("samples") = 0,
          "A function that returns the next outputs with each call, and schedules more. Of samples "
          "of one shape, and one of `types`, an output is a DLPack capsule of the whole batch, "
          "else a TensorListCPU.")
      .def("advance", &advance, py::arg("feeder") = py::none(), py::arg("samples") = 0,
           "The oldest batch, while the next ones are scheduled: one TensorListCPU an output.")
      .def("next", &next_of, "The oldest scheduled batch: one TensorListCPU an output.")
      .def(
          "tensors",
          [](const Engine& p, const Node& node, const py::iterable& samples,
             const std::string& layout, bool copy, std::int64_t first) {
            std::vector<Tensor> tensors;
            try {
              for (const py::handle sample : samples) {
                if (py::isinstance<Tensor>(sample)) check_letters(sample.cast<Tensor>(), layout);
                tensors.push_back(tensor_from(sample, layout, copy));
              }
            } catch (Error& error) {
              error.set_operator("external_source");
              error.set_sample(first + std::ssize(tensors), p.name_of(node));
              throw;
            }
            return tensors;
          },
          py::arg("node"), py::arg("samples"), py::arg("layout"), py::arg("copy"),
          py::arg("first") = 0,
          "Arrays as tensors, of which external_source `node` says what is wrong.")
      .def(
          "feed",
          [](Engine& p, const Node& node, const py::iterable& samples, const std::string& layout,
             bool copy) {
            std::vector<Tensor> tensors;
            try {
              for (const py::handle sample : samples) {
                if (py::isinstance<Tensor>(sample)) check_letters(sample.cast<Tensor>(), layout);
                tensors.push_back(tensor_from(sample, layout, copy));
              }
            } catch (Error& error) {
              error.set_operator("external_source");
              error.set_sample(static_cast<std::int64_t>(tensors.size()), p.name_of(node));
              throw;
            }
            const Turn turn(p, Turn::Nested::allowed);
            const WithoutLock nogil;
            p.feed(node, std::move(tensors));
          },
          py::arg("node"), py::arg("samples"), py::arg("layout") = "", py::arg("copy") = true)
      .def("unfeed",
           [](Engine& p, const Node& node) {
             const Turn turn(p, Turn::Nested::allowed);
             p.unfeed(node);
           })
      .def("fed",
           [](Engine& p, const Node& node) {
             const Turn turn(p, Turn::Nested::allowed);
             return p.fed(node);
           })
      .def("close", &Pipeline::close, py::call_guard<WithoutLock>())
      .def("readers",
           [](const Engine& p) {
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
      .def("warnings",
           [](const Engine& p) {
             py::list all;
             for (const std::string& warning : p.warnings()) all.append(text_of(warning));
             return all;
           })
      .def("explain", [](Engine& p) { return text_of(p.explain()); })
      .def("seed", &Pipeline::seed, "What seeds operators without a seed of their own.")
      .def("stats", &Pipeline::stats);
}

}  // namespace varo::python

// SPDX-License-Identifier: Apache-2.0
#include "python/stepping.h"

#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <pybind11/stl.h>

#include "core/notice.h"

namespace varo::python {

namespace {

constexpr std::chrono::milliseconds kBetweenSignals{50};

// Stands in the place of a batch whose feeder knows what went wrong. An error of Python's own would keep
// its traceback, that a frame of the pipeline, and the pipeline would keep itself.
struct FeedFailed {};

// What a feeder of Python's raises, until it can go on.
class AskedOfPython {
 public:
  explicit AskedOfPython(const py::object& feeder) : feeder_(feeder) {}

  Feed operator()(std::int64_t iteration) {
    int answer = 0;
    try {
      answer = feeder_.attr("feed")(iteration).cast<int>();
    } catch (py::error_already_set& raised) {
      raised_.emplace(std::move(raised));
      throw FeedInterrupted();
    }
    if (answer == kFeedFailed) throw FeedFailed();
    return static_cast<Feed>(answer);
  }
  // Calls body with this as a feeder.
  template <class Body>
  void lent_to(const Body& body) {
    try {
      body(Feeder([this](std::int64_t iteration) { return (*this)(iteration); }));
    } catch (const FeedInterrupted&) {
      throw std::move(*raised_);
    } catch (const FeedFailed&) {
      feeder_.attr("fail")();
    }
  }

 private:
  const py::object& feeder_;
  std::optional<py::error_already_set> raised_;
};

// What take() gives, in the terms of Python.
std::vector<Batch> taken(Engine& engine, const py::object& feeder) {
  try {
    return engine.take();
  } catch (const FeedFailed&) {
    feeder.attr("fail")();
    throw;
  }
}

void check_size(const std::vector<Batch>& batches, int samples) {
  if (samples == 0 || batches[0].samples.size() == static_cast<std::size_t>(samples)) return;
  throw Error(ErrorKind::shape,
              "batch sizes that vary cannot be counted; leave out reader_name and size")
      .got(fmt::format("{} samples", batches[0].samples.size()))
      .allowed(fmt::format("{}", samples));
}

void wait(Engine& engine) {
  for (bool done = engine.ready(); !done;) {
    {
      const WithoutLock nogil;
      done = engine.wait(kBetweenSignals);
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
  say_notices();
}

// --- steps of iterators --------------------------------------------------------------------------
// What pybind11 looks up and allocates for a call takes 10 to 15 us where the caller has slept and
// all of it is cold, and as much again for each object that it returns. So this is a function of
// Python's C API, the same object for every step.

struct Stepper {
  Engine* engine;
  py::object owner;  // of the engine
  py::object feeder;
  DTypeSet types;    // that the consumer takes from a capsule
  int samples;       // of a batch; 0: any number
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
    return list_of(advance(*stepper.engine, stepper.feeder, stepper.samples), stepper.types);
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

}  // namespace

void say_notices() {
  if (!notices_waiting()) return;
  const py::object warn = py::module_::import("varo._origin").attr("warn");
  for (const std::string& text : take_notices()) warn(text);
}

Turn::Turn(Engine& engine, Nested nested) : engine_(&engine) {
  const auto self = std::this_thread::get_id();
  if (engine.holder_ == self) {
    engine_ = nullptr;
    if (nested == Nested::allowed) return;
    throw Error(ErrorKind::state, "the pipeline was asked for a batch by one of its own sources");
  }
  if (engine.inside_call()) {  // who has the turn waits for this very function, perhaps
    engine_ = nullptr;
    if (nested == Nested::allowed) return;
    throw Error(ErrorKind::state, "a function of this pipeline asks for its next batch")
        .allowed("the batches of other pipelines");
  }
  if (getpid() != engine.process_) {  // every call will be refused; who had the turn stayed behind
    engine_ = nullptr;
    return;
  }
  while (!engine.mutex_.try_lock()) {
    {
      const WithoutLock nogil;
      if (engine.mutex_.try_lock_for(kBetweenSignals)) break;
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
  engine.holder_ = self;
}

Turn::~Turn() {
  if (engine_ == nullptr) return;
  engine_->holder_ = std::thread::id();
  engine_->mutex_.unlock();
}

std::vector<Batch> advance(Engine& engine, const py::object& feeder, int samples) {
  const Turn turn(engine);
  if (!feeder.is_none()) {
    AskedOfPython(feeder).lent_to([&](const Feeder& f) { engine.fill(f); });
    if (engine.pending() == 0) throw py::stop_iteration();
    wait(engine);
    std::vector<Batch> batches = taken(engine, feeder);
    check_size(batches, samples);
    return batches;
  }
  while (!engine.ready()) {
    {
      const WithoutLock nogil;
      engine.fill();
      engine.wait(kBetweenSignals);
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
  say_notices();
  std::vector<Batch> batches = engine.take();
  check_size(batches, samples);
  const WithoutLock nogil;
  engine.fill_ahead();
  return batches;
}

void schedule(Engine& engine, const py::object& feeder) {
  const Turn turn(engine);
  if (feeder.is_none()) {
    const WithoutLock nogil;
    return engine.schedule();
  }
  bool more = true;
  AskedOfPython(feeder).lent_to([&](const Feeder& f) { more = engine.schedule(f); });
  if (!more) throw py::stop_iteration();
}

std::vector<Batch> next_of(Engine& engine) {
  const Turn turn(engine);
  wait(engine);
  return engine.take();
}

py::object stepper_of(const py::object& owner, DTypeSet types, const py::object& feeder,
                      int samples) {
  auto stepper = std::make_unique<Stepper>();
  stepper->engine = owner.cast<Engine*>();
  stepper->owner = owner;
  stepper->feeder = feeder;
  stepper->types = types;
  stepper->samples = samples;
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

}  // namespace varo::python

// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <pthread.h>
#include <thread>

#include "python/stepping.h"

namespace varo::python {

namespace {
std::atomic<bool> ending{false};
std::thread::id ending_thread;     // set before `ending`
std::atomic<int> without_lock{0};  // threads that will want it back
thread_local int functions = 0;    // that this thread is in
}  // namespace

InFunction::InFunction() { ++functions; }
InFunction::~InFunction() { --functions; }

WithoutLock::WithoutLock() {
  ++without_lock;
  state_ = PyEval_SaveThread();
}

WithoutLock::~WithoutLock() {
  if (ending && functions == 0 && std::this_thread::get_id() != ending_thread) {
    --without_lock;
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  PyEval_RestoreThread(state_);
  --without_lock;
}

void bind_lock(py::module_& m) {
  pthread_atfork(nullptr, nullptr, [] { without_lock = 0; });  // those threads stayed behind
  m.def(
      "end",
      [](const py::list& pipelines) {
        ending_thread = std::this_thread::get_id();
        ending = true;
        for (const py::handle pipeline : pipelines) {
          auto& p = pipeline.cast<Engine&>();
          const py::gil_scoped_release nogil;
          p.close();
        }
        // A thread that was about to ask for the lock gets it before the interpreter goes on.
        const py::gil_scoped_release nogil;
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        while (without_lock > 0 && std::chrono::steady_clock::now() < until)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      "For the end of the interpreter: closes the pipelines; no thread comes back from Varo.");
}

}  // namespace varo::python

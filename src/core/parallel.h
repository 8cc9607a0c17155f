// SPDX-License-Identifier: Apache-2.0
/// Loops that may run on several threads. Results must not depend on how blocks are shared out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace varo {

/// A reference to a callable; the callable outlives the call it is passed to.
template <class Signature>
class FunctionRef;
template <class R, class... A>
class FunctionRef<R(A...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>) FunctionRef(F&& f)  // NOLINT
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* o, A... a) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(o))(a...);
        }) {}
  R operator()(A... a) const { return call_(object_, a...); }

 private:
  void* object_;
  R (*call_)(void*, A...);
};

/// Where a kernel's loops run. A kernel takes one by reference and passes it on.
class Parallel {
 public:
  virtual ~Parallel() = default;
  /// Calls body(0) ... body(blocks - 1), each once, in any order, perhaps at the same time.
  /// Returns when all are done. Of blocks that throw, the lowest one's exception is rethrown after
  /// that; blocks above it may be left out.
  virtual void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) = 0;
  /// How many blocks may run at once; a hint for choosing whether to split, never a partition.
  virtual int width() const = 0;
  /// Runs everything on the caller, in order.
  static Parallel& serial();
};

/// Calls body(begin, end) over [0, count) in pieces of `grain` (the last may be short). The pieces
/// depend on count and grain alone.
template <class Body>
void parallel_for(Parallel& parallel, std::int64_t count, std::int64_t grain, const Body& body) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  if (count <= grain) return body(std::int64_t{0}, count);
  parallel.run((count + grain - 1) / grain, [&](std::int64_t block) {
    body(block * grain, std::min(count, (block + 1) * grain));
  });
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "pipeline/context.h"

#include <fmt/format.h>

#include "core/convert.h"
#include "core/dispatch.h"

namespace varo {

void Evaluation::Context::set_output(int output, Spec spec) {
  const auto o = static_cast<std::size_t>(output);
  for (int axis = 0; axis < spec.shape.rank(); ++axis)
    if (spec.shape[axis] < 0)
      throw Error(ErrorKind::internal, "an output extent is negative").got(to_string(spec.shape));
  if (checked_bytes(spec.shape, size_of(spec.dtype)) < 0)
    throw Error(ErrorKind::shape, "the output is too large for memory").got(to_string(spec.shape));
  memo().specs[o] = std::move(spec);
  memo().spec_set[o] = true;
}

std::optional<Evaluation::Context::Trial> Evaluation::Context::try_resolve(
    const std::optional<Tensor>& stand_in) {
  Try trial;
  trial.given = stand_in;
  trial_ = &trial;
  bool resolved = false;
  try {
    resolved = node_.op->resolve(*this);
  } catch (const NotTried&) {
    resolved = false;
  } catch (...) {
    trial_ = nullptr;
    throw;
  }
  trial_ = nullptr;
  end_call();
  if (!resolved || trial.inputs.size() != 1 || trial.result.deferred() || trial.result.padded())
    return std::nullopt;
  auto& [input, seen] = trial.inputs.front();
  return Trial{input, std::move(seen), std::move(trial.result)};
}

Tensor Evaluation::Context::trial_input(int input) {
  if (trial_->given) return *trial_->given;
  static std::byte nothing[64];
  const Spec& spec = this->spec(input);
  return stand_in({nothing, spec.dtype, spec.shape, dense_strides(spec.shape)}, spec.layout);
}

const Tensor& Evaluation::Context::materialised(Node from, bool dense) {
  const Tensor& now = e_->value(from);
  Memo& source = *e_->memo_[static_cast<std::size_t>(from.id)];
  Tensor& slot = source.results[static_cast<std::size_t>(from.output)];
  if (now.deferred() || now.padded() || (dense && !is_dense(now.view()))) {
    // Calls under way, of this node or of one that asked for it, may view the elements as they
    // were.
    if (!now.deferred()) source.retired.push_back(now);
    slot = e_->in_memory(slot, dense);
  }
  return slot;
}

ArgValue Evaluation::Context::list(std::string_view name) {
  const Tensor t = argument(name);
  const ArgDef& def = *args().def().find_arg(name);
  if (t.rank() > 2)
    throw Error(ErrorKind::shape, fmt::format("argument {} has too many axes", name))
        .got(fmt::format("shape {}", to_string(t.shape())))
        .allowed("a list of numbers");
  const bool whole_numbers = !is_float(t.dtype());
  ArgValue value;
  const std::int64_t n = volume(t.shape());
  dispatch_all(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* data = t.view().ptr<T>();
    if (whole_numbers) {
      std::vector<std::int64_t> v;
      for (std::int64_t i = 0; i < n; ++i) v.push_back(saturate<std::int64_t>(data[i]));
      value = std::move(v);
    } else {
      std::vector<double> v;
      for (std::int64_t i = 0; i < n; ++i) v.push_back(saturate<double>(data[i]));
      value = std::move(v);
    }
  });
  return checked_value(def, std::move(value));
}

ArgValue Evaluation::Context::single(std::string_view name) {
  const Tensor t = argument(name);
  if (volume(t.shape()) != 1)
    throw Error(ErrorKind::shape, fmt::format("argument {} needs one value a sample", name))
        .got(fmt::format("shape {}", to_string(t.shape())))
        .allowed("a scalar");
  ArgValue value;
  dispatch_all(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T x = *t.view().ptr<T>();
    if constexpr (std::is_same_v<T, bool>)
      value = x;
    else if constexpr (std::is_integral_v<T>)
      value = saturate<std::int64_t>(x);
    else
      value = saturate<double>(x);
  });
  return checked_value(*args().def().find_arg(name), std::move(value));
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/notice.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

// The elements of a per-sample argument, checked as a constant would be.
ArgValue list_of(const ArgDef& def, const Tensor& t) {
  if (t.rank() > 2)
    throw Error(ErrorKind::shape, fmt::format("argument {} has too many axes", def.name))
        .got(fmt::format("shape {}", to_string(t.shape())))
        .allowed("a list of numbers");
  ArgValue value;
  const std::int64_t n = volume(t.shape());
  dispatch_all(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* data = t.view().ptr<T>();
    const auto take = [&](auto zero) {
      std::vector<decltype(zero)> v;
      for (std::int64_t i = 0; i < n; ++i) v.push_back(saturate<decltype(zero)>(data[i]));
      value = std::move(v);
    };
    if (is_float(t.dtype()))
      take(double{});
    else
      take(std::int64_t{});
  });
  return checked_value(def, std::move(value));
}

ArgValue single_of(const ArgDef& def, const Tensor& t) {
  if (volume(t.shape()) != 1)
    throw Error(ErrorKind::shape, fmt::format("argument {} needs one value a sample", def.name))
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
  return checked_value(def, std::move(value));
}

template <class T>
std::vector<T> repeated(std::vector<T> list, const Inference& facts, std::string_view arg, int n) {
  const auto length = static_cast<int>(list.size());
  if (length == n) return list;
  if (length == 1 && (!facts.args().per_sample(arg) || facts.argument(arg).rank() == 0)) {
    list.resize(static_cast<std::size_t>(n), list[0]);
    return list;
  }
  throw Error(ErrorKind::shape, fmt::format("argument {} has the wrong length", arg))
      .got(fmt::format("{} values", length))
      .allowed(fmt::format("{} values", n));
}

}  // namespace

bool Inference::known(int input) const {
  const auto i = static_cast<std::size_t>(input);
  return i < facts.numbers.size() && facts.numbers[i].defined();
}

ConstView Inference::number(int input) const {
  if (!known(input))
    throw Error(ErrorKind::internal,
                fmt::format("the elements of input {} are read before they are there", input));
  return facts.numbers[static_cast<std::size_t>(input)].view();
}

const Tensor& Inference::argument(std::string_view arg) const {
  static const Tensor constant;
  if (!args_->per_sample(arg)) return constant;
  for (const auto& [name, value] : facts.arguments) {
    if (name != arg) continue;
    if (value.defined()) return value;
    throw Error(ErrorKind::internal, fmt::format("argument {} is late, but read early", arg));
  }
  throw Error(ErrorKind::internal, fmt::format("argument {} has no value", arg));
}

bool Inference::flag(std::string_view arg) const {
  if (!args_->per_sample(arg)) return args_->flag(arg);
  return std::get<bool>(single_of(*args_->def().find_arg(arg), argument(arg)));
}
std::int64_t Inference::integer(std::string_view arg) const {
  if (!args_->per_sample(arg)) return args_->integer(arg);
  return std::get<std::int64_t>(single_of(*args_->def().find_arg(arg), argument(arg)));
}
double Inference::real(std::string_view arg) const {
  if (!args_->per_sample(arg)) return args_->real(arg);
  return std::get<double>(single_of(*args_->def().find_arg(arg), argument(arg)));
}
std::vector<std::int64_t> Inference::integers(std::string_view arg) const {
  if (!args_->per_sample(arg)) return args_->integers(arg);
  return std::get<std::vector<std::int64_t>>(list_of(*args_->def().find_arg(arg), argument(arg)));
}
std::vector<double> Inference::reals(std::string_view arg) const {
  if (!args_->per_sample(arg)) return args_->reals(arg);
  return std::get<std::vector<double>>(list_of(*args_->def().find_arg(arg), argument(arg)));
}
std::vector<std::int64_t> Inference::integers(std::string_view arg, int n) const {
  return repeated(integers(arg), *this, arg, n);
}
std::vector<double> Inference::reals(std::string_view arg, int n) const {
  return repeated(reals(arg), *this, arg, n);
}

void Inference::set_output(int output, Spec spec) {
  const auto o = static_cast<std::size_t>(output);
  for (int axis = 0; axis < spec.shape.rank(); ++axis)
    if (spec.shape[axis] < 0)
      throw Error(ErrorKind::internal, "an output extent is negative").got(to_string(spec.shape));
  if (checked_bytes(spec.shape, size_of(spec.dtype)) < 0)
    throw Error(ErrorKind::shape, "the output is too large for memory").got(to_string(spec.shape));
  outputs_.at(o) = std::move(spec);
  set_[o] = true;
}

void Inference::reset() {
  std::fill(set_.begin(), set_.end(), false);
  state_.reset();
  facts.batch = nullptr;
  for (Tensor& number : facts.numbers)
    if (number.defined()) number.reset();
  for (auto& [name, value] : facts.arguments)
    if (value.defined()) value.reset();
}

void Inference::check_outputs() const {
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    if (!set_[o]) throw Error(ErrorKind::internal, fmt::format("output {} was not inferred", o));
    const Spec& spec = outputs_[o];
    if (!spec.layout.empty() && spec.layout.rank() != spec.shape.rank())
      throw Error(ErrorKind::internal, fmt::format("output {} has layout \"{}\" and shape {}", o,
                                                   spec.layout.str(), to_string(spec.shape)));
  }
}

void notice_assumed_layout(const OperatorDef& def, const Inference& inferred) {
  if (def.inputs().empty() || def.inputs()[0].layouts.empty()) return;
  const Spec& in = inferred.spec(0);
  const Layout& taken = inferred.output_spec(0).layout;
  const int rank = in.shape.rank();
  if (!in.layout.empty() || taken.rank() != rank || rank < 3) return;
  constexpr std::int64_t kMostChannels = 4;
  if (rank == 3 && (taken[2] != 'C' || in.shape[2] <= kMostChannels)) return;
  static thread_local std::vector<const OperatorDef*> told;  // spares the text of what was said
  if (std::find(told.begin(), told.end(), &def) != told.end()) return;
  told.push_back(&def);
  const char* volume = rank == 3 ? "DHW" : "CDHW";
  notice(fmt::format(
      "{}: an array of {} axes without letters (shape {}) is taken for \"{}\". If that is right, or "
      "they are others, say so: layout=\"{}\", for example, of fn.external_source, fn.reshape or "
      "varo.as_tensor",
      def.name(), rank, to_string(in.shape), taken.str(), volume));
}

void check_inputs(const OperatorDef& def, std::span<const Spec* const> specs,
                  std::vector<Layout>& layouts) {
  layouts.clear();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Spec& spec = *specs[i];
    const InputDef& input = def.input_at(static_cast<int>(i));
    const int rank = spec.shape.rank();
    if (!input.dtypes.empty() &&
        std::find(input.dtypes.begin(), input.dtypes.end(), spec.dtype) == input.dtypes.end()) {
      std::vector<std::string_view> names;
      for (const DType t : input.dtypes) names.push_back(varo::name_of(t));
      throw Error(
          ErrorKind::type,
          fmt::format("input {} ({}) has an element type that is not supported", i, input.name))
          .got(std::string(varo::name_of(spec.dtype)))
          .allowed(fmt::format("{}", fmt::join(names, ", ")))
          .hint("fn.cast(..., dtype=...)");
    }
    if (rank < input.least_rank || rank > input.most_rank)
      throw Error(ErrorKind::shape,
                  fmt::format("input {} ({}) has the wrong number of axes", i, input.name))
          .got(fmt::format("{} axes, shape {}", rank, to_string(spec.shape)))
          .allowed(input.least_rank == input.most_rank
                       ? fmt::format("{} axes", input.least_rank)
                       : fmt::format("{} to {} axes", input.least_rank, input.most_rank));
    Layout layout = spec.layout;
    if (!input.layouts.empty()) {
      const auto fits = std::find_if(
          input.layouts.begin(), input.layouts.end(),
          [&](const Layout& l) { return layout.empty() ? l.rank() == rank : l == layout; });
      if (fits == input.layouts.end()) {
        std::vector<std::string_view> names;
        for (const Layout& l : input.layouts) names.push_back(l.str());
        throw Error(
            ErrorKind::layout,
            layout.empty()
                ? fmt::format("input {} ({}) has no layout and none fits its {} axes", i,
                              input.name, rank)
                : fmt::format("input {} ({}) has a layout that is not supported", i, input.name))
            .got(layout.empty()
                     ? fmt::format("shape {}", to_string(spec.shape))
                     : fmt::format("\"{}\", shape {}", layout.str(), to_string(spec.shape)))
            .allowed(fmt::format("{}", fmt::join(names, ", ")))
            .hint("fn.reshape(x, layout=...) to name the axes");
      }
      layout = *fits;
    }
    layouts.push_back(layout);
  }
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/copy/copy.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

// Results that are found together, over one sweep through the candidates.
constexpr std::int64_t kPiece = 512;
constexpr std::int64_t kGrainElements = std::int64_t{1} << 15;

// Whether `v` takes the place of `best`, an earlier one: it is larger, or the first NaN.
template <class T>
bool exceeds(T v, T best) {
  if constexpr (std::is_floating_point_v<T>)
    return v > best || (std::isnan(v) && !std::isnan(best));
  else
    return v > best;
}

// Positions of the largest of `candidates` elements, `apart` from each other, for `count` results,
// `step` from each other.
template <class T>
void find_largest(const T* from, std::int64_t candidates, std::int64_t apart, std::int64_t count,
                  std::int64_t step, std::int32_t* at) {
  std::array<T, kPiece> best;
  for (std::int64_t i = 0; i < count; ++i) {
    best[static_cast<std::size_t>(i)] = from[i * step];
    at[i] = 0;
  }
  for (std::int64_t c = 1; c < candidates; ++c) {
    const T* row = from + c * apart;
    for (std::int64_t i = 0; i < count; ++i) {
      T& most = best[static_cast<std::size_t>(i)];
      const T v = row[i * step];
      const bool more = exceeds(v, most);
      most = more ? v : most;
      at[i] = more ? static_cast<std::int32_t>(c) : at[i];
    }
  }
}

class ArgMax final : public HostOperator {
 public:
  explicit ArgMax(const Args& args)
      : axis_(args, "axis"),
        axis_name_(args, "axis_name"),
        keep_dims_(args, "keep_dims"),
        dtype_(args, "dtype") {
    if (!is_integer(dtype_.value()))
      throw Error(ErrorKind::param, "a position is a whole number")
          .got(std::string(name_of(dtype_.value())))
          .allowed("an integer type");
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const int axis = axis_of(s);
    const std::int64_t candidates = spec.shape[axis];
    spec.shape[axis] = 1;
    if (candidates == 0 && volume(spec.shape) != 0)
      throw Error(ErrorKind::shape, fmt::format("there is nothing to choose from along {}",
                                                axis_name(spec.layout, axis)))
          .got(fmt::format("0 elements (input {})", to_string(s.spec(0).shape)))
          .allowed("at least 1");
    const double most = largest(dtype_.value());
    if (static_cast<double>(candidates - 1) > most)
      throw Error(ErrorKind::param, "dtype does not hold all positions")
          .got(fmt::format("{}, for {} positions", name_of(dtype_.value()), candidates))
          .allowed("a type that holds them, e.g. types.INT32");
    if (!keep_dims_.value()) {
      spec.shape.erase(axis);
      spec.layout = spec.layout.without(axis);
    }
    spec.dtype = dtype_.value();
    s.set_output(0, spec);
    s.state() = axis;
  }

  // Labels along an axis of channels lie where the channels lie.
  std::optional<Affine> moved(const Inference& s, const Affine& input) const override {
    const Layout& layout = s.spec(0).layout;
    const auto axis = s.kept<int>();
    if (layout.empty() || Layout("DHW").has(layout[axis])) return std::nullopt;
    return input;
  }

  void run(const HostRun& r) const noexcept override {
    const int axis = r.state<int>();
    ConstView in = r.view(0);
    View out = r.out[0];
    const std::int64_t candidates = in.shape[axis], apart = in.strides[axis];
    in = in.part(axis, 0, std::min<std::int64_t>(candidates, 1)).drop(axis);
    if (out.rank() > in.rank()) out = out.drop(axis);
    if (out.volume() == 0) return;
    const int last = out.rank() - 1;
    const std::int64_t length = last < 0 ? 1 : out.shape[last];
    const std::int64_t step = last < 0 ? 0 : in.strides[last];
    const std::int64_t pieces = (length + kPiece - 1) / kPiece;
    const std::int64_t grain = std::max<std::int64_t>(
        1, kGrainElements / std::max<std::int64_t>(1, candidates * std::min(length, kPiece)));
    parallel_for(r.parallel, out.volume() / length * pieces, grain,
                 [&](std::int64_t begin, std::int64_t end) {
                   std::array<std::int32_t, kPiece> at;
                   for (std::int64_t unit = begin; unit < end; ++unit) {
                     const std::int64_t first = unit % pieces * kPiece,
                                        count = std::min(kPiece, length - first);
                     std::int64_t row = unit / pieces, from = first * step, to = 0;
                     for (int i = last - 1; i >= 0; --i) {
                       from += row % out.shape[i] * in.strides[i];
                       to += row % out.shape[i] * out.strides[i];
                       row /= out.shape[i];
                     }
                     dispatch_all(in.dtype, [&](auto tag) {
                       using T = typename decltype(tag)::type;
                       if constexpr (!std::is_same_v<T, Half>)
                         find_largest(in.ptr<T>() + from, candidates, apart, count, step,
                                      at.data());
                     });
                     write(at.data(), count, out, to, first);
                   }
                 });
  }

 private:
  int axis_of(const Inference& s) const {
    const Spec& spec = s.spec(0);
    if (!axis_name_.given()) return checked_axis(axis_.value(), spec.shape.rank());
    if (axis_name_.value().size() != 1)
      throw Error(ErrorKind::param, "axis_name is not one letter")
          .got(fmt::format("\"{}\"", axis_name_.value()))
          .allowed("1 letter");
    return named_axes(axis_name_.value(), spec.layout)[0];
  }

  static double largest(DType t) {
    double most = 0;
    dispatch_all(t, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_integral_v<T>)
        most = static_cast<double>(std::numeric_limits<T>::max());
    });
    return std::min(most, 0x1p31 - 1);
  }

  static void write(const std::int32_t* at, std::int64_t count, const View& out, std::int64_t to,
                    std::int64_t first) {
    const std::int64_t step = out.rank() == 0 ? 0 : out.strides[out.rank() - 1];
    dispatch_all(out.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_integral_v<T>) {
        T* const row = out.ptr<T>() + to + first * step;
        for (std::int64_t i = 0; i < count; ++i) row[i * step] = static_cast<T>(at[i]);
      }
    });
  }

  Arg<std::int64_t> axis_;
  Arg<std::string> axis_name_;
  Arg<bool> keep_dims_;
  Arg<DType> dtype_;
};

}  // namespace

VARO_OPERATORS(reductions, argmax) {
  return {OperatorDef("reductions.argmax", "The position of the largest element along an axis.")
              .doc("Of equal elements the first; a NaN counts as the largest, as in NumPy. Labels "
                   "that were resampled as channels, fn.one_hot, then fn.resize or fn.rotate with "
                   "interpolation, are labels again by argmax over the channels; the affine stays.")
              .input({.name = "data",
                      .doc = "Array of any layout.",
                      .dtypes = dtypes_except({DType::f16}),
                      .least_rank = 1})
              .output("positions",
                      "From 0 on, counted along the axis, which goes unless keep_dims is set.")
              .arg({.name = "axis",
                    .type = ArgType::integer,
                    .doc = "The axis, negative from the end.",
                    .constant = true})
              .arg({.name = "axis_name",
                    .type = ArgType::text,
                    .doc = "The same by letter. Excludes axis.",
                    .constant = true})
              .arg({.name = "keep_dims",
                    .type = ArgType::boolean,
                    .default_value = false,
                    .doc = "The axis stays, with extent 1.",
                    .constant = true})
              .arg({.name = "dtype",
                    .type = ArgType::dtype,
                    .default_value = static_cast<std::int64_t>(DType::i32),
                    .doc = "Element type of the positions, an integer that holds them.",
                    .constant = true})
              .just_one_of({"axis", "axis_name"})
              .make<ArgMax>()};
}

}  // namespace varo

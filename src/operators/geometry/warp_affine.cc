// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fmt/format.h>

#include "core/dispatch.h"
#include "operators/geometry/affine_warp.h"

namespace varo {

namespace {

using affine_warp::Map;
using affine_warp::Plan;

[[noreturn]] void wrong_matrix(const Plan& p, const std::string& came, std::int64_t frames) {
  const int n = p.axes;
  throw Error(ErrorKind::shape, fmt::format("the matrix does not fit a {} of layout {}",
                                            n == 2 ? "picture" : "volume", p.layout.str()))
      .got(came)
      .allowed(p.frame < 0 ? fmt::format("[{}, {}] ({} values)", n, n + 1, n * (n + 1))
                           : fmt::format("[{}, {}], or [{}, {}, {}] with one matrix a frame", n,
                                         n + 1, frames, n, n + 1));
}

// The inverse of the n x (n+1) matrix, by cofactors.
Map inverted(const Map& m) {
  const auto a = [&](int i, int j) { return m[static_cast<unsigned>((i % 3) * 4 + j % 3)]; };
  const auto cofactor = [&](int i, int j) {
    return a(i + 1, j + 1) * a(i + 2, j + 2) - a(i + 1, j + 2) * a(i + 2, j + 1);
  };
  const double determinant =
      a(0, 0) * cofactor(0, 0) + a(0, 1) * cofactor(0, 1) + a(0, 2) * cofactor(0, 2);
  if (determinant == 0 || !std::isfinite(1 / determinant))
    throw Error(ErrorKind::param, "the matrix has no inverse")
        .got(fmt::format("determinant {}", determinant))
        .allowed("a determinant other than 0")
        .hint("inverse_map=True if the matrix already maps output to input");
  Map result;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) result[i * 4 + j] = cofactor(j, i) / determinant;
    result[i * 4 + 3] = 0;
    for (int j = 0; j < 3; ++j) result[i * 4 + 3] -= result[i * 4 + j] * m[j * 4 + 3];
  }
  return result;
}

class WarpAffine final : public affine_warp::WarpOperator {
 public:
  explicit WarpAffine(const Args& args) : has_argument_(args.given("matrix")) {}

  // Of a second input the shape is enough for infer().
  bool late(const ArgDef& arg) const override {
    return arg.late || (!has_argument_ && arg.name == "inverse_map");
  }
  Need need(const Inference& s, int input) const override {
    return input == 1 ? Need{Access::number} : WarpOperator::need(s, input);
  }

  void infer(Inference& s) const override {
    const bool second = s.input_count() > 1;
    if (second == has_argument_)
      throw Error(ErrorKind::type, second ? "the matrix was given twice" : "there is no matrix")
          .got(second ? "a second input and the argument matrix" : "neither input nor argument")
          .allowed("a second input or the argument matrix");
    std::vector<double> values;
    std::int64_t count = second ? volume(s.spec(1).shape) : 0;
    if (!second) {
      values = s.reals("matrix");
      count = static_cast<std::int64_t>(values.size());
    }
    // Twelve values are one matrix of a volume, unless they come as [F, 2, 3].
    const bool volume_matrix = count == 12 && !(second && s.spec(1).shape.rank() == 3);
    Plan p = affine_warp::plan(s, affine_warp::layout_of(s, volume_matrix));
    const std::int64_t each = p.axes * (p.axes + 1);
    const std::int64_t frames = p.frame < 0 ? 1 : s.spec(0).shape[p.frame];
    if (count != each && (p.frame < 0 || count != frames * each))
      wrong_matrix(p,
                   second ? "a second input of shape " + to_string(s.spec(1).shape)
                          : fmt::format("{} values", count),
                   frames);
    affine_warp::take_size(s, p);
    if (!second) set_maps(s, values, p);
    affine_warp::set_output(s, std::move(p));
  }

  void prepare(Inference& s) const override {
    if (s.input_count() < 2) return;
    const ConstView matrix = s.number(1);
    std::vector<double> values;
    dispatch<float, double>(matrix.dtype, [&](auto tag) {
      const auto* at = matrix.ptr<typename decltype(tag)::type>();
      values.assign(at, at + matrix.volume());
    });
    set_maps(s, values, s.kept<Plan>());
  }

 private:
  static void set_maps(const Inference& s, std::span<const double> values, Plan& p) {
    const auto n = static_cast<std::size_t>(p.axes);
    for (std::size_t first = 0; first < values.size(); first += n * (n + 1)) {
      Map map{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= n; ++j) {
          const double entry = values[first + i * (n + 1) + j];
          if (!std::isfinite(entry))
            throw Error(ErrorKind::param, "the matrix holds a value that is not finite")
                .got(fmt::format("{} in row {}, column {}", entry, i, j))
                .allowed("finite values");
          map[i * 4 + (j == n ? 3 : j)] = entry;
        }
      p.maps.push_back(s.flag("inverse_map") ? map : inverted(map));
    }
  }

  bool has_argument_;
};

}  // namespace

VARO_OPERATORS(geometry, warp_affine) {
  return {
      affine_warp::with_arguments(
          OperatorDef("warp_affine", "Resamples through an affine map of the positions.")
              .doc("The voxel at (x, y, z) of the output is read at matrix * (x + 0.5, y + 0.5, "
                   "z + 0.5); voxel i of the input covers [i, i + 1) and has its centre at i + "
                   "0.5. No smoothing takes place where the map shrinks. A map that moves whole "
                   "voxels costs nothing.")
              .input({.name = "data",
                      .doc = "Volume or picture. Linear: uint8, int8, uint16, int16, int32, "
                             "float32; nearest: every type.",
                      .layouts = affine_warp::layouts()})
              .input({.name = "matrix_input",
                      .doc = "The matrix, instead of the argument; one a frame for sequences.",
                      .dtypes = {DType::f32, DType::f64},
                      .optional = true})
              .output("warped", "The input's layout; extents as `size` says.")
              .arg({.name = "matrix",
                    .type = ArgType::reals,
                    .doc = "Row-major 3x4 (2x3 for a picture) over (x, y, z)."})
              .arg({.name = "inverse_map",
                    .type = ArgType::boolean,
                    .default_value = true,
                    .doc = "The matrix maps output to input; else input to output."}))
          .make<WarpAffine>()};
}

}  // namespace varo

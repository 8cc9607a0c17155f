// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "kernels/warp/points.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

constexpr std::array kTypes = {DType::f32, DType::u8,  DType::i8,
                               DType::u16, DType::i16, DType::i32};

std::vector<DType> points_types() {
  std::vector<DType> types(kTypes.begin(), kTypes.end());
  types.push_back(DType::f64);
  return types;
}

struct Plan {
  std::vector<float> matrix, shift;
};

class CoordTransform final : public HostOperator {
 public:
  explicit CoordTransform(const Args& args) {
    const DType to = args.dtype("dtype");
    if (std::find(kTypes.begin(), kTypes.end(), to) == kTypes.end())
      throw Error(ErrorKind::param, "no coordinates of this element type")
          .got(std::string(name_of(to)))
          .allowed("float32, uint8, int8, uint16, int16 or int32");
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const std::int64_t n = spec.shape.back();
    Plan plan;
    std::int64_t m = n;
    if (s.args().given("MT")) {
      const auto values = s.reals("MT");
      m = rows_of(s, "MT", values.size(), n + 1);
      for (std::int64_t i = 0; i < m; ++i) {
        const auto row = values.begin() + i * (n + 1);
        plan.matrix.insert(plan.matrix.end(), row, row + n);
        plan.shift.push_back(static_cast<float>(row[n]));
      }
    } else {
      std::vector<double> values = s.args().given("M") ? s.reals("M") : std::vector<double>{1};
      if (values.size() == 1) {
        const double diagonal = values[0];
        values.assign(static_cast<std::size_t>(n * n), 0);
        for (std::int64_t i = 0; i < n; ++i)
          values[static_cast<std::size_t>(i * (n + 1))] = diagonal;
      } else {
        m = rows_of(s, "M", values.size(), n);
      }
      plan.matrix.assign(values.begin(), values.end());
    }
    spec.shape[spec.shape.rank() - 1] = m;
    spec.dtype = s.args().dtype("dtype");
    s.set_output(0, spec);
    s.state() = std::move(plan);
  }

  void prepare(Inference& s) const override {
    if (s.args().given("MT")) return;
    const std::int64_t m = s.output_spec(0).shape.back();
    std::vector<double> shift = s.args().given("T") ? s.reals("T") : std::vector<double>{0};
    if (shift.size() == 1) shift.resize(static_cast<std::size_t>(m), shift[0]);
    if (static_cast<std::int64_t>(shift.size()) != m)
      throw Error(ErrorKind::shape, "argument T has the wrong length")
          .got(fmt::format("{} values", shift.size()))
          .allowed(fmt::format("1, or {}: one for every row of M", m));
    s.kept<Plan>().shift.assign(shift.begin(), shift.end());
  }

  void run(const HostRun& r) const noexcept override {
    const auto& plan = r.state<Plan>();
    transform_points(r.view(0), r.out[0], plan.matrix, plan.shift, r.parallel);
  }

 private:
  // Rows of a matrix with `columns` columns; a tensor says its own shape.
  static std::int64_t rows_of(const Inference& s, const char* arg, std::size_t count,
                              std::int64_t columns) {
    const auto values = static_cast<std::int64_t>(count);
    const Shape shape = s.args().per_sample(arg) ? s.argument(arg).shape() : Shape{values};
    const bool fits = shape.rank() == 2 ? shape[1] == columns
                                        : columns > 0 && values > 0 && values % columns == 0;
    if (!fits)
      throw Error(ErrorKind::shape, fmt::format("argument {} does not fit the coordinates", arg))
          .got(shape.rank() == 2 ? to_string(shape) : fmt::format("{} values", values))
          .allowed(fmt::format("rows of {} values", columns));
    return columns == 0 ? 0 : values / columns;
  }
};

}  // namespace

VARO_OPERATORS(points, coord_transform) {
  return {
      OperatorDef("coord_transform", "Maps points by a matrix and a shift: M p + T.")
          .input({.name = "points",
                  .doc = "Coordinates of a point along the last axis; computed in float32.",
                  .dtypes = points_types(),
                  .least_rank = 1})
          .output("mapped", "The input's shape but for the last axis, which has a value a row.")
          .arg({.name = "M",
                .type = ArgType::reals,
                .doc = "Row-major matrix; one value stands for the diagonal. Default identity."})
          .arg({.name = "T",
                .type = ArgType::reals,
                .doc = "Shift; one value counts for every coordinate. Default 0.",
                .late = true})
          .arg({.name = "MT",
                .type = ArgType::reals,
                .doc = "Instead of both: the matrix with the shift as last column."})
          .arg({.name = "dtype",
                .type = ArgType::dtype,
                .default_value = static_cast<std::int64_t>(DType::f32),
                .doc = "Element type of the output; integers are rounded.",
                .constant = true})
          .one_of({"MT", {"M", "T"}})
          .make<CoordTransform>()};
}

}  // namespace varo

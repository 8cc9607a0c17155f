// SPDX-License-Identifier: Apache-2.0
#include "operators/transforms/transform.h"

#include <algorithm>

namespace varo::transforms {

namespace {

using Matrices = std::vector<Matrix>;

// The argument `name`; one value a frame when it comes with a layout that begins with F.
Values values_of(const Inference& s, const char* name) {
  Values v{.all = s.reals(name)};
  if (s.args().per_sample(name)) {
    const Tensor t = s.argument(name);
    v.per_frame = !t.layout().empty() && t.layout()[0] == 'F';
    if (v.per_frame) v.frames = t.shape()[0];
  }
  for (const double value : v.all)
    if (!std::isfinite(value))
      throw Error(ErrorKind::param, fmt::format("argument {} is not finite", name))
          .got(fmt::format("{}", value))
          .allowed("finite values");
  return v;
}

// How many of a sample's frames there are, from its arguments and inputs; -1: no frames.
void join_frames(std::int64_t& frames, const char* name, std::int64_t count) {
  if (frames >= 0 && frames != count)
    throw Error(ErrorKind::shape, "the numbers of frames differ")
        .got(fmt::format("{} frames of {}", count, name))
        .allowed(fmt::format("{}", frames));
  frames = count;
}

// x -> c + A (x - c)
void move_centre(Matrix& m, std::span<const double> centre) {
  for (int i = 0; i < m.n; ++i) {
    m(i, m.n) += centre[static_cast<unsigned>(i)];
    for (int j = 0; j < m.n; ++j) m(i, m.n) -= m(i, j) * centre[static_cast<unsigned>(j)];
  }
}

}  // namespace

Matrix Matrix::identity(int n) {
  Matrix m{.n = n};
  for (int i = 0; i < n; ++i) m(i, i) = 1;
  return m;
}

Matrix after(const Matrix& a, const Matrix& b) {
  Matrix m{.n = a.n};
  for (int i = 0; i < a.n; ++i)
    for (int j = 0; j <= a.n; ++j) {
      m(i, j) = j == a.n ? a(i, j) : 0;
      for (int k = 0; k < a.n; ++k) m(i, j) += a(i, k) * b(k, j);
    }
  return m;
}

int Values::count() const {
  return frames == 0 ? 0 : static_cast<int>(static_cast<std::int64_t>(all.size()) / frames);
}

std::span<const double> Values::at(std::int64_t frame) const {
  const auto n = static_cast<std::size_t>(count());
  return {all.data() + (frames == 1 ? 0 : static_cast<std::size_t>(frame) * n), n};
}

int axes_of_input(const Inference& s, int input, std::int64_t& frames) {
  const Spec& spec = s.spec(input);
  const int r = spec.shape.rank();
  const std::int64_t n = r >= 2 ? spec.shape[r - 2] : 0;
  if (r < 2 || r > 3 || n < 1 || n > kMostAxes || spec.shape[r - 1] != n + 1)
    throw Error(ErrorKind::shape, fmt::format("input {} is no transform matrix", input))
        .got(to_string(spec.shape))
        .allowed(fmt::format("[n, n + 1] with n from 1 to {}", kMostAxes));
  if (r == 3) join_frames(frames, "the input", spec.shape[0]);
  return static_cast<int>(n);
}

Matrix input_matrix(const Inference& s, int input, std::int64_t frame) {
  const ConstView v = s.number(input);
  const int r = v.rank();
  Matrix m{.n = static_cast<int>(v.shape[r - 2])};
  const std::int64_t first = r == 3 ? frame * m.size() : 0;
  for (int i = 0; i < m.size(); ++i)
    m.entries[static_cast<unsigned>(i)] =
        v.dtype == DType::f64 ? v.ptr<double>()[first + i] : v.ptr<float>()[first + i];
  return m;
}

void MatrixOperator::declare_output(Inference& s, int n, std::int64_t frames) {
  if (frames < 0) {
    s.set_output(0, {DType::f32, {n, n + 1}, {}});
  } else {
    s.set_output(0, {DType::f32, {frames, n, n + 1}, "F**"});
  }
}

void MatrixOperator::prepare(Inference& s) const {
  const Shape& shape = s.output_spec(0).shape;
  Matrices results;
  for (std::int64_t f = 0; f < (shape.rank() == 3 ? shape[0] : 1); ++f)
    results.push_back(result(s, f));
  s.state() = std::move(results);
}

void MatrixOperator::run(const HostRun& r) const noexcept {
  const View& out = r.out[0];
  const int rank = out.rank();
  float* to = out.ptr<float>();
  for (const Matrix& m : r.state<Matrices>()) {
    for (int i = 0; i < m.n; ++i)
      for (int j = 0; j <= m.n; ++j)
        to[i * out.strides[rank - 2] + j * out.strides[rank - 1]] = static_cast<float>(m(i, j));
    if (rank == 3) to += out.strides[0];
  }
}

const Values* Transform::Arguments::find(std::string_view name) const {
  for (const auto& [key, values] : list)
    if (key == name) return &values;
  return nullptr;
}

std::int64_t Transform::Arguments::frames() const {
  std::int64_t most = 1;
  for (const auto& [key, values] : list)
    if (values.per_frame) most = values.frames;
  return most;
}

std::vector<double> Transform::Arguments::of(std::string_view name, std::int64_t f, int n) const {
  const auto values = find(name)->at(f);
  if (values.size() == 1) return std::vector<double>(static_cast<std::size_t>(n), values[0]);
  if (values.size() != static_cast<std::size_t>(n))
    throw Error(ErrorKind::shape, fmt::format("argument {} has the wrong length", name))
        .got(fmt::format("{} values", values.size()))
        .allowed(fmt::format("{} values", n));
  return {values.begin(), values.end()};
}

int Transform::checked_axes(int n, int least, int most) {
  if (n < least || n > most)
    throw Error(ErrorKind::shape, "no such transform in this many axes")
        .got(fmt::format("{} axes", n))
        .allowed(fmt::format("{} to {}", least, most));
  return n;
}

void Transform::infer(Inference& s) const {
  Arguments given;
  std::int64_t frames = -1;
  const int input_axes = s.input_count() > 0 ? axes_of_input(s, 0, frames) : 0;
  for (const ArgDef& arg : s.args().def().args()) {
    if (arg.type != ArgType::reals && arg.type != ArgType::real) continue;
    if (!s.has(arg.name)) continue;
    given.list.emplace_back(arg.name, values_of(s, arg.name.c_str()));
    const Values& v = given.list.back().second;
    if (v.per_frame) join_frames(frames, arg.name.c_str(), v.frames);
  }
  const int n = axes(s, given, input_axes);
  if (input_axes != 0 && input_axes != n)
    throw Error(ErrorKind::shape, "the transform does not fit the input matrix")
        .got(fmt::format("{} axes by the arguments", n))
        .allowed(
            fmt::format("{} axes, as the input [{}, {}]", input_axes, input_axes, input_axes + 1));
  std::vector<Matrix> own;
  for (std::int64_t f = 0; f < std::max<std::int64_t>(given.frames(), 1); ++f) {
    Matrix m = matrix(s, given, n, f);
    if (given.has("center")) move_centre(m, given.of("center", f, n));
    own.push_back(m);
  }
  declare_output(s, n, frames);
  s.state() = std::move(own);
}

Matrix Transform::result(const Inference& s, std::int64_t f) const {
  const auto& own = s.kept<Matrices>();
  const Matrix& m = own[own.size() == 1 ? 0 : static_cast<std::size_t>(f)];
  if (s.input_count() == 0) return m;
  const Matrix input = input_matrix(s, 0, f);
  return s.flag("reverse_order") ? after(input, m) : after(m, input);
}

OperatorDef definition(std::string name, std::string summary) {
  return OperatorDef(std::move(name), std::move(summary))
      .doc(
          "The matrix is [n, n + 1], float32, over coordinates in the order x, y, z. With an input "
          "matrix the result is this transform after the input's.")
      .input({.name = "T_in",
              .doc = "A transform matrix to join.",
              .dtypes = {DType::f32, DType::f64},
              .optional = true})
      .output("matrix", "[n, n + 1], or [F, n, n + 1] when an argument comes per frame.")
      .arg({.name = "reverse_order",
            .type = ArgType::boolean,
            .default_value = false,
            .doc = "The input's transform comes after this one.",
            .constant = true});
}

ArgDef centre_argument() {
  return {
      .name = "center", .type = ArgType::reals, .doc = "The point that stays; default the origin."};
}

}  // namespace varo::transforms

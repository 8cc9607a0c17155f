// SPDX-License-Identifier: Apache-2.0
/// What the operators transforms.* share: affine matrices and the arguments that make them.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/api/operator.h"

namespace varo::transforms {

inline constexpr int kMostAxes = 6;

/// A map of n coordinates, n x (n + 1) row-major, in the order x, y, z.
struct Matrix {
  int n = 0;
  std::array<double, kMostAxes*(kMostAxes + 1)> entries{};

  double& operator()(int i, int j) { return entries[static_cast<unsigned>(i * (n + 1) + j)]; }
  double operator()(int i, int j) const { return entries[static_cast<unsigned>(i * (n + 1) + j)]; }
  int size() const { return n * (n + 1); }

  static Matrix identity(int n);
};

/// First b, then a.
Matrix after(const Matrix& a, const Matrix& b);

/// The values of an argument for every frame; a single frame for arguments that are not per frame.
struct Values {
  std::vector<double> all;
  std::int64_t frames = 1;
  bool per_frame = false;

  int count() const;
  std::span<const double> at(std::int64_t frame) const;
};

/// Number of coordinates of an input matrix, checked to be [n, n + 1] or [F, n, n + 1]. `frames` is
/// how many of a sample's frames there are, from its arguments and inputs; -1: no frames.
int axes_of_input(const Inference& s, int input, std::int64_t& frames);

/// \pre the elements of the input are known
Matrix input_matrix(const Inference& s, int input, std::int64_t frame);

/// An operator whose output is matrices, one a frame, that prepare() makes from small inputs.
class MatrixOperator : public HostOperator {
 public:
  Need need(const Inference&, int) const final { return {Access::number}; }
  void prepare(Inference& s) const final;
  void run(const HostRun& r) const noexcept final;

 protected:
  /// frames  -1: no frames
  static void declare_output(Inference& s, int n, std::int64_t frames);
  /// The matrix of frame f of the output; infer() was called, the inputs' elements are known.
  virtual Matrix result(const Inference& s, std::int64_t f) const = 0;
};

/// An operator that makes one matrix from its arguments and joins it to the input's, if any.
class Transform : public MatrixOperator {
 public:
  void infer(Inference& s) const final;

 protected:
  /// The arguments of one sample that were given or have a default.
  struct Arguments {
    std::vector<std::pair<std::string, Values>> list;

    const Values* find(std::string_view name) const;
    bool has(std::string_view name) const { return find(name) != nullptr; }
    int count(std::string_view name) const { return has(name) ? find(name)->count() : 0; }
    std::int64_t frames() const;
    /// Exactly n values for frame f; a single one is repeated.
    std::vector<double> of(std::string_view name, std::int64_t f, int n) const;
  };

  /// Number of coordinates; `input_axes` is 0 without an input.
  virtual int axes(const Inference& s, const Arguments& given, int input_axes) const = 0;
  /// The matrix of frame f, about the origin.
  virtual Matrix matrix(const Inference& s, const Arguments& given, int n,
                        std::int64_t f) const = 0;

  static int checked_axes(int n, int least, int most);

 private:
  Matrix result(const Inference& s, std::int64_t f) const final;
};

/// The optional input, the output and `reverse_order`.
OperatorDef definition(std::string name, std::string summary);

ArgDef centre_argument();

}  // namespace varo::transforms

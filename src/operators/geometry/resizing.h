// SPDX-License-Identifier: Apache-2.0
/// What operators that resample the axes of input 0 into output 0 do for one sample.
#pragma once

#include <optional>
#include <vector>

#include "kernels/resample/resample.h"
#include "operators/api/operator.h"

namespace varo {

/// DALI's types.INTERP_*, and one of our own: the B-spline.
enum Interp : std::int64_t {
  kInterpNearest = 0,
  kInterpLinear = 1,
  kInterpCubic = 2,
  kInterpLanczos3 = 3,
  kInterpTriangular = 4,
  kInterpGaussian = 5,
  kInterpBspline = 6,
};

/// The state of a ResizeOperator.
struct Resizing {
  struct Axis {
    int axis = 0;  ///< of the tensor
    char letter = '?';
    AxisMap map;
  };
  std::vector<Axis> axes;
  std::vector<ResampledAxis> tables;  ///< of `axes`; none where the output is empty
  bool slices = false;  ///< along every axis the output is a slice of the input, and types agree
};

/// Is the axis reduced? Then the smoothing filter counts.
bool reduces(const AxisMap& map);

/// Filter and half-width of `map`, for a map that knows its interval.
/// smooth  widen the filter where the axis is reduced
void set_filter(AxisMap& map, std::int64_t interp, bool smooth);

/// Resamples, reading no more of the input than the taps touch; a view where that does it. The
/// affine follows.
class ResizeOperator : public HostOperator {
 public:
  Need need(const Inference& s, int input) const override;
  std::optional<int> view_of(const Inference& s) const override;
  bool resolve(Views& views) const override;
  std::optional<Affine> moved(const Inference& s, const Affine& input) const override;
  std::size_t setup(const HostRun& r, std::any& plan) const override;
  void run(const HostRun& r) const noexcept override;

 protected:
  /// In prepare(), when the maps are complete: makes the tables.
  static void tabulate(Inference& s);
};

}  // namespace varo

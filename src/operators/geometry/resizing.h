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

/// Kept from infer to run.
struct Resizing {
  struct Axis {
    int axis = 0;  ///< of the tensor
    char letter = '?';
    AxisMap map;
  };
  std::vector<Axis> axes;
  std::vector<ResampledAxis> tables;  ///< of `axes`, once made
};

/// Is the axis reduced? Then the smoothing filter counts.
bool reduces(const AxisMap& map);

/// Filter and half-width of `map`, for a map that knows its interval.
/// smooth  widen the filter where the axis is reduced
void set_filter(AxisMap& map, std::int64_t interp, bool smooth);

/// Makes the tables. The input as the result, where every axis is a slice of it and the types are
/// equal; touches no voxels. \pre the output is not empty
std::optional<Tensor> resized_view(Sample& sample, Resizing& resizing);

/// Resamples, asking for no more of the input than the taps touch; the affine follows.
void run_resizing(Sample& sample, Resizing& resizing);

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// What warp_affine and rotate share: arguments, the plan of one sample, views, the run.
#pragma once

#include <array>
#include <vector>

#include "kernels/warp/warp.h"
#include "operators/api/operator.h"

namespace varo::affine_warp {

using Map = std::array<double, 12>;  ///< output position -> input position, as WarpParams has it

/// One sample's warp. Positions, extents and axes in the order x, y, z.
struct Plan {
  Layout layout;             ///< of the input, assumed letters included
  int axes = 3;              ///< 2 or 3
  int at[3] = {-1, -1, -1};  ///< tensor axis of W, H, D
  int frame = -1;            ///< tensor axis of F
  int channel = -1;          ///< tensor axis of C
  std::int64_t in[3] = {1, 1, 1};
  std::int64_t out[3] = {1, 1, 1};
  WarpFilter filter = WarpFilter::linear;
  WarpBorder border = WarpBorder::clamp;
  DType from = DType::u8, to = DType::u8;
  std::uint64_t fill_bits = 0;
  std::vector<Map> maps;  ///< one for every frame, or one for all
};

/// Positions along an axis fit what the kernel takes.
inline constexpr std::int64_t kMostVoxels = (std::int64_t{1} << 29) - 1;

/// The accepted layouts; an unlabelled input has the first of its rank.
std::vector<Layout> layouts();
/// Adds the arguments that plan() and take_size() read.
OperatorDef with_arguments(OperatorDef def);

/// The layout to work by. What tells of three axes makes a volume of an unlabelled input that
/// would be a picture otherwise.
Layout layout_of(const Inference& s, bool three_axes);
/// Everything but `out` and `maps`. \pre arguments of with_arguments()
Plan plan(const Inference& s, const Layout& layout);
/// Reads `size` into p.out if it was given.
bool take_size(const Inference& s, Plan& p);
/// Checks what depends on `out`, declares the output and keeps the plan.
void set_output(Inference& s, Plan p);

/// Warps every frame. A map that moves whole voxels (identity, shifts, mirrors, quarter turns) makes
/// a view, unless it would repeat an edge. The state is a Plan that set_output() left, with its maps
/// by the end of prepare().
class WarpOperator : public HostOperator {
 public:
  Need need(const Inference& s, int input) const override;
  bool takes_padding(const Inference& s, int input, const PaddedView& padding) const override;
  std::optional<int> view_of(const Inference& s) const override;
  bool resolve(Views& views) const override;
  std::optional<Affine> moved(const Inference& s, const Affine& input) const override;
  void run(const HostRun& r) const noexcept override;
};

}  // namespace varo::affine_warp

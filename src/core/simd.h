// SPDX-License-Identifier: Apache-2.0
/// Which instruction sets the kernels may use. Results are the same on all of them; this is for
/// finding out where they are not, and what each is worth.
#pragma once

#include <string>
#include <vector>

namespace varo {

/// The instruction sets that this build has code for and this CPU can run, the best first:
/// "avx3", "avx2", "sse4", "ssse3" and last the one without vectors, "scalar". Kernels take the
/// first they were compiled for. What limit_simd() has ruled out is not among them.
std::vector<std::string> simd_targets();

/// Rules out whatever is better than the instruction set that the environment variable VARO_SIMD
/// names. The variable is read by the first call; without it nothing is ruled out.
///
/// errors  ParamError where VARO_SIMD is none of simd_targets()
void limit_simd();

}  // namespace varo

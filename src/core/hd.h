// SPDX-License-Identifier: Apache-2.0
/// Functions of one element, for the host and for CUDA devices.
#pragma once

/// Stands before a function that both may call. Constexpr functions need it only where nvcc runs
/// without --expt-relaxed-constexpr.
#if defined(__CUDACC__)
#define VARO_HD __host__ __device__
#else
#define VARO_HD
#endif

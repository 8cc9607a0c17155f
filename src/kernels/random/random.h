// SPDX-License-Identifier: Apache-2.0
/// Random numbers of a stream (core/philox.h) for ranges of elements. Number i of a stream is the
/// same however the range around it is cut, and on every instruction set: that of random_point.h.
#pragma once

#include <cstdint>

#include "core/philox.h"
#include "kernels/random/random_point.h"

namespace varo {

/// out[i] = random_word(key, first + i).
///
/// out     count words
/// memory  none
/// errors  none
void random_words(const RandomKey& key, std::uint64_t first, std::int64_t count,
                  std::uint32_t* out);

/// out[i] = random_word_pair(key, first + i).
///
/// out     count pairs
/// memory  none
/// errors  none
void random_word_pairs(const RandomKey& key, std::uint64_t first, std::int64_t count,
                       std::uint64_t* out);

/// out[i] = random_normal(key, first + i).
///
/// out     count floats
/// memory  none
/// errors  none
void random_normals(const RandomKey& key, std::uint64_t first, std::int64_t count, float* out);

/// out[i] = a Poisson number with mean mean[i], number first + i of the stream; 0 for means that are
/// not above 0. Number `index` draws from word pair `index` and, where it needs more, from blocks
/// index + k * 2^40, k = 1, 2, ... \pre first + count <= 2^40
///
/// mean    count doubles
/// out     count doubles; may be `mean` itself
/// memory  none; 16 KiB of stack
/// errors  none
/// source  kernels/random/poisson_point.h
void random_poissons(const RandomKey& key, std::uint64_t first, std::int64_t count,
                     const double* mean, double* out);
double random_poisson(const RandomKey& key, std::uint64_t index, double mean);

/// Attempts after which a number that is always refused becomes what is likely.
inline constexpr std::uint64_t kRandomAttempts = 255;

/// A number of the beta distribution, in [0, 1]. Number `index` of the stream draws from blocks
/// index + k * 2^40, k = 0, 1, ... \pre index < 2^40, alpha > 0, beta > 0
///
/// source  X / (X + Y) of two gamma numbers: Marsaglia, Tsang, "A simple method for generating
///         gamma variables", 2000; logarithms are compared so that small shapes do not vanish
double random_beta(const RandomKey& key, std::uint64_t index, double alpha, double beta);

}  // namespace varo

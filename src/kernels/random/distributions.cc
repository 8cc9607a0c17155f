// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <utility>

#include "kernels/random/poisson_point.h"
#include "kernels/random/random.h"

namespace varo {
namespace {

// Two numbers in (0, 1): attempt number `attempt` of element `index`.
std::pair<double, double> two_uniforms(const RandomKey& key, std::uint64_t index,
                                       std::uint64_t attempt) {
  const PhiloxBlock b = key.block(index | (attempt << 40));
  const auto unit = [](std::uint64_t high, std::uint64_t low) {
    return point::unit_of((high << 32) | low);
  };
  return {unit(b[0], b[1]), unit(b[2], b[3])};
}

// The logarithm of a gamma number. Two blocks an attempt, from block `attempt` on, which moves on.
double log_gamma_number(const RandomKey& key, std::uint64_t index, double shape,
                        std::uint64_t& attempt) {
  using point::log_of;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  double log_number = log_of(d);
  while (attempt + 2 <= kRandomAttempts) {
    const auto [u, angle] = two_uniforms(key, index, attempt);
    const auto [v, w] = two_uniforms(key, index, attempt + 1);
    attempt += 2;
    const double x = std::sqrt(-2 * log_of(u)) * point::cosine_of(angle);
    const double t = 1 + c * x, cube = t * t * t;
    if (t <= 0 || log_of(v) >= 0.5 * x * x + d - d * cube + d * log_of(cube)) continue;
    log_number = log_of(d * cube) + (shape < 1 ? log_of(w) / shape : 0);
    break;
  }
  return log_number;
}

}  // namespace

double random_poisson(const RandomKey& key, std::uint64_t index, double mean) {
  std::uint64_t word = random_word_pair(key, index);
  if (!(mean >= point::kPoissonSwitch)) return point::poisson_by_search(word, mean);
  for (std::uint64_t attempt = 1;; ++attempt) {
    const auto [count, accepted] = point::poisson_attempt(word, mean);
    if (accepted) return count;
    if (attempt > kRandomAttempts) return std::floor(mean);
    const PhiloxBlock b = key.block(index | (attempt << 40));
    word = (std::uint64_t{b[0]} << 32) | b[1];
  }
}

double random_beta(const RandomKey& key, std::uint64_t index, double alpha, double beta) {
  std::uint64_t attempt = 0;
  const double x = log_gamma_number(key, index, alpha, attempt);
  const double y = log_gamma_number(key, index, beta, attempt);
  return 1 / (1 + point::any_exp_of(y - x));
}

}  // namespace varo

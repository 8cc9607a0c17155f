// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>
#include <utility>

#include "kernels/random/random.h"

namespace varo {
namespace {

// ln k!, by Stirling's series where it is good to 1e-12.
double log_factorial(double k) {
  if (k < 10) {
    double product = 1;
    for (double i = 2; i <= k; ++i) product *= i;
    return std::log(product);
  }
  const double n = k + 1, z = 1 / (n * n);
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  return (n - 0.5) * std::log(n) - n + kHalfLogTwoPi +
         (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z / 1680))) / n;
}

// Two numbers in (0, 1): attempt number `attempt` of element `index`.
std::pair<double, double> two_uniforms(const RandomKey& key, std::uint64_t index,
                                       std::uint64_t attempt) {
  const PhiloxBlock b = key.block(index | (attempt << 40));
  const auto unit = [](std::uint64_t high, std::uint64_t low) {
    return (static_cast<double>(((high << 32) | low) >> 11) + 0.5) * 0x1p-53;
  };
  return {unit(b[0], b[1]), unit(b[2], b[3])};
}

constexpr std::uint64_t kAttempts = 255;

// The logarithm of a gamma number. Two blocks an attempt, from block `attempt` on, which moves on.
double log_gamma_number(const RandomKey& key, std::uint64_t index, double shape,
                        std::uint64_t& attempt) {
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  double log_number = std::log(d);
  while (attempt + 2 <= kAttempts) {
    const auto [u, angle] = two_uniforms(key, index, attempt);
    const auto [v, w] = two_uniforms(key, index, attempt + 1);
    attempt += 2;
    const double x = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * angle);
    const double t = 1 + c * x, cube = t * t * t;
    if (t <= 0 || std::log(v) >= 0.5 * x * x + d - d * cube + d * std::log(cube)) continue;
    log_number = std::log(d * cube) + (shape < 1 ? std::log(w) / shape : 0);
    break;
  }
  return log_number;
}

}  // namespace

double random_poisson(const RandomKey& key, std::uint64_t index, double mean) {
  if (!(mean > 0)) return 0;
  if (std::isinf(mean)) return mean;
  if (mean < 10) {
    double u = two_uniforms(key, index, 0).first, p = std::exp(-mean), k = 0;
    while (u > p && k < 200) {
      u -= p;
      ++k;
      p *= mean / k;
    }
    return k;
  }
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double accept = 0.9277 - 3.6224 / (b - 2);
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    const auto [first, v] = two_uniforms(key, index, attempt);
    const double u = first - 0.5;
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= accept) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * log_mean - mean - log_factorial(k))
      return k;
  }
  return std::floor(mean);
}

double random_beta(const RandomKey& key, std::uint64_t index, double alpha, double beta) {
  std::uint64_t attempt = 0;
  const double x = log_gamma_number(key, index, alpha, attempt);
  const double y = log_gamma_number(key, index, beta, attempt);
  return 1 / (1 + std::exp(y - x));
}

}  // namespace varo

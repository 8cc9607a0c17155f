// SPDX-License-Identifier: Apache-2.0
/// What one Poisson, gamma or beta number is made of: sums, products, quotients, square roots and
/// whole parts of doubles alone, so that its bits are those of every machine. The vector loops of
/// poisson.cc do the same operations in the same order.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace varo::point {

// --- words

/// A number in (0, 1) from the upper 52 bits of a word.
inline double unit_of(std::uint64_t word) {
  constexpr std::uint64_t kOne = std::uint64_t{0x3ff} << 52;
  return std::bit_cast<double>(word >> 12 | kOne) - (1 - 0x1p-53);
}
/// 32 bits as a double.
inline double number_of(std::uint64_t half) { return static_cast<double>(half); }

// --- functions

inline constexpr double kLn2 = 0x1.62e42fefa39efp-1, kLog2E = 0x1.71547652b82fep+0;
/// Doubles from 2^51 on, moved by this, hold a whole number in their low bits.
inline constexpr double kWholes = 0x1.8p52;

/// c[0] + c[1] x + c[2] x^2 + ..., by Horner's scheme.
template <std::size_t n>
constexpr double horner(double x, const double (&c)[n]) {
  double sum = c[n - 1];
  for (std::size_t i = n - 1; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

inline constexpr std::uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd,
                               kMantissaBits = (std::uint64_t{1} << 52) - 1;
/// 2 artanh s = s (2 + z (...)) with z = s^2, |s| < 0.1716: ln m for s = (m - 1) / (m + 1).
inline constexpr double kArtanh[] = {2.0 / 3,  2.0 / 5,  2.0 / 7, 2.0 / 9,
                                     2.0 / 11, 2.0 / 13, 2.0 / 15};
constexpr double twice_artanh(double s) {
  const double z = s * s;
  return (s + s) + s * (z * horner(z, kArtanh));
}

/// Natural logarithm of a positive normal number: within 1e-13 of the true value, relatively to it
/// where it is near 0.
inline double log_of(double x) {
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)).
  const std::uint64_t moved =
      std::bit_cast<std::uint64_t>(x) + ((std::uint64_t{1024} << 52) - kSqrtHalfBits);
  const auto m = std::bit_cast<double>((moved & kMantissaBits) + kSqrtHalfBits);
  const double e = number_of(moved >> 52) - 1024;
  return e * kLn2 + twice_artanh((m - 1) / (m + 1));
}

/// ln(x / y), as good where the two differ by less than a quotient can show.
inline double log_of_ratio(double x, double y) {
  const std::uint64_t moved =
      std::bit_cast<std::uint64_t>(x / y) + ((std::uint64_t{1024} << 52) - kSqrtHalfBits);
  const std::uint64_t power = moved >> 52;
  const double near_x = y * std::bit_cast<double>((power - 1) << 52);  // y 2^e
  return (number_of(power) - 1024) * kLn2 + twice_artanh((x - near_x) / (x + near_x));
}

/// e^r, |r| < 0.347.
inline constexpr double kExp[] = {1.0,         1.0,          1.0 / 2,       1.0 / 6,
                                  1.0 / 24,    1.0 / 120,    1.0 / 720,     1.0 / 5040,
                                  1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800};

/// e^x for |x| < 700, within 1e-13 of the true value, relatively.
inline double exp_of(double x) {
  const double t = x * kLog2E, whole = t + kWholes;
  const double r = (t - (whole - kWholes)) * kLn2;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(horner(r, kExp)) +
                               (std::bit_cast<std::uint64_t>(whole) << 52));
}
/// The same for every x: 0 and infinity where a double ends.
inline double any_exp_of(double x) {
  const double pinned = x < -1400 ? -1400 : x > 1400 ? 1400 : x;
  const double root = exp_of(pinned * 0.5);
  return root * root;
}

/// Cosine of `turns` in [0, 1] turns, within 1e-14.
inline double cosine_of(double turns) {
  constexpr double kCos[] = {1.0,         -1.0 / 2,       1.0 / 24,        -1.0 / 720,
                             1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200};
  constexpr double kSin[] = {1.0,          -1.0 / 6,        1.0 / 120,        -1.0 / 5040,
                             1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000};
  const auto quarters = static_cast<int>(turns * 4 + 0.5);
  const double a = (turns - quarters * 0.25) * 0x1.921fb54442d18p+2, z = a * a;
  const double size = quarters % 2 == 0 ? horner(z, kCos) : a * horner(z, kSin);
  return quarters % 4 == 1 || quarters % 4 == 2 ? -size : size;
}

/// What ln n! is above Stirling's formula, (n' - 1/2) ln n' - n' + ln(2 pi) / 2 with n' = n + 1:
/// within 3e-13 from n' = 11 on, within 3e-4 everywhere.
inline constexpr double kStirling[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680};
inline constexpr double kHalfLogTwoPi = 0.91893853320467274178;
inline double above_stirling(double next) {
  const double r = 1 / next;
  return r * horner(r * r, kStirling);
}

// --- Poisson numbers

/// Means below are for poisson_by_search(), others for poisson_attempt(). From here on the few
/// counts for which above_stirling() is coarse have a probability below 1e-7, and the algorithm
/// needs 10.
inline constexpr double kPoissonSwitch = 24;
/// More counts than this have a probability below 1e-16 there, which a word does not resolve.
inline constexpr int kPoissonMost = 80;
inline constexpr auto kInverses = [] {
  std::array<double, kPoissonMost + 1> inverses{};
  for (std::size_t k = 1; k < inverses.size(); ++k) inverses[k] = 1.0 / static_cast<double>(k);
  return inverses;
}();

/// Inversion by sequential search: how many sums of probabilities lie below a number in (0, 1).
/// Means that are not above 0 give 0. \pre not mean >= kPoissonSwitch
inline double poisson_by_search(std::uint64_t word, double mean) {
  const double rate = mean > 0 ? mean : 0, u = unit_of(word);
  double p = exp_of(-rate), sum = p;
  int k = 0;
  while (u > sum && k < kPoissonMost) {
    ++k;
    p *= rate * kInverses[static_cast<std::size_t>(k)];
    sum += p;
  }
  return k;
}

struct PoissonAttempt {
  double count;
  bool accepted;
};
/// One attempt of transformed rejection. The test is that of the algorithm,
///     ln(v / alpha / (a / us^2 + b)) <= k ln mean - mean - ln k!
/// with Stirling's formula for ln k! and its large terms taken together.
/// \pre mean >= kPoissonSwitch
///
/// source  Hoermann, "The transformed rejection method for generating Poisson random variables",
///         1993, algorithm PTRS without its early acceptance, which changes no result
inline PoissonAttempt poisson_attempt(std::uint64_t word, double mean) {
  const double u = number_of(word >> 32) * 0x1p-32 - (0.5 - 0x1p-33);
  const double v = number_of(word & 0xffffffffU) * 0x1p-32 + 0x1p-33;
  const double b = std::sqrt(mean) * 2.53 + 0.931, a = b * 0.02483 - 0.059, c = b - 3.4;
  const double us = 0.5 - std::abs(u), square = us * us;
  const double k = std::floor(((a + a) / us + b) * u + mean + 0.43), next = k + 1;
  const double q = v * square * (c * 1.1239 + 1.1328) / (c * (b * square + a));
  const double left = log_of(q * q * next) * 0.5 + kHalfLogTwoPi;
  const double right = k * log_of_ratio(mean, next) + (next - mean) - above_stirling(next);
  const bool outside = k < 0 || (us < 0.013 && v > us);
  const bool endless = mean == HUGE_VAL;
  return {endless ? mean : k, endless || (!outside && left <= right)};
}

}  // namespace varo::point

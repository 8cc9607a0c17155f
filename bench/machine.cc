// SPDX-License-Identifier: Apache-2.0
/// Rates of this processor on one thread, as one line of JSON: the bounds of the kernel table.
///
///     flop   float multiplications and additions, separate ones, in cache, lanes a second
///     int    32-bit additions and exclusive ors, lanes a second
///     wide   products of 32 by 32 to 64 bits, lanes a second
///     load   64-bit loads from addresses that follow no vector, a second
///     copy   bytes read and written by memcpy of 64 MiB, a second
///     read   bytes read of 64 MiB, a second
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>
#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
using Floats [[gnu::vector_size(kBytes)]] = float;
using Ints [[gnu::vector_size(kBytes)]] = std::uint32_t;
using Longs [[gnu::vector_size(kBytes)]] = std::uint64_t;

// Enough chains to hide the latency of four operations a cycle, few enough for 16 registers.
constexpr int kChains = 12;

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// The compiler must have `value` in a register here and may not know what it is.
template <class T>
void keep(T& value) {
  asm volatile("" : "+x"(value));
}

/// The most of `amount` that a call gets done a second, over several stretches of time.
template <class Call>
double rate(double amount, const Call& call) {
  double best = 0;
  for (int round = 0; round < 12; ++round) {
    double calls = 0, begin = now(), end = begin;
    while (end - begin < 0.01) {
      call();
      ++calls;
      end = now();
    }
    best = std::max(best, amount * calls / (end - begin));
  }
  return best;
}

template <class Vector, class Step>
double chains(double operations_a_step, const Step& step) {
  constexpr int kSteps = 20000;
  return rate(operations_a_step * kChains * kSteps, [&] {
    Vector a{}, b{};
    a += 1;
    keep(a);
    keep(b);
    // Not an array, which the compiler would keep in memory.
    Vector x0 = a, x1 = a, x2 = a, x3 = a, x4 = a, x5 = a, x6 = a, x7 = a, x8 = a, x9 = a, x10 = a,
           x11 = a;
    const auto advance = [&](auto&... x) { ((x = step(x, a, b), keep(x)), ...); };
    for (int n = 0; n < kSteps; ++n) advance(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11);
  });
}

Longs wide_product(Longs x, Longs y) {
#if defined(__AVX512F__)
  return (Longs)_mm512_mul_epu32((__m512i)x, (__m512i)y);
#elif defined(__AVX2__)
  return (Longs)_mm256_mul_epu32((__m256i)x, (__m256i)y);
#elif defined(__SSE2__)
  return (Longs)_mm_mul_epu32((__m128i)x, (__m128i)y);
#else
  return (x & 0xffffffffu) * (y & 0xffffffffu);
#endif
}

double loads() {
  constexpr int kPasses = 100, kLoads = 2048;
  static double values[kLoads + 64];
  return rate(kPasses * kLoads, [&] {
    double a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    const auto take = [](double& sum, double value) { keep(sum += value); };
    for (int pass = 0; pass < kPasses; ++pass) {
      const double* p = values;
      asm volatile("" : "+r"(p) : : "memory");
      for (int n = 0; n < kLoads / 8; ++n, p += 8) {
        take(a, p[0]), take(b, p[37]), take(c, p[10]), take(d, p[47]);
        take(e, p[20]), take(f, p[57]), take(g, p[30]), take(h, p[3]);
      }
    }
  });
}

}  // namespace

int main() {
  const auto bytes = std::size_t{64} << 20;
  std::vector<char> from(bytes, 1), to(bytes, 2);
  const double flop = chains<Floats>(2.0 * kBytes / 4, [](Floats x, Floats a, Floats b) {
    Floats product = x * a;
    return product + b;
  });
  const double ints = chains<Ints>(2.0 * kBytes / 4, [](Ints x, Ints a, Ints b) {
    Ints sum = x + a;
    keep(sum);
    return sum ^ b;
  });
  const double wide =
      chains<Longs>(1.0 * kBytes / 8, [](Longs x, Longs a, Longs) { return wide_product(x, a); });
  const double copy = rate(2.0 * bytes, [&] {
    std::memcpy(to.data(), from.data(), bytes);
    asm volatile("" ::: "memory");
  });
  const double read = rate(1.0 * bytes, [&] {
    Longs sums[4] = {};
    for (std::size_t i = 0; i < bytes; i += 4 * kBytes) {
      for (int k = 0; k < 4; ++k) {
        Longs v;
        std::memcpy(&v, from.data() + i + k * kBytes, kBytes);
        sums[k] += v;
      }
    }
    for (Longs& sum : sums) keep(sum);
  });
  std::printf(
      "{\"flop\": %.4g, \"int\": %.4g, \"wide\": %.4g, \"load\": %.4g, \"copy\": %.4g, "
      "\"read\": %.4g, \"lanes\": %d}\n",
      flop, ints, wide, loads(), copy, read, kBytes / 4);
}

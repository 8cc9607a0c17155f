// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/program.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "kernels/pointwise/loops.h"
#include "kernels/random/random.h"

namespace varo {
namespace {

std::vector<float> ramp(std::int64_t count, float step = 1) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * step;
  return values;
}

// Runs blocks in a shuffled order, as a badly behaved pool of threads might.
class Shuffled final : public Parallel {
 public:
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    std::vector<std::int64_t> order(static_cast<std::size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    for (const std::int64_t block : order) body(block);
    blocks_ += blocks;
  }
  int width() const override { return 4; }
  std::int64_t blocks_ = 0;
};

Program sum_of_two(DType dtype = DType::f32) {
  ProgramBuilder b;
  const Register x = b.input(dtype), y = b.input(dtype);
  return b.finish(b.binary(Op::add, x, y));
}

TEST(RunProgram, every_length_and_nothing_past_the_end) {
  const Program program = sum_of_two();
  const std::vector<float> x = ramp(5000), y = ramp(5000, 0.5F);
  for (std::int64_t n : {0, 1, 2, 31, 63, 64, 65, 127, 2047, 2048, 2049, 4999}) {
    std::vector<float> out(static_cast<std::size_t>(n) + 1, -777.0F);
    const std::array<ConstView, 2> inputs = {dense_view(x.data(), {n}), dense_view(y.data(), {n})};
    run_program(program, inputs, dense_view(out.data(), {n}), Parallel::serial());
    for (std::int64_t i = 0; i < n; ++i)
      ASSERT_EQ(out[static_cast<std::size_t>(i)], 1.5F * static_cast<float>(i));
    EXPECT_EQ(out.back(), -777.0F);
  }
}

TEST(RunProgram, broadcasts_by_zero_strides) {
  // [3, 1, 5] + [4, 1] into [3, 4, 5].
  const std::vector<float> x = ramp(15), y = ramp(4, 100);
  std::vector<float> out(60);
  const Shape shape{3, 4, 5};
  const std::array<ConstView, 2> inputs = {ConstView{x.data(), DType::f32, shape, {5, 0, 1}},
                                           ConstView{y.data(), DType::f32, shape, {0, 1, 0}}};
  run_program(sum_of_two(), inputs, dense_view(out.data(), shape), Parallel::serial());
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      for (std::size_t k = 0; k < 5; ++k)
        ASSERT_EQ(out[i * 20 + j * 5 + k], static_cast<float>(i * 5 + k + j * 100));
}

TEST(RunProgram, chains_take_what_a_row_shares) {
  // (x - mean[c]) * scale[c] + mean[c], rows longer and shorter than a tile and of its length.
  for (const std::int64_t row : {3, 100, 2048, 2049, 5000}) {
    const Shape shape{4, row};
    const std::vector<float> x = ramp(4 * row, 0.3F), mean = {1.5F, -2, 0, 7.25F};
    const std::vector<float> scale = {0.1F, 3, -1, 0.7F};
    ProgramBuilder b;
    const Register v = b.input(DType::f32), m = b.input(DType::f32), s = b.input(DType::f32);
    const Register scaled = b.binary(Op::mul, b.binary(Op::sub, v, m), s);
    const Program program = b.finish(b.binary(Op::add, m, scaled));
    const ConstView inputs[] = {dense_view(x.data(), shape),
                                {mean.data(), DType::f32, shape, {1, 0}},
                                {scale.data(), DType::f32, shape, {1, 0}}};
    std::vector<float> out(x.size());
    run_program(program, inputs, dense_view(out.data(), shape), Parallel::serial());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t c = i / static_cast<std::size_t>(row);
      const float off = x[i] - mean[c], times = off * scale[c];
      ASSERT_EQ(out[i], mean[c] + times) << row << " at " << i;
    }
  }
}

TEST(RunProgram, walks_any_strides_of_inputs_and_output) {
  // x backwards along its last axis, y transposed, the output a part of a larger volume with its
  // axes in another order.
  constexpr std::int64_t kA = 6, kB = 70, kC = 50;
  const std::vector<float> x = ramp(kA * kB * kC), y = ramp(kC * kB * kA, 0.25F);
  std::vector<float> out(kC * (kA + 2) * (kB + 3), -1.0F);
  const Shape shape{kA, kB, kC};
  const std::array<ConstView, 2> inputs = {
      ConstView{x.data() + kC - 1, DType::f32, shape, {kB * kC, kC, -1}},
      ConstView{y.data(), DType::f32, shape, {1, kA, kA * kB}}};
  const View target{out.data() + 1, DType::f32, shape, {kB + 3, 1, (kA + 2) * (kB + 3)}};
  Shuffled parallel;
  run_program(sum_of_two(), inputs, target, parallel);
  std::vector<float> expected(out.size(), -1.0F);
  for (std::int64_t i = 0; i < kA; ++i)
    for (std::int64_t j = 0; j < kB; ++j)
      for (std::int64_t k = 0; k < kC; ++k)
        expected[static_cast<std::size_t>(1 + i * (kB + 3) + j + k * (kA + 2) * (kB + 3))] =
            x[static_cast<std::size_t>((i * kB + j) * kC + kC - 1 - k)] +
            y[static_cast<std::size_t>(i + kA * j + kA * kB * k)];
  EXPECT_EQ(out, expected);
}

TEST(RunProgram, rows_past_the_caches_are_the_same) {
  // Rows of whole cache lines and others, forwards, backwards, apart, of every element size.
  alignas(64) static std::byte plain[1 << 17], streamed[1 << 17];
  std::vector<double> ramp_of_doubles(4000);
  std::iota(ramp_of_doubles.begin(), ramp_of_doubles.end(), -50.0);
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (const DType dtype : {DType::u8, DType::i16, DType::f32, DType::f64}) {
      for (const std::int64_t row : {1, 64, 100, 128, 1024}) {
        for (const std::int64_t gap : {0, 64, 3}) {
          for (const std::int64_t sign : {1, -1}) {
            const Shape shape{3, row};
            const ConstView in = dense_view(std::as_const(ramp_of_doubles).data(), shape);
            ProgramBuilder b;
            const Program program = b.finish(b.convert(b.input(DType::f64), dtype));
            const auto run = [&](std::byte* to, bool past_caches) {
              std::fill_n(to, sizeof(plain), std::byte{0x5a});
              const std::int64_t first = sign > 0 ? 0 : row - 1;
              const View out{to + first * static_cast<std::int64_t>(size_of(dtype)),
                             dtype,
                             shape,
                             {row + gap, sign}};
              run_program(program, {&in, 1}, out, Parallel::serial(), nullptr, past_caches);
            };
            run(plain, false);
            run(streamed, true);
            ASSERT_EQ(std::memcmp(plain, streamed, sizeof(plain)), 0)
                << hwy::TargetName(target) << " " << name_of(dtype) << " row " << row << " gap "
                << gap << " sign " << sign;
          }
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(RunProgram, scalar_output) {
  const float x = 2, y = 3;
  float out = 0;
  const std::array<ConstView, 2> inputs = {dense_view(&x, {}), dense_view(&y, {})};
  run_program(sum_of_two(), inputs, dense_view(&out, {}), Parallel::serial());
  EXPECT_EQ(out, 5.0F);
}

TEST(RunProgram, result_may_be_an_input_or_a_constant) {
  const std::vector<float> x = ramp(100);
  std::vector<float> out(100);
  ProgramBuilder b;
  const Register in = b.input(DType::f32);
  const Program identity = b.finish(in);
  const ConstView backwards{x.data() + 99, DType::f32, {100}, {-1}};
  run_program(identity, {&backwards, 1}, dense_view(out.data(), {100}), Parallel::serial());
  for (std::size_t i = 0; i < 100; ++i) ASSERT_EQ(out[i], static_cast<float>(99 - i));
  run_program(b.finish(b.constant(DType::f32, 4.5)), {}, dense_view(out.data(), {100}),
              Parallel::serial());
  EXPECT_EQ(out, std::vector<float>(100, 4.5F));
}

// One program and its instructions run one by one through memory.
TEST(RunProgram, fused_is_bit_equal_to_one_by_one) {
  constexpr std::int64_t kCount = 200'000;
  std::vector<std::int16_t> x(kCount);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int16_t>(i * 7919);
  const RandomKey key{.seed = 3};
  const Index index{{1}};
  ProgramBuilder b;
  const auto scaled = [&](Register in) {
    return b.fma(b.convert(in, DType::f32), b.constant(DType::f32, 0.37),
                 b.constant(DType::f32, -12.5));
  };
  const auto noisy = [&](Register in) { return b.binary(Op::add, in, b.normal(key, index)); };
  const auto stored = [&](Register in) { return b.convert(in, DType::u8); };
  const Program fused = b.finish(stored(noisy(scaled(b.input(DType::i16)))));

  std::vector<std::uint8_t> one(kCount), many(kCount);
  std::vector<float> middle(kCount), noise(kCount);
  const auto run = [&](const Program& program, const ConstView& in, const View& out) {
    Shuffled parallel;
    run_program(program, {&in, 1}, out, parallel);
    EXPECT_GT(parallel.blocks_, 1);
  };
  run(fused, dense_view(x.data(), {kCount}), dense_view(one.data(), {kCount}));
  run(b.finish(scaled(b.input(DType::i16))), dense_view(x.data(), {kCount}),
      dense_view(middle.data(), {kCount}));
  run(b.finish(noisy(b.input(DType::f32))), dense_view(middle.data(), {kCount}),
      dense_view(noise.data(), {kCount}));
  run(b.finish(stored(b.input(DType::f32))), dense_view(noise.data(), {kCount}),
      dense_view(many.data(), {kCount}));
  EXPECT_EQ(one, many);
  EXPECT_GT(std::count(one.begin(), one.end(), 0), 0);
  EXPECT_GT(std::count(one.begin(), one.end(), 255), 0);
}

TEST(RunProgram, random_numbers_follow_their_index_not_the_walk) {
  const RandomKey key{.seed = 9};
  const Shape shape{5, 3, 67};
  ProgramBuilder b;
  const Program dense = b.finish(b.normal(key, {dense_strides(shape)}));
  std::vector<float> plain(1005), transposed(1005);
  run_program(dense, {}, dense_view(plain.data(), shape), Parallel::serial());
  run_program(dense, {}, View{transposed.data(), DType::f32, shape, {1, 5, 15}},
              Parallel::serial());
  std::vector<std::uint32_t> shared(1005);
  run_program(b.finish(b.bits(DType::u32, key, {{67, 0, 1}})), {}, dense_view(shared.data(), shape),
              Parallel::serial());
  std::vector<std::uint64_t> wide(1005);
  run_program(b.finish(b.bits(DType::u64, key, {dense_strides(shape)})), {},
              dense_view(wide.data(), shape), Parallel::serial());
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 67; ++k) {
        const std::size_t n = (i * 3 + j) * 67 + k;
        ASSERT_EQ(plain[n], random_normal(key, n));
        ASSERT_EQ(transposed[i + 5 * j + 15 * k], plain[n]);
        ASSERT_EQ(shared[n], random_word(key, i * 67 + k));
        ASSERT_EQ(wide[n],
                  (std::uint64_t{random_word(key, 2 * n)} << 32) | random_word(key, 2 * n + 1));
      }
    }
  }
}

TEST(RunProgram, slow_steps_done_bit_by_bit_give_the_numbers_of_the_whole) {
  // |x|^1.5 + normal, the numbers from `first` on: aligned with groups of numbers or not, for any
  // length, into memory in a row and not.
  const RandomKey key{.seed = 3};
  const std::vector<float> x = ramp(5000, 0.01F);
  for (const std::int64_t first : {0, 256, 5}) {
    for (const std::int64_t n : {1, 255, 256, 257, 1000, 2049, 5000}) {
      for (const std::int64_t step : {1, 2}) {
        // The index counts along an axis of its own, so that it may begin anywhere.
        ProgramBuilder b;
        const Register powers = b.binary(Op::pow, b.input(DType::f32), b.constant(DType::f32, 1.5));
        const Register normal = b.normal(key, {{first, 1}});
        const Program program = b.finish(b.binary(Op::add, powers, normal));
        std::vector<float> out(static_cast<std::size_t>(2 * n * step) + 1, -777.0F);
        const Shape shape{2, n};
        const ConstView in{x.data(), DType::f32, shape, {0, 1}};
        run_program(program, {&in, 1}, View{out.data(), DType::f32, shape, {n * step, step}},
                    Parallel::serial());
        for (std::int64_t i = 0; i < 2; ++i) {
          for (std::int64_t k = 0; k < n; ++k) {
            const auto at = static_cast<std::size_t>(k);
            float power = 0;
            const float exponent = 1.5F;
            find_loop(Op::pow, DType::f32, DType::f32)({&power, {&x[at], &exponent, nullptr}}, 1);
            ASSERT_EQ(out[static_cast<std::size_t>((i * n + k) * step)],
                      power + random_normal(key, static_cast<std::uint64_t>(i * first + k)))
                << first << " " << n << " " << step << " " << i << " " << k;
          }
        }
        EXPECT_EQ(out.back(), -777.0F);
      }
    }
  }
}

TEST(RunProgram, registers_are_used_again_only_after_their_last_use) {
  // A chain longer than the registers that fit, in which early values are needed at the end.
  constexpr std::int64_t kCount = 3000;
  const std::vector<float> x = ramp(kCount);
  std::vector<double> out(kCount);
  ProgramBuilder b;
  const Register in = b.convert(b.input(DType::f32), DType::f64);
  std::vector<Register> values = {in};
  for (int i = 1; i < 100; ++i)
    values.push_back(b.binary(Op::add, values.back(), b.constant(DType::f64, double(i))));
  Register sum = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) sum = b.binary(Op::add, sum, values[i]);
  const ConstView view = dense_view(x.data(), {kCount});
  run_program(b.finish(sum), {&view, 1}, dense_view(out.data(), {kCount}), Parallel::serial());
  double constants = 0;
  for (int i = 1; i < 100; ++i) constants += i * (i + 1) / 2.0;
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], 100.0 * double(i) + constants);
}

// Graphs of instructions, values used any number of times, done one by one in whole arrays.
TEST(RunProgram, random_programs_give_the_bits_of_their_instructions) {
  constexpr std::int64_t kRows = 3, kRow = 1111, kCount = kRows * kRow;
  constexpr Op kOps[] = {Op::add,    Op::sub, Op::mul,  Op::div, Op::min, Op::max,
                         Op::negate, Op::abs, Op::sqrt, Op::exp, Op::fma};
  const std::vector<float> x = ramp(kCount, 0.01F), y = ramp(kCount, -0.25F);
  const std::vector<float> few = {1.5F, 0.0F, -3.0F};
  const Shape shape{kRows, kRow};
  const std::vector<ConstView> views = {
      dense_view(x.data(), shape), ConstView{y.data() + kRow - 1, DType::f32, shape, {kRow, -1}},
      ConstView{few.data(), DType::f32, shape, {0, 0}},
      ConstView{few.data(), DType::f32, shape, {1, 0}}};
  for (unsigned seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    ProgramBuilder b;
    std::vector<Register> registers;
    std::vector<std::vector<float>> values;
    std::vector<ConstView> inputs;
    for (const ConstView& view : views) {
      if (seed % 2 == 0 && random() % 2 == 0) continue;
      inputs.push_back(view);
      registers.push_back(b.input(DType::f32));
      std::vector<float>& all = values.emplace_back();
      for (std::int64_t i = 0; i < kRows; ++i)
        for (std::int64_t k = 0; k < kRow; ++k)
          all.push_back(view.ptr<float>()[i * view.strides[0] + k * view.strides[1]]);
    }
    registers.push_back(b.constant(DType::f32, 0.75));
    values.emplace_back(kCount, 0.75F);
    const int steps = 1 + static_cast<int>(random() % 14);
    for (int n = 0; n < steps; ++n) {
      const Op op = kOps[random() % std::size(kOps)];
      std::size_t from[3];
      for (std::size_t& f : from)
        f = random() % 2 == 0 ? registers.size() - 1 : random() % registers.size();
      Register r[3];
      for (std::size_t k = 0; k < 3; ++k) r[k] = registers[from[k]];
      registers.push_back(op == Op::fma     ? b.fma(r[0], r[1], r[2])
                          : op <= Op::atanh ? b.unary(op, r[0])
                                            : b.binary(op, r[0], r[1]));
      std::vector<float> result(kCount);
      find_loop(op, DType::f32, DType::f32)(
          {result.data(), {values[from[0]].data(), values[from[1]].data(), values[from[2]].data()}},
          kCount);
      values.push_back(std::move(result));
    }
    std::vector<float> out(kCount);
    run_program(b.finish(registers.back()), inputs, dense_view(out.data(), shape),
                Parallel::serial());
    for (std::size_t i = 0; i < out.size(); ++i)
      ASSERT_TRUE(std::memcmp(&out[i], &values.back()[i], sizeof(float)) == 0 ||
                  (std::isnan(out[i]) && std::isnan(values.back()[i])))
          << "seed " << seed << ", element " << i;
  }
}

TEST(ProgramBuilder, leaves_out_what_the_result_does_not_need) {
  ProgramBuilder b;
  const Register x = b.input(DType::f32);
  b.unary(Op::exp, x);
  const Program program = b.finish(b.unary(Op::negate, x));
  ASSERT_EQ(program.code.size(), 2U);
  EXPECT_EQ(program.code[1].op, Op::negate);
  EXPECT_EQ(program.code[1].from[0], 0);
}

}  // namespace
}  // namespace varo

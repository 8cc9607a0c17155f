// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/byte_table.h"

#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "core/testing.h"

namespace varo {
namespace {

// Calls body for every instruction set of this machine.
template <class Body>
void on_every_target(const Body& body) {
  const std::int64_t all = hwy::SupportedTargets();
  for (std::int64_t rest = all; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    SCOPED_TRACE(hwy::TargetName(rest & -rest));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

std::vector<std::uint8_t> random_bytes(std::size_t count, int most = 255) {
  std::mt19937 rng(11);
  std::vector<std::uint8_t> bytes(count);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(rng() % static_cast<unsigned>(most + 1));
  return bytes;
}

TEST(LookUpBytes, every_byte_and_count) {
  std::uint8_t table[256];
  const std::vector<std::uint8_t> entries = random_bytes(256), from = random_bytes(1500);
  std::copy(entries.begin(), entries.end(), table);
  on_every_target([&] {
    for (std::size_t count = 0; count < 300; ++count) {
      std::vector<std::uint8_t> to(count + 1, 0x5a);
      look_up_bytes(table, from.data() + count, static_cast<std::int64_t>(count), to.data());
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(to[i], table[from[count + i]]);
      ASSERT_EQ(to[count], 0x5a);
    }
    std::vector<std::uint8_t> same = from;
    look_up_bytes(table, same.data(), static_cast<std::int64_t>(same.size()), same.data());
    for (std::size_t i = 0; i < same.size(); ++i) ASSERT_EQ(same[i], table[from[i]]);
  });
}

// Inputs 0 and, where it reads a second one, 1: a factor that is the same everywhere.
Program powers(DType in, DType out, bool reads_factor) {
  ProgramBuilder b;
  const Register x = b.convert(b.input(in), DType::f32);
  const Register factor = reads_factor ? b.input(DType::f32) : b.constant(DType::f32, 1.7);
  const Register power = b.binary(Op::pow, b.unary(Op::abs, x), b.constant(DType::f32, 0.6));
  return b.finish(b.convert(b.fma(power, factor, b.constant(DType::f32, -3.5)), out));
}

// A view of bytes with `row` of them after another, forwards or backwards.
struct Place {
  std::int64_t gap, sign;
};

TEST(RunByTable, gives_what_the_program_gives) {
  constexpr std::int64_t kRows = 70, kRow = 301;  // enough for a table; one row is not
  const Shape shape{kRows, kRow};
  const float factor = 2.25F;
  for (const DType in : {DType::u8, DType::i8, DType::boolean}) {
    const std::vector<std::uint8_t> bytes = random_bytes(30000, in == DType::boolean ? 1 : 255);
    for (const DType out :
         {DType::u8, DType::i8, DType::boolean, DType::i16, DType::f16, DType::f32, DType::f64}) {
      const std::size_t size = size_of(out);
      for (const bool reads_factor : {false, true}) {
        const Program program = powers(in, out, reads_factor);
        for (const Place& from : {Place{0, 1}, Place{3, 1}, Place{0, -1}}) {
          for (const Place& to : {Place{0, 1}, Place{5, 1}, Place{0, -1}}) {
            const ConstView inputs[] = {{bytes.data() + (from.sign < 0 ? kRow - 1 : 0),
                                         in,
                                         shape,
                                         {kRow + from.gap, from.sign}},
                                        {&factor, DType::f32, shape, {0, 0}}};
            std::vector<std::byte> whole(size * kRows * (kRow + 5), std::byte{0x5a});
            std::vector<std::byte> rows = whole, streamed = whole;
            const auto view = [&](std::vector<std::byte>& memory) {
              return View{memory.data() + (to.sign < 0 ? size * (kRow - 1) : 0),
                          out,
                          shape,
                          {kRow + to.gap, to.sign}};
            };
            const auto used = std::span(inputs).first(reads_factor ? 2 : 1);
            testing::ShuffledParallel parallel(3);
            run_program(program, used, view(whole), parallel);
            run_program(program, used, view(streamed), parallel, nullptr, true);
            for (std::int64_t r = 0; r < kRows; ++r) {
              ConstView parts[] = {inputs[0], inputs[1]};
              parts[0].data =
                  static_cast<const std::uint8_t*>(inputs[0].data) + r * inputs[0].strides[0];
              View part = view(rows);
              part.data = static_cast<std::byte*>(part.data) +
                          r * part.strides[0] * static_cast<std::int64_t>(size);
              part.shape = parts[0].shape = parts[1].shape = {1, kRow};
              run_program(program, std::span<const ConstView>(parts).first(used.size()), part,
                          Parallel::serial());
            }
            ASSERT_EQ(whole, rows) << name_of(in) << " to " << name_of(out);
            ASSERT_EQ(whole, streamed) << name_of(in) << " to " << name_of(out);
          }
        }
      }
    }
  }
}

TEST(RunByTable, is_for_programs_of_one_byte_alone) {
  const std::vector<std::uint8_t> bytes = random_bytes(40000);
  const std::vector<float> floats(20000, 1.5F);
  std::vector<float> out(20000);
  const Shape shape{20000};
  const auto decides = [&](const Program& program, std::vector<ConstView> inputs) {
    return byte_that_decides(plan_program(program, inputs, dense_view(out.data(), shape)), 20000)
        .has_value();
  };
  const ConstView x = dense_view(bytes.data(), shape), y = dense_view(bytes.data() + 9, shape);
  const auto of_two = [&](DType second) {
    ProgramBuilder b;
    const Register a = b.convert(b.input(DType::u8), DType::f32);
    const Register c = b.convert(b.input(second), DType::f32);
    return b.finish(b.binary(Op::pow, a, c));
  };
  EXPECT_TRUE(decides(of_two(DType::u8), {x, x}));
  EXPECT_FALSE(decides(of_two(DType::u8), {x, y}));
  EXPECT_FALSE(decides(of_two(DType::f32), {x, dense_view(floats.data(), shape)}));
  ProgramBuilder b;
  const Register byte = b.convert(b.input(DType::u8), DType::f32);
  const Register normal = b.normal({}, {Strides{1}});
  EXPECT_FALSE(decides(b.finish(b.binary(Op::pow, byte, normal)), {x}));
}

TEST(RunByTable, tells_of_every_piece) {
  constexpr std::int64_t kCount = 3 * kProgramPiece - 5;
  const std::vector<std::uint8_t> bytes = random_bytes(kCount);
  std::vector<std::uint8_t> out(kCount);
  std::vector<int> told(3);
  const ConstView in = dense_view(bytes.data(), {kCount});
  const auto count = [&](std::int64_t piece) { ++told[static_cast<std::size_t>(piece)]; };
  const FunctionRef<void(std::int64_t)> after = count;
  run_program(powers(DType::u8, DType::u8, false), {&in, 1}, dense_view(out.data(), {kCount}),
              Parallel::serial(), &after);
  EXPECT_EQ(told, (std::vector<int>{1, 1, 1}));
}

}  // namespace
}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
// Any bytes as a pointwise program: run as one, it gives what its instructions give that run one
// after the other through memory.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "core/parallel.h"
#include "kernels/pointwise/program.h"

namespace varo {
namespace {

// The bytes of the fuzzer, then zeros.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  bool ended() const { return left_ == 0; }
  std::uint8_t next() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::size_t below(std::size_t limit) { return next() % limit; }
  std::uint64_t word() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | next();
    return value;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// An instruction, and its result where it was run alone.
struct Step {
  Op op;
  DType dtype;  // of the result
  std::vector<std::size_t> from;
  std::uint64_t value = 0;
  std::vector<std::byte> result;
};

constexpr RandomKey kKey{.seed = 5};

class Chain {
 public:
  Chain(Bytes& bytes, const Shape& shape) : bytes_(bytes), shape_(shape) {
    for (int i = 0; i < 2; ++i) add_input();
    while (!bytes_.ended() && steps_.size() < 40) add_any();
  }

  void check() {
    ProgramBuilder builder;
    std::vector<Register> registers;
    std::vector<ConstView> inputs;
    for (const Step& step : steps_) {
      registers.push_back(emit(builder, step, operands(step, registers)));
      if (step.op == Op::input) inputs.push_back(view_of(step));
    }
    const Step& last = steps_.back();
    std::vector<std::byte> fused(last.result.size());
    run_program(builder.finish(registers.back()), inputs,
                dense_view(fused.data(), last.dtype, shape_), Parallel::serial());
    const std::size_t width = size_of(last.dtype);
    for (std::size_t at = 0; at < fused.size(); at += width)
      if (std::memcmp(fused.data() + at, last.result.data() + at, width) != 0 &&
          !(is_nan(last.dtype, fused.data() + at) && is_nan(last.dtype, last.result.data() + at)))
        std::abort();
  }

 private:
  static View dense_view(std::byte* data, DType dtype, const Shape& shape) {
    return View{data, dtype, shape, dense_strides(shape)};
  }
  ConstView view_of(const Step& step) const {
    return ConstView{step.result.data(), step.dtype, shape_, dense_strides(shape_)};
  }

  // Which of several NaNs an operation makes is not promised.
  static bool is_nan(DType dtype, const std::byte* element) {
    if (dtype == DType::f16) {
      std::uint16_t bits;
      std::memcpy(&bits, element, sizeof bits);
      return (bits & 0x7FFF) > 0x7C00;
    }
    if (dtype == DType::f32) {
      float value;
      std::memcpy(&value, element, sizeof value);
      return value != value;
    }
    double value = 0;
    if (dtype == DType::f64) std::memcpy(&value, element, sizeof value);
    return value != value;
  }

  static std::vector<Register> operands(const Step& step, const std::vector<Register>& registers) {
    std::vector<Register> found;
    for (const std::size_t from : step.from) found.push_back(registers[from]);
    return found;
  }

  static Register emit(ProgramBuilder& b, const Step& step, const std::vector<Register>& x) {
    switch (step.op) {
      case Op::input:
        return b.input(step.dtype);
      case Op::constant:
        return b.constant_bits(step.dtype, step.value);
      case Op::bits:
        return b.bits(step.dtype, kKey, Index{{step.value == 0 ? 1 : 3, 1}});
      case Op::normal:
        return b.normal(kKey, Index{{step.value == 0 ? 1 : 3, 1}});
      case Op::convert:
        return b.convert(x[0], step.dtype);
      case Op::fma:
        return b.fma(x[0], x[1], x[2]);
      case Op::select:
        return b.select(x[0], x[1], x[2]);
      default:
        return x.size() == 1 ? b.unary(step.op, x[0]) : b.binary(step.op, x[0], x[1]);
    }
  }

  std::size_t volume() const { return static_cast<std::size_t>(shape_[0] * shape_[1]); }

  std::size_t add_input() {
    Step step{.op = Op::input, .dtype = any_type()};
    step.result.resize(volume() * size_of(step.dtype));
    std::uint64_t state = bytes_.word();
    for (std::byte& byte : step.result) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<std::byte>(state >> 56 & (is_bool(step.dtype) ? 1 : 0xFF));
    }
    steps_.push_back(std::move(step));
    return steps_.size() - 1;
  }

  // Runs the instruction alone.
  std::size_t add(Step step) {
    ProgramBuilder builder;
    std::vector<Register> registers;
    std::vector<ConstView> inputs;
    for (const std::size_t from : step.from) {
      registers.push_back(builder.input(steps_[from].dtype));
      inputs.push_back(view_of(steps_[from]));
    }
    const Register result = emit(builder, step, registers);
    step.dtype = result.dtype;
    step.result.resize(volume() * size_of(step.dtype));
    run_program(builder.finish(result), inputs, dense_view(step.result.data(), step.dtype, shape_),
                Parallel::serial());
    steps_.push_back(std::move(step));
    return steps_.size() - 1;
  }

  DType any_type() { return static_cast<DType>(bytes_.below(kDTypeCount)); }
  DType computed(DType dtype, bool bits) const {
    if (dtype == DType::f16) return DType::f32;
    return is_bool(dtype) && !bits ? DType::u8 : dtype;
  }
  static DType real(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

  // One of the latest values, converted where it has another type.
  std::size_t pick(std::optional<DType> dtype) {
    const std::size_t at =
        steps_.size() - 1 - bytes_.below(std::min<std::size_t>(steps_.size(), 5));
    return dtype ? converted(at, *dtype) : at;
  }
  std::size_t converted(std::size_t at, DType dtype) {
    if (steps_[at].dtype == dtype) return at;
    return add({.op = Op::convert, .dtype = dtype, .from = {at}});
  }

  void add_any() {
    const auto op = static_cast<Op>(bytes_.below(static_cast<std::size_t>(Op::select) + 1));
    const std::size_t first = pick({});
    const DType dtype = steps_[first].dtype;
    if (op == Op::input) {
      add_input();
    } else if (op == Op::constant) {
      const DType type = any_type();
      const std::uint64_t word = bytes_.word();
      add({.op = op, .dtype = type, .value = is_bool(type) ? word & 1 : word});
    } else if (op == Op::bits) {
      const DType type = bytes_.below(2) != 0 ? DType::u32 : DType::u64;
      add({.op = op, .dtype = type, .value = bytes_.below(2)});
    } else if (op == Op::normal) {
      add({.op = op, .dtype = DType::f32, .value = bytes_.below(2)});
    } else if (op == Op::convert) {
      converted(first, any_type());
    } else if (op == Op::negate || op == Op::abs) {
      add({.op = op, .dtype = dtype, .from = {converted(first, computed(dtype, false))}});
    } else if (op < Op::add) {
      add({.op = op, .dtype = dtype, .from = {converted(first, real(dtype))}});
    } else if (op == Op::fma) {
      const DType type = real(dtype);
      const std::size_t a = converted(first, type), b = pick(type), c = pick(type);
      add({.op = op, .dtype = type, .from = {a, b, c}});
    } else if (op == Op::select) {
      const std::size_t condition = pick(DType::boolean);
      const DType type = computed(dtype, true);
      const std::size_t a = converted(first, type), b = pick(type);
      add({.op = op, .dtype = type, .from = {condition, a, b}});
    } else {
      const bool of_bits = op >= Op::bit_and && op <= Op::bit_xor;
      DType type = op == Op::atan2 ? real(dtype) : computed(dtype, of_bits);
      if (of_bits && is_float(type)) type = DType::i32;
      const std::size_t a = converted(first, type), b = pick(type);
      add({.op = op, .dtype = type, .from = {a, b}});
    }
  }

  Bytes& bytes_;
  const Shape shape_;
  std::vector<Step> steps_;
};

}  // namespace
}  // namespace varo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  varo::Bytes bytes(data, size);
  const auto rows = static_cast<std::int64_t>(1 + bytes.below(3));
  const auto columns = static_cast<std::int64_t>(1 + bytes.below(200));
  varo::Chain(bytes, varo::Shape{rows, columns}).check();
  return 0;
}

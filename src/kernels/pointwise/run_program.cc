// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <hwy/cache_control.h>

#include "core/dispatch.h"
#include "kernels/pointwise/element.h"
#include "kernels/pointwise/loops.h"
#include "kernels/pointwise/program.h"
#include "kernels/pointwise/walk.h"
#include "kernels/random/random.h"

namespace varo {

namespace {

// A tile's registers take half of a first-level cache of 32 KiB; the rest is for what they are
// loaded from and stored to.
constexpr std::int64_t kRegisterBytes = 16 * 1024;
constexpr std::int64_t kLongestTile = 2048, kShortestTile = 64;
constexpr std::int64_t kBit = 256;  // elements of a slow step between two bits of fetching

// An instruction with what run_program() adds: its loop and its register's place.
struct Step {
  Instruction instruction;
  Loop loop = nullptr;
  const Walker* walker = nullptr;  // of an input or an index
  bool uniform = false;            // computed once, before the tiles
  bool slow = false;               // takes longer than memory
  std::int64_t place = 0;          // bytes before the register, an element of a tile
};

struct Plan {
  const Program* program;
  Walk walk;
  PooledVector<Step> steps;
  std::int64_t lane_bytes = 0;  // all registers, an element of a tile
  std::int64_t tile = 0;
};

// Gives every register a place. Places are used again after the last use of their value, except
// those of uniform values.
void place_registers(Plan& plan) {
  PooledVector<Step>& steps = plan.steps;
  std::vector<std::size_t> last_use(steps.size(), steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i)
    for (const int from : steps[i].instruction.from)
      if (from >= 0) last_use[static_cast<std::size_t>(from)] = i;
  std::vector<std::int64_t> free[9];
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::size_t size = size_of(steps[i].instruction.dtype);
    if (!free[size].empty() && !steps[i].uniform) {
      steps[i].place = free[size].back();
      free[size].pop_back();
    } else {
      steps[i].place = plan.lane_bytes;
      plan.lane_bytes += static_cast<std::int64_t>(size);
    }
    const auto& from = steps[i].instruction.from;
    for (std::size_t k = 0; k < from.size(); ++k) {
      if (from[k] < 0 ||
          std::count(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(k), from[k]) > 0)
        continue;
      const Step& operand = steps[static_cast<std::size_t>(from[k])];
      if (last_use[static_cast<std::size_t>(from[k])] == i && !operand.uniform)
        free[size_of(operand.instruction.dtype)].push_back(operand.place);
    }
  }
}

Plan plan_of(const Program& program, std::span<const ConstView> inputs, const View& out) {
  Plan plan{&program, walk_of(out, inputs, program.indices), {}, 0, 0};
  for (const Instruction& instruction : program.code) {
    Step step{instruction};
    const auto& from = instruction.from;
    const auto type_of = [&](int number) {
      return plan.steps[static_cast<std::size_t>(number)].instruction.dtype;
    };
    if (instruction.op == Op::input) step.walker = &plan.walk.walkers[1 + instruction.value];
    if (instruction.op == Op::bits || instruction.op == Op::normal || instruction.op == Op::poisson)
      step.walker = &plan.walk.walkers[1 + inputs.size() + instruction.value];
    step.uniform = step.walker == nullptr || step.walker->uniform;
    for (const int number : from)
      if (number >= 0)
        step.uniform = step.uniform && plan.steps[static_cast<std::size_t>(number)].uniform;
    if (from[0] >= 0)
      step.loop = find_loop(instruction.op, type_of(from[instruction.op == Op::select ? 1 : 0]),
                            instruction.dtype);
    step.slow = instruction.op == Op::normal || element::is_function(instruction.op);
    plan.steps.push_back(step);
  }
  place_registers(plan);
  const std::int64_t fitting =
      kRegisterBytes / std::max<std::int64_t>(plan.lane_bytes, 1) / kShortestTile * kShortestTile;
  plan.tile = std::clamp(fitting, kShortestTile, kLongestTile);
  return plan;
}

// Where the random numbers of one tile are in their stream.
struct Numbers {
  const Walk& walk;
  const Walker& walker;
  std::int64_t begin, count;

  // Calls range(first, position, length) for consecutive numbers, each(number, position) for
  // others.
  template <class Range, class Each>
  void visit(const Range& range, const Each& each) const {
    std::int64_t first = 0;
    if (consecutive(walk, walker, begin, count, &first)) {
      range(static_cast<std::uint64_t>(first), std::int64_t{0}, count);
      return;
    }
    std::int64_t position = 0;
    for_rows(walk, walker, begin, count,
             [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
               if (step == 1) {
                 range(static_cast<std::uint64_t>(offset), position, length);
               } else {
                 for (std::int64_t i = 0; i < length; ++i)
                   each(static_cast<std::uint64_t>(offset + i * step), position + i);
               }
               position += length;
             });
  }
};

// Fills one register with random numbers: range(first, count, to) makes consecutive ones, one(n)
// a single one.
template <class T, class Range, class One>
void fill_random(const Numbers& numbers, void* register_, const Range& range, const One& one) {
  T* to = static_cast<T*>(register_);
  numbers.visit([&](std::uint64_t first, std::int64_t at,
                    std::int64_t count) { range(first, count, to + at); },
                [&](std::uint64_t n, std::int64_t at) { to[at] = one(n, at); });
}

void run_random(const Instruction& instruction, const Numbers& numbers, const Operands& o) {
  const RandomKey& key = instruction.key;
  if (instruction.op == Op::poisson) {
    const auto* means = static_cast<const double*>(o.from[0]);
    auto* to = static_cast<double*>(o.to);
    const auto one = [&](std::uint64_t n, std::int64_t at) {
      to[at] = random_poisson(key, n, means[at]);
    };
    numbers.visit(
        [&](std::uint64_t first, std::int64_t at, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i)
            one(first + static_cast<std::uint64_t>(i), at + i);
        },
        one);
  } else if (instruction.op == Op::normal) {
    fill_random<float>(
        numbers, o.to,
        [&](auto first, auto count, auto* to) { random_normals(key, first, count, to); },
        [&](auto n, auto) { return random_normal(key, n); });
  } else if (instruction.dtype == DType::u32) {
    fill_random<std::uint32_t>(
        numbers, o.to,
        [&](auto first, auto count, auto* to) { random_words(key, first, count, to); },
        [&](auto n, auto) { return random_word(key, n); });
  } else {
    fill_random<std::uint64_t>(
        numbers, o.to,
        [&](auto first, auto count, auto* to) { random_word_pairs(key, first, count, to); },
        [&](auto n, auto) { return random_word_pair(key, n); });
  }
}

void run_lookup(const std::vector<double>& table, const Operands& o, std::int64_t count) {
  const auto* at = static_cast<const std::int32_t*>(o.from[0]);
  auto* to = static_cast<double*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = table[static_cast<std::size_t>(at[i])];
}

// Memory that a tile will read or write, fetched into the caches a bit at a time.
struct Fetch {
  const std::byte* from;
  std::int64_t size;  // of an element

  void elements(std::int64_t begin, std::int64_t count) const {
    constexpr std::int64_t kLine = 64;
    for (std::int64_t at = begin * size; at < (begin + count) * size; at += kLine)
      hwy::Prefetch(from + at);
  }
};

// Runs the tiles of one piece of the walk.
class Runner {
 public:
  Runner(const Plan& plan, std::byte* registers, std::span<const void*> values)
      : plan_(plan), registers_(registers), values_(values) {}

  void piece(std::int64_t begin, std::int64_t end) {
    const std::int64_t longest = std::min(plan_.tile, end - begin);
    for (std::size_t i = 0; i < plan_.steps.size(); ++i)
      if (plan_.steps[i].uniform) step(i, 0, longest, nullptr);
    for (std::int64_t at = begin; at < end; at += plan_.tile)
      tile(at, std::min(plan_.tile, end - at));
  }

 private:
  void tile(std::int64_t begin, std::int64_t count) {
    const Walker& out = plan_.walk.walkers[0];
    const std::size_t result = plan_.steps.size() - 1,
                      size = size_of(plan_.steps[result].instruction.dtype);
    std::byte* direct = nullptr;
    if (std::int64_t offset = 0; consecutive(plan_.walk, out, begin, count, &offset))
      direct = static_cast<std::byte*>(const_cast<void*>(out.data)) +
               offset * static_cast<std::int64_t>(size);
    fetches_.clear();
    if (direct != nullptr) fetches_.push_back({direct, static_cast<std::int64_t>(size)});
    for (std::size_t i = 0; i < plan_.steps.size(); ++i)
      if (!plan_.steps[i].uniform) step(i, begin, count, i == result ? direct : nullptr);
    if (values_[result] == direct) return;
    if (direct != nullptr) {
      std::memcpy(direct, values_[result], static_cast<std::size_t>(count) * size);
      return;
    }
    dispatch_width(plan_.steps[result].instruction.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      scatter(plan_.walk, out, begin, count, static_cast<const T*>(values_[result]));
    });
  }

  // Computes one register for a tile, into `place` if there is one.
  void step(std::size_t i, std::int64_t begin, std::int64_t count, void* place) {
    const Step& step = plan_.steps[i];
    const Instruction& instruction = step.instruction;
    if (place == nullptr) place = registers_ + step.place * plan_.tile;
    values_[i] = place;
    Operands o{place, {}};
    for (std::size_t k = 0; k < 3; ++k)
      if (instruction.from[k] >= 0)
        o.from[k] = values_[static_cast<std::size_t>(instruction.from[k])];
    switch (instruction.op) {
      case Op::input:
        return input(i, begin, count, place);
      case Op::constant:
        dispatch_width(instruction.dtype, [&](auto tag) {
          using T = typename decltype(tag)::type;
          std::fill_n(static_cast<T*>(place), count, static_cast<T>(instruction.value));
        });
        return;
      case Op::lookup:
        return run_lookup(plan_.program->tables[instruction.value], o, count);
      default:
        if (step.slow && i + 1 < plan_.steps.size() && !fetches_.empty())
          return slow_step(step, begin, count, o);
        return compute(step, begin, count, o);
    }
  }

  void compute(const Step& step, std::int64_t begin, std::int64_t count, const Operands& o) {
    if (step.loop != nullptr) return step.loop(o, count);
    run_random(step.instruction, {plan_.walk, *step.walker, begin, count}, o);
  }

  // A slow step bit by bit; between them the caches are told what other steps will read and write.
  // Those would each wait for the memory of a whole tile.
  void slow_step(const Step& step, std::int64_t begin, std::int64_t count, const Operands& whole) {
    // Random numbers are made in groups: bits that begin inside one would make some twice.
    std::int64_t first = 0;
    const bool whole_groups =
        step.walker == nullptr ||
        (consecutive(plan_.walk, *step.walker, begin, count, &first) && first % kBit == 0);
    const std::int64_t bit = whole_groups ? kBit : count;
    const auto& from = step.instruction.from;
    for (std::int64_t at = 0; at < count; at += bit) {
      const std::int64_t n = std::min(bit, count - at);
      for (const Fetch& fetch : fetches_) fetch.elements(at, n);
      Operands o{moved(whole.to, step, at), {}};
      for (std::size_t k = 0; k < 3; ++k)
        if (from[k] >= 0)
          o.from[k] = moved(const_cast<void*>(whole.from[k]),
                            plan_.steps[static_cast<std::size_t>(from[k])], at);
      compute(step, begin + at, n, o);
    }
    fetches_.clear();
  }

  static void* moved(void* place, const Step& step, std::int64_t elements) {
    return static_cast<std::byte*>(place) +
           elements * static_cast<std::int64_t>(size_of(step.instruction.dtype));
  }

  void input(std::size_t i, std::int64_t begin, std::int64_t count, void* place) {
    const Step& step = plan_.steps[i];
    const std::size_t size = size_of(step.instruction.dtype);
    std::int64_t offset = 0;
    if (!step.uniform && consecutive(plan_.walk, *step.walker, begin, count, &offset)) {
      const std::byte* from = static_cast<const std::byte*>(step.walker->data) +
                              offset * static_cast<std::int64_t>(size);
      values_[i] = from;
      // The tile after this one; fetching past the end does no harm.
      fetches_.push_back(
          {from + count * static_cast<std::int64_t>(size), static_cast<std::int64_t>(size)});
      return;
    }
    dispatch_width(step.instruction.dtype, [&](auto tag) {
      gather(plan_.walk, *step.walker, begin, count,
             static_cast<typename decltype(tag)::type*>(place));
    });
  }

  std::vector<Fetch> fetches_;  // for the tile at work
  const Plan& plan_;
  std::byte* registers_;
  std::span<const void*> values_;  // where each register's value is, for the tile at work
};

}  // namespace

void run_program(const Program& program, std::span<const ConstView> inputs, const View& out,
                 Parallel& parallel, const FunctionRef<void(std::int64_t)>* after) {
  const std::int64_t volume = out.volume();
  if (volume == 0) return;
  const Plan plan = plan_of(program, inputs, out);
  parallel_for(parallel, volume, kProgramPiece, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte registers[kRegisterBytes];
    std::vector<const void*> values(plan.steps.size());
    if (plan.lane_bytes * plan.tile <= kRegisterBytes) {
      Runner(plan, registers, values).piece(begin, end);
    } else {
      PooledVector<std::byte> more(static_cast<std::size_t>(plan.lane_bytes * plan.tile) + 64);
      auto at = reinterpret_cast<std::uintptr_t>(more.data());
      Runner(plan, more.data() + (64 - at % 64), values).piece(begin, end);
    }
    if (after != nullptr) (*after)(begin / kProgramPiece);
  });
}

}  // namespace varo

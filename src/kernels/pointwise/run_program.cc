// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/dispatch.h"
#include "kernels/pointwise/loops.h"
#include "kernels/pointwise/program.h"
#include "kernels/random/random.h"

namespace varo {

namespace {

constexpr std::int64_t kPiece = std::int64_t{1} << 16;  // elements a task
constexpr std::int64_t kRegisterBytes = 32 * 1024;
constexpr std::int64_t kLongestTile = 2048, kShortestTile = 64;

// Something that is walked along with the output: an input, an index, or the output itself.
struct Walker {
  const void* data = nullptr;
  std::int64_t stride[kMaxRank] = {};
  bool dense = false;    // consecutive in the order of the walk
  bool uniform = false;  // the same everywhere
};

// The output's axes from the longest stride to the shortest, neighbours merged where every walker
// allows it.
struct Walk {
  int rank = 0;
  std::int64_t extent[kMaxRank] = {};
  std::vector<Walker> walkers;
};

Walk walk_of(const View& out, std::span<const ConstView> inputs, std::span<const Index> indices) {
  std::vector<const Strides*> strides = {&out.strides};
  for (const ConstView& input : inputs) strides.push_back(&input.strides);
  for (const Index& index : indices) strides.push_back(&index.strides);
  Walk walk;
  walk.walkers.resize(strides.size());
  walk.walkers[0].data = out.data;
  for (std::size_t i = 0; i < inputs.size(); ++i) walk.walkers[i + 1].data = inputs[i].data;
  int order[kMaxRank];
  int axes = 0;
  for (int i = 0; i < out.rank(); ++i)
    if (out.shape[i] != 1) order[axes++] = i;
  std::stable_sort(order, order + axes, [&](int a, int b) {
    return std::abs(out.strides[a]) > std::abs(out.strides[b]);
  });
  for (int k = 0; k < axes; ++k) {
    const int axis = order[k];
    bool merges = walk.rank > 0;
    for (std::size_t w = 0; merges && w < strides.size(); ++w)
      merges = walk.walkers[w].stride[walk.rank - 1] == (*strides[w])[axis] * out.shape[axis];
    if (!merges) walk.extent[walk.rank++] = 1;
    walk.extent[walk.rank - 1] *= out.shape[axis];
    for (std::size_t w = 0; w < strides.size(); ++w)
      walk.walkers[w].stride[walk.rank - 1] = (*strides[w])[axis];
  }
  if (walk.rank == 0) walk.extent[walk.rank++] = 1;
  for (Walker& walker : walk.walkers) {
    walker.dense = walker.uniform = true;
    std::int64_t expected = 1;
    for (int i = walk.rank - 1; i >= 0; --i) {
      if (walk.extent[i] == 1) continue;
      if (walker.stride[i] != expected) walker.dense = false;
      if (walker.stride[i] != 0) walker.uniform = false;
      expected *= walk.extent[i];
    }
  }
  return walk;
}

// Where one walker stands for `count` elements of the walk from `begin` on: rows of equal steps.
// Calls row(offset, step, length) for each.
template <class Row>
void for_rows(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count,
              const Row& row) {
  std::int64_t at[kMaxRank];
  std::int64_t rest = begin, offset = 0;
  for (int i = walk.rank - 1; i >= 0; --i) {
    at[i] = rest % walk.extent[i];
    rest /= walk.extent[i];
    offset += at[i] * walker.stride[i];
  }
  const int last = walk.rank - 1;
  while (true) {
    const std::int64_t length = std::min(walk.extent[last] - at[last], count);
    row(offset, walker.stride[last], length);
    count -= length;
    if (count == 0) return;
    offset -= at[last] * walker.stride[last];
    at[last] = 0;
    for (int i = last - 1; i >= 0; --i) {
      offset += walker.stride[i];
      if (++at[i] < walk.extent[i]) break;
      offset -= walk.extent[i] * walker.stride[i];
      at[i] = 0;
    }
  }
}

// The offset of the first of `count` elements if they are consecutive for this walker, else -1.
bool consecutive(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count,
                 std::int64_t* offset) {
  if (walker.dense) {
    *offset = begin;
    return true;
  }
  const std::int64_t length = walk.extent[walk.rank - 1];
  if (begin % length + count > length || (walker.stride[walk.rank - 1] != 1 && count != 1))
    return false;
  for_rows(walk, walker, begin, count,
           [&](std::int64_t at, std::int64_t, std::int64_t) { *offset = at; });
  return true;
}

template <class T>
void gather(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count, T* to) {
  const T* data = static_cast<const T*>(walker.data);
  for_rows(walk, walker, begin, count,
           [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
             const T* from = data + offset;
             if (step == 1) {
               std::memcpy(to, from, static_cast<std::size_t>(length) * sizeof(T));
             } else if (step == 0) {
               std::fill_n(to, length, *from);
             } else {
               for (std::int64_t i = 0; i < length; ++i) to[i] = from[i * step];
             }
             to += length;
           });
}

template <class T>
void scatter(const Walk& walk, const Walker& walker, std::int64_t begin, std::int64_t count,
             const T* from) {
  T* data = static_cast<T*>(const_cast<void*>(walker.data));
  for_rows(walk, walker, begin, count,
           [&](std::int64_t offset, std::int64_t step, std::int64_t length) {
             T* to = data + offset;
             for (std::int64_t i = 0; i < length; ++i) to[i * step] = from[i];
             from += length;
           });
}

// An instruction with what run_program() adds: its loop and its register's place.
struct Step {
  Instruction instruction;
  Loop loop = nullptr;
  const Walker* walker = nullptr;  // of an input or an index
  bool uniform = false;            // computed once, before the tiles
  std::int64_t place = 0;          // bytes before the register, an element of a tile
};

struct Plan {
  const Program* program;
  Walk walk;
  std::vector<Step> steps;
  std::int64_t lane_bytes = 0;  // all registers, an element of a tile
  std::int64_t tile = 0;
};

// Gives every register a place. Places are used again after the last use of their value, except
// those of uniform values.
void place_registers(Plan& plan) {
  std::vector<Step>& steps = plan.steps;
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

std::uint64_t two_words(const RandomKey& key, std::uint64_t index) {
  const PhiloxBlock b = key.block(index / 2);
  const std::size_t at = index % 2 * 2;
  return (std::uint64_t{b[at]} << 32) | b[at + 1];
}

void run_random(const Instruction& instruction, const Numbers& numbers, const Operands& o) {
  const RandomKey& key = instruction.key;
  if (instruction.op == Op::poisson) {
    auto* to = static_cast<double*>(o.to);
    const auto* mean = static_cast<const double*>(o.from[0]);
    const auto each = [&](std::uint64_t n, std::int64_t i) {
      to[i] = random_poisson(key, n, mean[i]);
    };
    numbers.visit(
        [&](std::uint64_t first, std::int64_t at, std::int64_t length) {
          for (std::int64_t i = 0; i < length; ++i)
            each(first + static_cast<std::uint64_t>(i), at + i);
        },
        each);
  } else if (instruction.op == Op::normal) {
    auto* to = static_cast<float*>(o.to);
    numbers.visit([&](std::uint64_t first, std::int64_t at,
                      std::int64_t length) { random_normals(key, first, length, to + at); },
                  [&](std::uint64_t n, std::int64_t i) { to[i] = random_normal(key, n); });
  } else if (instruction.dtype == DType::u32) {
    auto* to = static_cast<std::uint32_t*>(o.to);
    numbers.visit([&](std::uint64_t first, std::int64_t at,
                      std::int64_t length) { random_words(key, first, length, to + at); },
                  [&](std::uint64_t n, std::int64_t i) { to[i] = random_word(key, n); });
  } else {
    auto* to = static_cast<std::uint64_t*>(o.to);
    const auto each = [&](std::uint64_t n, std::int64_t i) { to[i] = two_words(key, n); };
    numbers.visit(
        [&](std::uint64_t first, std::int64_t at, std::int64_t length) {
          for (std::int64_t i = 0; i < length; ++i)
            each(first + static_cast<std::uint64_t>(i), at + i);
        },
        each);
  }
}

void run_lookup(const std::vector<double>& table, const Operands& o, std::int64_t count) {
  const auto* at = static_cast<const std::int32_t*>(o.from[0]);
  auto* to = static_cast<double*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = table[static_cast<std::size_t>(at[i])];
}

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
      case Op::bits:
      case Op::normal:
      case Op::poisson:
        return run_random(instruction, {plan_.walk, *step.walker, begin, count}, o);
      case Op::lookup:
        return run_lookup(plan_.program->tables[instruction.value], o, count);
      default:
        return step.loop(o, count);
    }
  }

  void input(std::size_t i, std::int64_t begin, std::int64_t count, void* place) {
    const Step& step = plan_.steps[i];
    const std::size_t size = size_of(step.instruction.dtype);
    std::int64_t offset = 0;
    if (!step.uniform && consecutive(plan_.walk, *step.walker, begin, count, &offset)) {
      values_[i] = static_cast<const std::byte*>(step.walker->data) +
                   offset * static_cast<std::int64_t>(size);
      return;
    }
    dispatch_width(step.instruction.dtype, [&](auto tag) {
      gather(plan_.walk, *step.walker, begin, count,
             static_cast<typename decltype(tag)::type*>(place));
    });
  }

  const Plan& plan_;
  std::byte* registers_;
  std::span<const void*> values_;  // where each register's value is, for the tile at work
};

}  // namespace

void run_program(const Program& program, std::span<const ConstView> inputs, const View& out,
                 Parallel& parallel) {
  const std::int64_t volume = out.volume();
  if (volume == 0) return;
  const Plan plan = plan_of(program, inputs, out);
  parallel_for(parallel, volume, kPiece, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte registers[kRegisterBytes];
    std::vector<const void*> values(plan.steps.size());
    if (plan.lane_bytes * plan.tile <= kRegisterBytes) {
      Runner(plan, registers, values).piece(begin, end);
    } else {
      std::vector<std::byte> more(static_cast<std::size_t>(plan.lane_bytes * plan.tile) + 64);
      auto at = reinterpret_cast<std::uintptr_t>(more.data());
      Runner(plan, more.data() + (64 - at % 64), values).piece(begin, end);
    }
  });
}

}  // namespace varo

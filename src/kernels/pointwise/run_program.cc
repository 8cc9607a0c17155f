// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <hwy/cache_control.h>

#include "core/dispatch.h"
#include "kernels/pointwise/byte_table.h"
#include "kernels/pointwise/program.h"
#include "kernels/pointwise/program_plan.h"
#include "kernels/random/random.h"

namespace varo {

namespace {

// A tile's registers take half of a first-level cache of 32 KiB; the rest is for what they are
// loaded from and stored to.
constexpr std::int64_t kRegisterBytes = 16 * 1024;
constexpr std::int64_t kLongestTile = 2048, kShortestTile = 64;
constexpr std::int64_t kBit = 256;  // elements of a slow step between two bits of fetching

std::int64_t tile_of(const ProgramPlan& plan) {
  const std::int64_t fitting =
      kRegisterBytes / std::max<std::int64_t>(plan.lane_bytes, 1) / kShortestTile * kShortestTile;
  return std::clamp(fitting, kShortestTile, kLongestTile);
}

// Where the random numbers of one tile are in their stream.
struct Numbers {
  const Walker& walker;
  std::int64_t begin, count;

  // Calls range(first, position, length) for consecutive numbers, each(number, position) for
  // others.
  template <class Range, class Each>
  void visit(const Range& range, const Each& each) const {
    std::int64_t first = 0;
    if (consecutive(walker, begin, count, &first)) {
      range(static_cast<std::uint64_t>(first), std::int64_t{0}, count);
      return;
    }
    std::int64_t position = 0;
    for_rows(walker, begin, count,
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
    numbers.visit(
        [&](std::uint64_t first, std::int64_t at, std::int64_t count) {
          random_poissons(key, first, count, means + at, to + at);
        },
        [&](std::uint64_t n, std::int64_t at) { to[at] = random_poisson(key, n, means[at]); });
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

void compute(const ProgramPlan& plan, const Step& step, std::int64_t begin, std::int64_t count,
             const Operands& o) {
  if (step.loop != nullptr) return step.loop(o, count);
  if (step.instruction.op == Op::lookup)
    return run_lookup(plan.program->tables[step.instruction.value], o, count);
  run_random(step.instruction, {*step.walker, begin, count}, o);
}

// Values of what is the same everywhere; links that read them.
void compute_constants(ProgramPlan& plan) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    const Instruction& instruction = step.instruction;
    if (!step.uniform) continue;
    std::uint64_t& value = plan.constants[i];
    if (instruction.op == Op::constant) {
      value = instruction.value;
    } else if (instruction.op == Op::input) {
      std::memcpy(&value, step.walker->data, size_of(instruction.dtype));
    } else {
      Operands o{&value, {}};
      for (std::size_t k = 0; k < 3; ++k)
        if (instruction.from[k] >= 0)
          o.from[k] = &plan.constants[static_cast<std::size_t>(instruction.from[k])];
      compute(plan, step, 0, 1, o);
    }
  }
  for (std::size_t k = 0; k < plan.links.size(); ++k) {
    const int operand = plan.link_operands[k];
    if (operand < 0 || !plan.links[k].uniform) continue;
    std::memcpy(&plan.links[k].value, &plan.constants[static_cast<std::size_t>(operand)],
                sizeof(float));
    plan.link_operands[k] = -1;
  }
}

// Memory that a tile will read or write, fetched into the caches a bit at a time.
struct Fetch {
  const void* from;
  std::int64_t size;  // of an element

  void elements(std::int64_t begin, std::int64_t count) const {
    constexpr std::int64_t kLine = 64;
    for (std::int64_t at = begin * size; at < (begin + count) * size; at += kLine)
      hwy::Prefetch(static_cast<const std::byte*>(from) + at);
  }
};

// Runs the tiles of one piece of the walk.
class Runner {
 public:
  Runner(const ProgramPlan& plan, std::int64_t tile, std::byte* registers, bool past_caches)
      : plan_(plan),
        tile_(tile),
        past_caches_(past_caches),
        registers_(registers),
        values_(plan.steps.size()),
        repeated_(plan.steps.size(), false),
        links_(plan.links) {}

  void piece(std::int64_t begin, std::int64_t end) {
    const std::int64_t longest = std::min(tile_, end - begin);
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& step = plan_.steps[i];
      if (!step.wide) continue;
      std::byte* const place = registers_ + step.place * tile_;
      dispatch_width(step.instruction.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::fill_n(reinterpret_cast<T*>(place), longest, static_cast<T>(plan_.constants[i]));
      });
      values_[i] = place;
    }
    for (std::int64_t at = begin; at < end; at += tile_) tile(at, std::min(tile_, end - at));
  }

 private:
  void tile(std::int64_t begin, std::int64_t count) {
    const Walker& out = plan_.walkers[0];
    const std::size_t result = plan_.steps.size() - 1,
                      size = size_of(plan_.steps[result].instruction.dtype);
    void* direct = nullptr;
    if (std::int64_t offset = 0; consecutive(out, begin, count, &offset))
      direct = advanced(const_cast<void*>(out.data), offset, plan_.steps[result].instruction.dtype);
    if (past_caches_) direct = nullptr;
    fetches_.clear();
    if (direct != nullptr) fetches_.push_back({direct, static_cast<std::int64_t>(size)});
    for (std::size_t i = 0; i < plan_.steps.size(); ++i)
      if (!plan_.steps[i].uniform && !plan_.steps[i].inner)
        step(i, begin, count, i == result ? direct : nullptr);
    if (values_[result] == direct) return;
    if (direct != nullptr) {
      std::memcpy(direct, values_[result], static_cast<std::size_t>(count) * size);
      return;
    }
    dispatch_width(plan_.steps[result].instruction.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      scatter(out, begin, count, static_cast<const T*>(values_[result]), past_caches_);
    });
  }

  // Computes one register for a tile, into `place` if there is one.
  void step(std::size_t i, std::int64_t begin, std::int64_t count, void* place) {
    const Step& step = plan_.steps[i];
    const Instruction& instruction = step.instruction;
    if (place == nullptr) place = registers_ + step.place * tile_;
    values_[i] = place;
    if (instruction.op == Op::input) return input(i, begin, count, place);
    if (step.head >= 0) return chain(step, count, place);
    Operands o{place, {}};
    for (std::size_t k = 0; k < 3; ++k)
      if (instruction.from[k] >= 0)
        o.from[k] = values_[static_cast<std::size_t>(instruction.from[k])];
    if (step.slow && i + 1 < plan_.steps.size() && !fetches_.empty())
      return slow_step(step, begin, count, o);
    compute(plan_, step, begin, count, o);
  }

  void chain(const Step& step, std::int64_t count, void* place) {
    for (std::size_t k = step.first_link; k < step.last_link; ++k) {
      if (plan_.link_operands[k] < 0) continue;
      const auto operand = static_cast<std::size_t>(plan_.link_operands[k]);
      links_[k].uniform = repeated_[operand];
      links_[k].elements = static_cast<const float*>(values_[operand]);
      if (repeated_[operand]) links_[k].value = *links_[k].elements;
    }
    run_chain(static_cast<const float*>(values_[static_cast<std::size_t>(step.head)]),
              static_cast<float*>(place), count,
              std::span(links_).subspan(step.first_link, step.last_link - step.first_link));
  }

  // A slow step bit by bit; between them the caches are told what other steps will read and write.
  // Those would each wait for the memory of a whole tile.
  void slow_step(const Step& step, std::int64_t begin, std::int64_t count, const Operands& whole) {
    // Random numbers are made in groups: bits that begin inside one would make some twice.
    std::int64_t first = 0;
    const bool whole_groups =
        step.walker == nullptr ||
        (consecutive(*step.walker, begin, count, &first) && first % kBit == 0);
    const std::int64_t bit = whole_groups ? kBit : count;
    const auto& from = step.instruction.from;
    for (std::int64_t at = 0; at < count; at += bit) {
      const std::int64_t n = std::min(bit, count - at);
      for (const Fetch& fetch : fetches_) fetch.elements(at, n);
      Operands o{advanced(whole.to, at, step.instruction.dtype), {}};
      for (std::size_t k = 0; k < 3; ++k)
        if (from[k] >= 0)
          o.from[k] = advanced(whole.from[k], at,
                               plan_.steps[static_cast<std::size_t>(from[k])].instruction.dtype);
      compute(plan_, step, begin + at, n, o);
    }
    fetches_.clear();
  }

  void input(std::size_t i, std::int64_t begin, std::int64_t count, void* place) {
    const Step& step = plan_.steps[i];
    const DType dtype = step.instruction.dtype;
    std::int64_t offset = 0;
    repeated_[i] = step.linked && repeats_one(*step.walker, begin, count, &offset);
    if (repeated_[i]) {
      values_[i] = static_cast<const float*>(step.walker->data) + offset;
      return;
    }
    if (consecutive(*step.walker, begin, count, &offset)) {
      values_[i] = advanced(step.walker->data, offset, dtype);
      // The tile after this one; fetching past the end does no harm.
      fetches_.push_back(
          {advanced(values_[i], count, dtype), static_cast<std::int64_t>(size_of(dtype))});
      return;
    }
    dispatch_width(dtype, [&](auto tag) {
      gather(*step.walker, begin, count, static_cast<typename decltype(tag)::type*>(place));
    });
  }

  const ProgramPlan& plan_;
  std::int64_t tile_;
  bool past_caches_;
  std::byte* registers_;
  std::vector<const void*> values_;  // where each register's value is, for the tile at work
  std::vector<bool> repeated_;       // one element, all over the tile at work
  PooledVector<Link> links_;
  std::vector<Fetch> fetches_;  // for the tile at work
};

}  // namespace

void run_program(const Program& program, std::span<const ConstView> inputs, const View& out,
                 Parallel& parallel, const FunctionRef<void(std::int64_t)>* after,
                 bool past_caches) {
  const std::int64_t volume = out.volume();
  if (volume == 0) return;
  ProgramPlan plan = plan_program(program, inputs, out);
  compute_constants(plan);
  if (volume == 1) {
    std::memcpy(out.data, &plan.constants.back(), size_of(out.dtype));
    if (after != nullptr) (*after)(0);
    return;
  }
  if (const auto decides = byte_that_decides(plan, volume))
    return run_by_table(plan, *decides, inputs, out, parallel, after, past_caches);
  const std::int64_t tile = tile_of(plan), bytes = plan.lane_bytes * tile;
  parallel_for(parallel, volume, kProgramPiece, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte registers[kRegisterBytes];
    if (bytes <= kRegisterBytes) {
      Runner(plan, tile, registers, past_caches).piece(begin, end);
    } else {
      PooledVector<std::byte> more(static_cast<std::size_t>(bytes) + 64);
      auto at = reinterpret_cast<std::uintptr_t>(more.data());
      Runner(plan, tile, more.data() + (64 - at % 64), past_caches).piece(begin, end);
    }
    if (past_caches) hwy::FlushStream();
    if (after != nullptr) (*after)(begin / kProgramPiece);
  });
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/program_plan.h"

#include <algorithm>
#include <vector>

#include "kernels/pointwise/element.h"

namespace varo {

namespace {

std::size_t at(int number) { return static_cast<std::size_t>(number); }

bool addresses_numbers(Op op) { return op == Op::bits || op == Op::normal || op == Op::poisson; }

void add_steps(ProgramPlan& plan, std::size_t inputs) {
  for (const Instruction& instruction : plan.program->code) {
    Step step{instruction};
    const auto& from = instruction.from;
    if (instruction.op == Op::input) step.walker = &plan.walkers[1 + instruction.value];
    if (addresses_numbers(instruction.op))
      step.walker = &plan.walkers[1 + inputs + instruction.value];
    step.uniform = step.walker == nullptr || step.walker->uniform;
    for (const int number : from)
      if (number >= 0) step.uniform = step.uniform && plan.steps[at(number)].uniform;
    if (from[0] >= 0) {
      const int typed = from[instruction.op == Op::select ? 1 : 0];
      step.loop =
          find_loop(instruction.op, plan.steps[at(typed)].instruction.dtype, instruction.dtype);
    }
    step.slow = instruction.op == Op::normal || instruction.op == Op::poisson ||
                element::is_function(instruction.op);
    plan.steps.push_back(step);
  }
}

// Puts instructions on a running value together, where nobody else reads it in between. Links of a
// chain lie in a row, so chains are found from their ends.
void find_chains(ProgramPlan& plan) {
  PooledVector<Step>& steps = plan.steps;
  std::vector<int> uses(steps.size(), 0);
  for (const Step& step : steps)
    for (const int from : step.instruction.from)
      if (from >= 0) ++uses[at(from)];
  const auto links = [&](std::size_t i) {
    const Step& step = steps[i];
    return !step.uniform && step.instruction.dtype == DType::f32 &&
           link_of(step.instruction.op, 0).has_value();
  };
  for (std::size_t last = steps.size(); last-- > 0;) {
    if (steps[last].inner || !links(last)) continue;
    steps[last].first_link = plan.links.size();
    for (std::size_t i = last;;) {
      const auto& from = steps[i].instruction.from;
      const auto goes_on = [&](int number) {
        return number >= 0 && uses[at(number)] == 1 && links(at(number));
      };
      int running = from[1] >= 0 && steps[at(from[0])].uniform ? 1 : 0;
      const bool inner = goes_on(from[0]) || goes_on(from[1]);
      // Of two that could go on, the later one.
      if (inner) running = goes_on(from[1]) ? 1 : 0;
      const int other = from[at(1 - running)];
      plan.links.push_back({.op = *link_of(steps[i].instruction.op, running),
                            .uniform = other < 0 || steps[at(other)].uniform});
      plan.link_operands.push_back(other);
      if (!inner) {
        steps[last].head = from[at(running)];
        break;
      }
      i = at(from[at(running)]);
      steps[i].inner = true;
    }
    steps[last].last_link = plan.links.size();
    const auto begin = static_cast<std::ptrdiff_t>(steps[last].first_link);
    std::reverse(plan.links.begin() + begin, plan.links.end());
    std::reverse(plan.link_operands.begin() + begin, plan.link_operands.end());
  }
}

// The numbers of what a step reads when it runs.
template <class Body>
void for_operands(const ProgramPlan& plan, const Step& step, const Body& body) {
  if (step.inner) return;
  if (step.head < 0) {
    for (const int from : step.instruction.from)
      if (from >= 0) body(from);
    return;
  }
  body(step.head);
  for (std::size_t k = step.first_link; k < step.last_link; ++k)
    if (plan.link_operands[k] >= 0) body(plan.link_operands[k]);
}

// Uniform values are read once by others like them and by links; the rest reads registers.
void find_wide(ProgramPlan& plan) {
  plan.steps.back().wide = plan.steps.back().uniform;
  for (const Step& step : plan.steps)
    if (!step.uniform && step.head < 0)
      for_operands(plan, step, [&](int number) {
        plan.steps[at(number)].wide = plan.steps[at(number)].uniform;
      });
}

// Marks inputs that are links' operands and nothing else: where such an input is the same all over a
// tile, a row's factor say, its links need no elements.
void find_linked(ProgramPlan& plan) {
  for (Step& step : plan.steps)
    step.linked = step.instruction.op == Op::input && step.instruction.dtype == DType::f32;
  for (const Step& step : plan.steps) {
    if (step.inner) continue;
    if (step.head >= 0) plan.steps[at(step.head)].linked = false;
    if (step.head < 0)
      for (const int from : step.instruction.from)
        if (from >= 0) plan.steps[at(from)].linked = false;
  }
  plan.steps.back().linked = false;
}

// Gives every register a place. Places are used again after the last use of their value, except
// those of uniform values.
void place_registers(ProgramPlan& plan) {
  PooledVector<Step>& steps = plan.steps;
  std::vector<std::size_t> last_use(steps.size(), steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i)
    for_operands(plan, steps[i], [&](int number) { last_use[at(number)] = i; });
  std::vector<std::int64_t> free[9];
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Step& step = steps[i];
    if (step.inner || (step.uniform && !step.wide)) continue;
    const std::size_t size = size_of(step.instruction.dtype);
    if (!free[size].empty() && !step.uniform) {
      step.place = free[size].back();
      free[size].pop_back();
    } else {
      step.place = plan.lane_bytes;
      plan.lane_bytes += static_cast<std::int64_t>(size);
    }
    for (std::size_t k = 0; k < i; ++k)
      if (last_use[k] == i && !steps[k].uniform)
        free[size_of(steps[k].instruction.dtype)].push_back(steps[k].place);
  }
}

}  // namespace

ProgramPlan plan_program(const Program& program, std::span<const ConstView> inputs,
                         const View& out) {
  ProgramPlan plan{.program = &program, .walkers = walkers_of(out, inputs, program.indices)};
  add_steps(plan, inputs.size());
  find_chains(plan);
  find_wide(plan);
  find_linked(plan);
  place_registers(plan);
  plan.constants.resize(plan.steps.size());
  return plan;
}

}  // namespace varo

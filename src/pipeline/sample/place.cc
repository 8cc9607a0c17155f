// SPDX-License-Identifier: Apache-2.0
// Output placement: values are computed in the place of an output that is a view of them.
#include <cmath>

#include "pipeline/sample/placement.h"
#include "pipeline/sample/sample_plan.h"

namespace varo {

namespace {

// A stand-in for a value of which only the shape counts. Nobody reads its elements.
Tensor stand_in(const View& view, const Layout& layout) {
  static const auto kNobody = std::make_shared<int>();
  return Tensor::wrap(view, kNobody, layout);
}

// The last axis that has more than one element.
std::int64_t innermost_stride(const View& v) {
  for (int i = v.rank() - 1; i >= 0; --i)
    if (v.shape[i] != 1) return v.strides[i];
  return 1;
}

// Whether elements in row-major order lie at rising addresses, those of a row side by side.
bool in_row_major_order(const View& v) {
  std::int64_t least = 1;
  for (int i = v.rank() - 1; i >= 0; --i) {
    if (v.shape[i] == 1) continue;
    if (v.strides[i] < least) return false;
    least = v.strides[i] * v.shape[i];
  }
  return innermost_stride(v) == 1;
}

}  // namespace

std::optional<SamplePlan::Trial> SamplePlan::try_view(int id,
                                                      const std::optional<Tensor>& given) const {
  const PlanNode& node = plan_[id];
  const NodeState& state = at(id);
  const std::optional<int> input = node.op->view_of(state.facts);
  if (!input || *input == Operator::kNoInput) return std::nullopt;
  const Node from = node.graph.inputs[static_cast<std::size_t>(*input)];
  if (planned(from.id)) return std::nullopt;
  const Spec& spec = specs_of(from.id)[static_cast<std::size_t>(from.output)];
  Trial trial{
      *input,
      given ? *given
            : stand_in({kOrigin, spec.dtype, spec.shape, dense_strides(spec.shape)}, spec.layout),
      {}};
  Views views{state.facts, trial.seen, {&trial.result, 1}};
  if (!node.op->resolve(views) || trial.result.deferred() || trial.result.padded())
    return std::nullopt;
  return trial;
}

std::optional<SamplePlan::Aim> SamplePlan::aim_of_source(int id, const View& place) const {
  const PlanNode& node = plan_[id];
  if (node.graph.inputs.empty() || node.graph.outputs != 1) return std::nullopt;
  std::optional<Aim> aim;
  in_context(id, [&] {
    const auto dense = try_view(id, std::nullopt);
    if (!dense) return;
    const auto view = place_of_source(dense->result.view(), dense->seen.view(), place);
    if (!view) return;
    // Whether the value is the place then is for resolve() to say.
    const auto placed = try_view(id, stand_in(*view, dense->seen.layout()));
    if (placed && same_elements(placed->result.view(), place))
      aim = Aim{node.graph.inputs[static_cast<std::size_t>(dense->input)], *view};
  });
  return aim;
}

bool SamplePlan::aim(Node node, Place place) {
  while (true) {
    if (!specs(node.id)) return false;
    if (planned(node.id)) return true;
    at(node.id).has_places = true;
    at(node.id).places[static_cast<std::size_t>(node.output)] = place;
    if (!rules_.placement) return true;
    if (!decide(node.id)) return false;
    const auto next = aim_of_source(node.id, place.view);
    if (!next) return true;
    // Whoever else reads this view must find strides that do not depend on where its source is.
    if (live_.consumers(node.id) > 1 && !is_dense(next->place)) return true;
    node = next->node;
    place.view = next->place;
  }
}

bool SamplePlan::deliver(Node node, const Place& place, bool& in_place) {
  if (!aim(node, place) || !value(node)) return false;
  const Tensor& value = result(node);
  const int buffer = buffer_of(place.keep);
  in_place = !value.deferred() && !value.padded() && buffer_of(value) == buffer &&
             same_elements(value.view(), place.view);
  if (in_place) return true;
  const Operand to{unpadded(place.view), buffer, place.keep};
  if (value.deferred() && value.landing(place.view)) {
    std::unique_ptr<Step> step = step_for(node.id, Step::Kind::read);
    step->deferred = value;
    step->out.push_back(to);
    step->out[0].view = unpadded(*value.landing(place.view));
    append(std::move(step));
    return true;
  }
  if (value.deferred()) {
    Tensor read = plan_read(node.id, value);
    std::unique_ptr<Step> step = step_for(node.id, Step::Kind::copy);
    step->in.push_back(operand_of(read));
    step->out.push_back(to);
    step->streams = place.leaves;
    append(std::move(step));
    let_go(read);
  } else {
    std::unique_ptr<Step> step = step_for(node.id, Step::Kind::copy);
    step->in.push_back(operand_of(value));
    step->out.push_back(to);
    step->streams = place.leaves;
    append(std::move(step));
  }
  ++copies_planned_;
  return true;
}

bool SamplePlan::can_hold(int id, const View& place) const {
  if (in_row_major_order(place)) return true;
  // What others read must look as it would without the place: some sum in the order of memory.
  const PlanNode& node = plan_[id];
  if (live_.consumers(id) > 1) return false;
  if (node.graph.def->traits().moves_only) return true;
  // Rows that run backwards suit only those that do not mind, other orders nobody else.
  View forwards = place;
  for (int i = 0; i < place.rank(); ++i) forwards.strides[i] = std::abs(place.strides[i]);
  return in_row_major_order(forwards) && (node.pointwise != nullptr || innermost_stride(place) > 0);
}

void SamplePlan::make_results(int id) {
  constexpr std::int64_t kLeastBytes = std::int64_t{1} << 20;
  NodeState& state = at(id);
  if (state.has_results) return;  // of an attempt that stopped
  state.has_results = true;
  for (std::size_t o = 0; o < state.results.size(); ++o) {
    const Spec& spec = specs_of(id)[o];
    std::optional<Place>& place = state.places[o];
    const bool placed = place && can_hold(id, place->view);
    if (o == 0)
      state.leaves =
          placed && place->leaves &&
          volume(spec.shape) * static_cast<std::int64_t>(size_of(spec.dtype)) >= kLeastBytes;
    state.results[o] =
        placed ? Tensor::wrap(place->view, place->keep, spec.layout) : new_tensor(spec);
    place.reset();
  }
}

bool SamplePlan::value_into(Node node, const Place& place, Tensor& landed) {
  bool in_place = false;
  if (!deliver(node, place, in_place)) return false;
  Tensor before = result(node);
  landed = Tensor::wrap(place.view, place.keep,
                        specs_of(node.id)[static_cast<std::size_t>(node.output)].layout)
               .with_meta(before.meta());
  live_.deliver(node.id, [this](int gone) { release(gone); });
  // Others who read the value find it in memory now.
  if (!released(node.id) && !in_place && (before.deferred() || before.padded()))
    slot(node) = landed;
  let_go(before);
  return true;
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
// Where values are computed: in the place of an output that is a view of them.
#include "kernels/copy/copy.h"
#include "pipeline/context.h"
#include "pipeline/placement.h"

namespace varo {

std::optional<Evaluation::Aim> Evaluation::aim_of_source(int id, const View& place) {
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  if (node.graph.inputs.empty() || node.graph.outputs != 1) return std::nullopt;
  std::optional<Aim> aim;
  with_context(id, [&] {
    const auto dense = memo.context->try_resolve(std::nullopt);
    if (!dense) return;
    const auto view = place_of_source(dense->result.view(), dense->seen.view(), place);
    if (!view) return;
    // Whether the value is the place then is for resolve() to say.
    const auto placed = memo.context->try_resolve(stand_in(*view, dense->seen.layout()));
    if (placed && placed->input == dense->input && same_elements(placed->result.view(), place))
      aim = Aim{node.graph.inputs[static_cast<std::size_t>(dense->input)], *view};
  });
  return aim;
}

bool Evaluation::leaves(int id) const {
  constexpr std::int64_t kLeastBytes = std::int64_t{1} << 20;
  const Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const auto& place = memo.destinations[0];
  if (!place || !place->leaves) return false;
  const ConstView value = memo.results[0].view();
  return value.data == place->view.data &&
         value.volume() * static_cast<std::int64_t>(value.element_size()) >= kLeastBytes;
}

void Evaluation::aim(Node node, Place place) {
  while (true) {
    Memo& memo = *memo_[static_cast<std::size_t>(node.id)];
    infer(node.id);
    if (memo.evaluated) return;
    memo.has_destinations = true;
    memo.destinations[static_cast<std::size_t>(node.output)] = place;
    if (!shared_.placement) return;
    const auto next = aim_of_source(node.id, place.view);
    if (!next) return;
    // Whoever else reads this view must find strides that do not depend on where its source is.
    if (memo.consumers > 1 && !is_dense(next->place)) return;
    node = next->node;
    place.view = next->place;
  }
}

bool Evaluation::deliver(Node node, const Place& place) {
  aim(node, place);
  evaluate(node.id);
  check_held(node.id);
  const Tensor& result =
      memo_[static_cast<std::size_t>(node.id)]->results[static_cast<std::size_t>(node.output)];
  if (!result.deferred() && !result.padded() && same_elements(result.view(), place.view))
    return true;
  with_context(node.id, [&] {
    std::optional<View> landing;
    if (result.deferred()) landing = result.landing(place.view);
    if (landing) {
      const auto [source, box] = result.fetch();
      source->read(box, *landing, parallel_);
    } else {
      copy_padded(loaded(result).padded_view(), place.view, parallel_, place.leaves);
      shared_.copies.fetch_add(1, std::memory_order_relaxed);
    }
  });
  return false;
}

Tensor Evaluation::value_into(Node node, const Place& destination) {
  Memo& memo = *memo_[static_cast<std::size_t>(node.id)];
  const auto o = static_cast<std::size_t>(node.output);
  const bool in_place = deliver(node, destination);
  const Tensor& result = memo.results[o];
  Tensor landed = Tensor::wrap(destination.view, destination.keep, memo.specs[o].layout);
  landed = landed.with_meta(result.meta());
  // The pipeline output itself was one consumer.
  if (--memo.consumers == 0)
    release(node.id);
  else if (!in_place && (result.deferred() || result.padded()))
    memo.results[o] = landed;
  return landed;
}

}  // namespace varo

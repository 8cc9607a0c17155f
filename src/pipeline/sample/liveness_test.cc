// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/liveness.h"

#include <gtest/gtest.h>

namespace varo {
namespace {

using Ids = std::vector<int>;

// A graph of operators that are never run, and what is released of it.
class LivenessTest : public ::testing::Test {
 protected:
  Node source() { return add("external_source", {}); }
  Node add(const std::string& op, std::vector<Node> inputs, Arguments args = {}) {
    return graph_.add(op, std::move(inputs), std::move(args), {}, 1);
  }
  Liveness& count(std::vector<Node> outputs) {
    graph_.outputs = std::move(outputs);
    plan_ = std::make_unique<Plan>(graph_);
    live_ = std::make_unique<Liveness>(*plan_);
    return *live_;
  }
  // What one call releases, in order.
  template <class Call>
  Ids released(const Call& call) {
    Ids ids;
    call([&ids](int id) { ids.push_back(id); });
    return ids;
  }
  Ids settle(Node node) {
    return released([&](auto add) { live_->settle(node.id, add); });
  }
  Ids drop(Node node, std::uint64_t inputs) {
    return released([&](auto add) { live_->drop(node.id, inputs, add); });
  }
  Ids deliver(Node node) {
    return released([&](auto add) { live_->deliver(node.id, add); });
  }

 private:
  Graph graph_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Liveness> live_;
};

TEST_F(LivenessTest, a_shared_value_goes_with_its_last_consumer) {
  const Node x = source(), a = add("flip", {x}), b = add("transpose", {x});
  const Liveness& live = count({a, b});
  EXPECT_EQ(live.consumers(x.id), 2);
  EXPECT_EQ(settle(x), Ids{});
  EXPECT_EQ(settle(a), Ids{});
  EXPECT_EQ(live.consumers(x.id), 1);
  EXPECT_FALSE(live.released(x.id));
  EXPECT_EQ(settle(b), Ids{x.id});
  EXPECT_TRUE(live.released(x.id));
}

TEST_F(LivenessTest, every_edge_counts_also_two_of_one_consumer) {
  const Node x = source(), twice = add("arithmetic.add", {x, x});
  const Liveness& live = count({twice});
  EXPECT_EQ(live.consumers(x.id), 2);
  EXPECT_EQ(settle(x), Ids{});
  EXPECT_EQ(drop(twice, 0b10), Ids{});
  EXPECT_EQ(settle(twice), Ids{x.id});
}

TEST_F(LivenessTest, an_output_of_the_pipeline_is_a_consumer) {
  const Node x = source(), a = add("flip", {x});
  const Liveness& live = count({x, a, x});
  EXPECT_EQ(live.consumers(x.id), 3);
  EXPECT_EQ(settle(x), Ids{});
  EXPECT_EQ(settle(a), Ids{});
  EXPECT_EQ(deliver(x), Ids{});
  EXPECT_EQ(deliver(a), Ids{a.id});
  EXPECT_EQ(deliver(x), Ids{x.id});
}

TEST_F(LivenessTest, a_per_sample_argument_is_an_edge) {
  const Node x = source(), coin = add("random.coin_flip", {});
  const Node a = add("flip", {x}, {{"horizontal", coin}});
  const Liveness& live = count({a});
  EXPECT_EQ(live.consumers(coin.id), 1);
  EXPECT_EQ(settle(x), Ids{});
  EXPECT_EQ(settle(coin), Ids{});
  EXPECT_EQ(settle(a), (Ids{x.id, coin.id}));
}

TEST_F(LivenessTest, an_input_that_is_dropped_counts_once) {
  const Node x = source(), y = source(), z = source(), s = add("select", {x, y, z});
  count({s});
  for (const Node& n : {x, y}) settle(n);
  EXPECT_EQ(drop(s, 0b100), Ids{z.id});
  EXPECT_EQ(drop(s, 0b100), Ids{}) << "dropped twice";
  EXPECT_EQ(settle(s), (Ids{x.id, y.id})) << "without what was dropped";
}

TEST_F(LivenessTest, a_branch_that_is_never_planned_releases_what_it_would_have_read) {
  const Node c = source(), x = source(), deep = add("flip", {x}), no = add("transpose", {deep});
  const Node s = add("select", {c, x, no});
  const Liveness& live = count({s});
  settle(c);
  settle(x);
  EXPECT_EQ(drop(s, 0b100), (Ids{no.id, deep.id}));
  EXPECT_EQ(live.consumers(x.id), 1) << "select itself";
  EXPECT_FALSE(live.settled(no.id));
  EXPECT_EQ(settle(s), (Ids{c.id, x.id}));
}

TEST_F(LivenessTest, a_dropped_edge_of_a_branch_never_planned_is_not_released_twice) {
  const Node c = source(), x = source();
  const Node inner = add("select", {c, x, x}), s = add("select", {c, x, inner});
  const Liveness& live = count({s});
  settle(c);
  settle(x);
  EXPECT_EQ(drop(inner, 0b010), Ids{});
  EXPECT_EQ(live.consumers(x.id), 2);
  EXPECT_EQ(drop(s, 0b100), Ids{inner.id});
  EXPECT_EQ(live.consumers(x.id), 1);
  EXPECT_EQ(live.consumers(c.id), 1);
}

TEST_F(LivenessTest, the_next_sample_begins_as_the_first) {
  const Node x = source(), y = source(), z = source(), s = add("select", {x, y, z});
  Liveness& live = count({s});
  drop(s, 0b100);
  settle(s);
  live.reset();
  EXPECT_EQ(live.consumers(x.id), 1);
  EXPECT_FALSE(live.released(z.id));
  EXPECT_FALSE(live.settled(s.id));
  EXPECT_EQ(drop(s, 0b100), Ids{z.id});
}

}  // namespace
}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "varo/pipeline.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "core/hash.h"
#include "core/philox.h"
#include "pipeline/testing.h"

namespace varo {
namespace {

namespace fs = std::filesystem;
using Reals = std::vector<double>;
using Integers = std::vector<std::int64_t>;

// VARO_DIGEST names a file: the first build that runs this writes what the bytes hash to, and every
// other build (with sanitizers, of another compiler) must find the same.
void agree_with_other_builds(const std::string& bytes) {
  const char* path = std::getenv("VARO_DIGEST");
  if (path == nullptr) return;
  const Hash128 hash = hash_bytes(bytes.data(), bytes.size(), 0, Parallel::serial());
  std::string mine(reinterpret_cast<const char*>(&hash), sizeof(hash)), theirs(sizeof(hash), '\0');
  if (std::ifstream file(path, std::ios::binary); file.read(theirs.data(), sizeof(hash)))
    EXPECT_EQ(mine, theirs) << "another build made other bytes";
  else
    std::ofstream(path, std::ios::binary).write(mine.data(), sizeof(hash));
}

// A folder of small float32 volumes of different sizes, removed at the end.
class Volumes : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("varo_pipeline_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    for (int k = 0; k < 6; ++k) write(k, 14 + k, 17 - k, 12 + 2 * k);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(int number, int d, int h, int w) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(d) +
                         ", " + std::to_string(h) + ", " + std::to_string(w) + "), }";
    header.resize(117, ' ');
    std::vector<float> voxels(static_cast<std::size_t>(d) * h * w);
    Rng rng({.seed = 5, .sample = static_cast<std::uint64_t>(number)});
    for (float& v : voxels) v = static_cast<float>(rng.uniform());
    std::ofstream file(folder_ / ("v" + std::to_string(number) + ".npy"), std::ios::binary);
    file.write("\x93NUMPY\x01\x00\x76\x00", 10) << header << '\n';
    file.write(reinterpret_cast<const char*>(voxels.data()),
               static_cast<std::streamsize>(voxels.size() * sizeof(float)));
  }

  // A pipeline with a reader, everything random, branches, and two batch-wide operators.
  Pipeline augmenting(PipelineOptions options) {
    options.batch_size = 7;
    Pipeline p(options);
    const auto uniform = [&p](double lo, double hi) {
      return p.add("random.uniform", {}, {{"range", Reals{lo, hi}}});
    };
    const auto coin = [&p] { return p.add("random.coin_flip", {}, {{"dtype", DType::boolean}}); };
    Node x =
        p.add("readers.numpy", {}, {{"file_root", folder_.string()}, {"random_shuffle", true}});
    x = p.add("reshape", {x}, {{"layout", "DHW"}});
    const Node pooled = p.add("normalize", {x}, {{"batch", true}});
    const Node crop = p.add("crop", {x},
                            {{"crop", Reals{11, 13, 15}},
                             {"crop_pos_x", uniform(0, 1)},
                             {"out_of_bounds_policy", "pad"}});
    const Node turned =
        p.add("rotate", {crop},
              {{"angle", uniform(-40, 40)}, {"axis", Reals{0, 0, 1}}, {"keep_size", true}});
    Node y = p.add("select", {coin(), turned, crop});
    y = p.add("flip", {y}, {{"horizontal", coin()}, {"depthwise", coin()}});
    const Node noisy = p.add("noise.gaussian", {y}, {{"stddev", uniform(0, 0.3)}});
    y = p.add("select", {coin(), noisy, y});
    y = p.add("gaussian_blur", {y}, {{"sigma", uniform(0.4, 1.2)}});
    y = p.add("arithmetic.mul", {y, uniform(0.5, 2)});
    p.set_outputs({y, p.add("pad", {pooled}), p.add("reductions.mean", {y})});
    return p;
  }

  fs::path folder_;
};

TEST_F(Volumes, bytes_do_not_depend_on_threads_depth_or_order) {
  Pipeline serial = augmenting({.seed = 3, .schedule = Schedule::serial});
  const std::string oracle = testing::bytes_of(serial, 3);
  for (const int threads : {1, 2, 7})
    for (const int depth : {1, 4}) {
      Pipeline pipe =
          augmenting({.num_threads = threads, .seed = 3, .prefetch_queue_depth = depth});
      EXPECT_EQ(testing::bytes_of(pipe, 3), oracle) << threads << " threads, depth " << depth;
    }
  for (const std::uint64_t shuffle : {1U, 2U, 3U}) {
    Pipeline pipe =
        augmenting({.seed = 3, .schedule = Schedule::shuffled, .shuffle_seed = shuffle});
    EXPECT_EQ(testing::bytes_of(pipe, 3), oracle) << "shuffled by " << shuffle;
  }
  agree_with_other_builds(oracle);
  Pipeline other = augmenting({.seed = 4});
  EXPECT_NE(testing::bytes_of(other, 3), oracle);
}

TEST_F(Volumes, batches_outlive_their_pipeline) {
  std::vector<Batch> kept;
  {
    Pipeline pipe = augmenting({.num_threads = 2, .seed = 1});
    kept = pipe.run();
  }
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_TRUE(kept[0].dense());
  EXPECT_EQ(kept[0].as_tensor().shape(), (Shape{7, 11, 13, 15}));
  EXPECT_EQ(kept[0].layout, Layout("DHW"));
  EXPECT_TRUE(kept[1].dense()) << "padded to the largest of the batch";
}

TEST_F(Volumes, pipelines_are_dropped_at_any_moment) {
  for (int round = 0; round < 20; ++round) {
    Pipeline pipe = augmenting({.num_threads = 3, .seed = round, .prefetch_queue_depth = 3});
    pipe.build();
    for (int i = 0; i < round % 4; ++i) pipe.schedule();
    if (round % 5 == 4) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST_F(Volumes, pipelines_of_several_threads_do_not_meet) {
  Pipeline alone = augmenting({.seed = 9});
  const std::string expected = testing::bytes_of(alone, 2);
  std::atomic<int> equal{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      Pipeline pipe = augmenting({.num_threads = 2, .seed = 9});
      equal += testing::bytes_of(pipe, 2) == expected ? 1 : 0;
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(equal, 3);
}

TEST_F(Volumes, the_lowest_failing_sample_is_told_and_the_next_batch_comes) {
  // Files 0, 1, 2, ... have 12, 14, 16, ... columns: sample 3 of the first batch is too narrow.
  for (const int threads : {1, 4}) {
    Pipeline p({.batch_size = 3, .num_threads = threads, .prefetch_queue_depth = 2});
    Node x = p.add("readers.numpy", {}, {{"file_root", folder_.string()}});
    x = p.add("reshape", {x}, {{"layout", "DHW"}});
    p.set_outputs({p.add("crop", {x}, {{"crop", Reals{0, 0, 17}}}, {"here.cc:1   crop", ""})});
    try {
      p.build();
      p.run();
      FAIL() << "the window does not fit";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::shape);
      const std::string text = error.what();
      for (const char* part : {"crop", "17", "12", "along W", "here.cc:1"})
        EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
    }
  }
}

TEST_F(Volumes, errors_come_in_the_order_of_their_batches) {
  Pipeline p({.batch_size = 2, .num_threads = 3, .prefetch_queue_depth = 3});
  Node x = p.add("readers.numpy", {}, {{"file_root", folder_.string()}});
  x = p.add("reshape", {x}, {{"layout", "DHW"}});
  // Heights are 17, 16, 15, 14, 13, 12.
  p.set_outputs({p.add("crop", {x}, {{"crop", Reals{0, 15, 0}}})});
  EXPECT_EQ(p.run()[0].samples.size(), 2U);
  for (const char* height : {"14", "13"}) {
    try {
      p.run();
      FAIL() << "height " << height;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(height), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(p.run()[0].samples.size(), 2U) << "the next epoch begins";
}

TEST_F(Volumes, samples_after_failed_ones_are_as_ever) {
  // Two iterations of six files; "" stands for an error.
  const auto run = [&](Schedule schedule) {
    Pipeline p({.batch_size = 1,
                .num_threads = 2,
                .seed = 3,
                .prefetch_queue_depth = 2,
                .schedule = schedule});
    const auto uniform = [&p](double lo, double hi) {
      return p.add("random.uniform", {}, {{"range", Reals{lo, hi}}});
    };
    const Node coin = p.add("random.coin_flip", {}, {{"dtype", DType::boolean}});
    Node x = p.add("readers.numpy", {}, {{"file_root", folder_.string()}});
    x = p.add("reshape", {x}, {{"layout", "DHW"}});
    // The last file has 12 rows: its shape cannot be told. Of the second the elements cannot be
    // read, when much of the sample has been computed.
    Node y = p.add("crop", {x}, {{"crop", Reals{12, 13, 12}}});
    const Node blurred = p.add("gaussian_blur", {y}, {{"sigma", uniform(0.5, 1)}});
    y = p.add("select", {coin, p.add("arithmetic.mul", {blurred, uniform(0.5, 2)}), y});
    y = p.add("arithmetic.sub", {y, p.add("reductions.mean", {y})});
    p.set_outputs({uniform(0, 1), p.add("flip", {y}, {{"horizontal", coin}}), y});
    std::vector<std::string> bytes;
    for (int i = 0; i < 12; ++i) {
      try {
        bytes.push_back(testing::bytes_of(p, 1));
      } catch (const Error&) {
        bytes.emplace_back();
      }
    }
    return bytes;
  };
  const auto whole = run(Schedule::serial);
  fs::resize_file(folder_ / "v1.npy", 4000);
  for (const Schedule schedule : {Schedule::serial, Schedule::shuffled, Schedule::parallel}) {
    const auto bytes = run(schedule);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(bytes[i].empty(), i % 6 == 1 || i % 6 == 5) << i;
      if (!bytes[i].empty()) {
        EXPECT_EQ(bytes[i], whole[i]) << i;
      }
    }
  }
}

TEST(Pipeline, a_branch_not_taken_is_not_computed_and_does_not_hold_memory) {
  Pipeline p({.batch_size = 1, .num_threads = 1});
  const Node cond = p.add("external_source");
  const Node x = p.add("external_source", {}, {{"layout", "DHW"}});
  const Node blurred = p.add("gaussian_blur", {x}, {{"sigma", 1.0}});
  p.set_outputs({p.add("select", {cond, blurred, x})});
  std::vector<float> ones(64, 1.0F);
  p.build();
  for (int i = 0; i < 4; ++i) {
    p.feed(cond, {Tensor::scalar(i % 2 == 1)});
    p.feed(x, {Tensor::of(std::span<const float>(ones), {4, 4, 4}).relabelled("DHW")});
    p.schedule();
    while (!p.wait(std::chrono::milliseconds(100))) {
    }
    const auto out = p.take();
    EXPECT_FLOAT_EQ(*out[0].samples[0].view().ptr<float>(), 1.0F);
    EXPECT_EQ(p.stats().nodes_run, (i + 1) / 2) << "one blur every second time";
  }
}

TEST(Pipeline, misuse_is_told) {
  EXPECT_THROW(Pipeline({.batch_size = 0}), Error);
  EXPECT_THROW(Pipeline({.num_threads = 0}), Error);
  Pipeline p({.batch_size = 1});
  EXPECT_THROW(p.run(), Error) << "no outputs";
  EXPECT_THROW(p.add("no_such_operator"), Error);
  EXPECT_THROW(p.add("flip"), Error) << "no input";
  const Node x = p.add("external_source");
  EXPECT_THROW(p.add("flip", {x}, {{"sideways", 1}}), Error);
  EXPECT_THROW(p.add("flip", {x}, {{"horizontal", "yes"}}), Error);
  EXPECT_THROW(p.add("flip", {{.id = 77}}), Error);
  EXPECT_THROW(p.add("flip", {{.id = x.id, .output = 1}}), Error);
  EXPECT_THROW(p.add("flip", {x}, {{"horizontal", Node{.id = 77}}}), Error);
  EXPECT_THROW(p.set_outputs({{.id = x.id, .output = 1}}), Error);
  p.set_outputs({x});
  p.build();
  EXPECT_THROW(p.add("flip", {x}), Error) << "built";
  EXPECT_THROW(p.schedule(), Error) << "nothing was fed";
  EXPECT_THROW(p.take(), Error) << "nothing is pending";
}

TEST(Pipeline, what_was_fed_can_be_taken_back) {
  Pipeline p({.batch_size = 2, .num_threads = 1});
  const Node x = p.add("external_source"), y = p.add("external_source");
  p.set_outputs({x, y});
  p.build();
  p.feed(x, {Tensor::scalar(1), Tensor::scalar(2)});
  p.feed(y, {Tensor::scalar(1)});
  EXPECT_THROW(p.schedule(), Error) << "batches of 2 and 1";
  p.unfeed(x);
  p.unfeed(y);
  p.unfeed(y);
  EXPECT_EQ(p.fed(x) + p.fed(y), 0);
  for (const Node node : {x, y}) p.feed(node, {Tensor::scalar(7)});
  p.schedule();
  while (!p.wait(std::chrono::milliseconds(100))) {
  }
  EXPECT_EQ(*p.take()[1].samples[0].view().ptr<int>(), 7);
}

std::vector<Batch> next_of(Pipeline& p) {
  while (!p.wait(std::chrono::milliseconds(100))) {
  }
  EXPECT_TRUE(p.ready());
  return p.take();
}

int number_of(const Batch& batch) { return *batch.samples[0].view().ptr<int>(); }

TEST(Pipeline, what_cannot_be_scheduled_takes_its_batchs_place) {
  Pipeline p({.batch_size = 2, .num_threads = 1, .prefetch_queue_depth = 4});
  const Node x = p.add("external_source"), y = p.add("external_source");
  p.set_outputs({x, y});
  EXPECT_FALSE(p.ready()) << "not built";
  p.build();
  EXPECT_FALSE(p.ready()) << "nothing scheduled";
  const auto feed = [&](int number, std::size_t samples_of_y = 1) {
    p.feed(x, {Tensor::scalar(number)});
    p.feed(y, std::vector<Tensor>(samples_of_y, Tensor::scalar(number)));
  };
  for (int round = 0; round < 3; ++round) {
    feed(0);
    feed(1);
    feed(2, 2);
    p.fill();
    EXPECT_EQ(p.pending(), 3) << "two batches and the failure";
    feed(3);
    p.fill();
    EXPECT_EQ(p.pending(), 3) << "nothing comes after the failure";
    EXPECT_EQ(number_of(next_of(p)[1]), 0);
    EXPECT_EQ(number_of(next_of(p)[1]), 1);
    EXPECT_THROW(next_of(p), Error) << "batches of 1 and 2";
    EXPECT_EQ(p.progress().iteration, 4 * round + 3);
    p.fill();
    EXPECT_EQ(number_of(next_of(p)[1]), 3) << "what failed is gone";
    EXPECT_EQ(p.pending(), 0);
  }
  p.close();
  EXPECT_THROW(p.fill(), Error);
}

TEST(Pipeline, what_was_not_fed_is_told_at_once_and_costs_nothing) {
  Pipeline p({.batch_size = 2, .num_threads = 1, .prefetch_queue_depth = 4});
  const Node x = p.add("external_source"), y = p.add("external_source");
  p.set_outputs({x, y});
  p.build();
  EXPECT_THROW(p.fill(), Error);
  p.fill_ahead();
  p.feed(x, {Tensor::scalar(5)});
  EXPECT_THROW(p.fill(), Error) << "only one of two";
  EXPECT_EQ(p.pending(), 0);
  p.feed(y, {Tensor::scalar(5)});
  p.fill();
  EXPECT_EQ(p.pending(), 1);
  p.fill();
  EXPECT_EQ(p.pending(), 1) << "what is under way comes first";
  EXPECT_EQ(number_of(next_of(p)[0]), 5);
}

TEST(Pipeline, a_feeder_is_asked_for_each_iteration) {
  Pipeline p({.batch_size = 2, .num_threads = 1, .prefetch_queue_depth = 3});
  const Node x = p.add("external_source");
  const Node r = p.add("random.uniform", {}, {{"range", Reals{0, 1}}});
  p.set_outputs({x, r});
  p.build();
  std::vector<std::int64_t> asked;
  const Feeder feeder = [&](std::int64_t iteration) {
    asked.push_back(iteration);
    if (iteration == 2) throw std::runtime_error("2");
    if (iteration == 4 && std::ssize(asked) < 6) throw FeedInterrupted();
    if (iteration == 7) return Feed::ended;
    p.feed(x, {Tensor::scalar(static_cast<int>(iteration))});
    return Feed::given;
  };
  const auto next = [&] {
    p.fill(feeder);
    return number_of(next_of(p)[0]);
  };
  EXPECT_EQ(next(), 0);
  EXPECT_EQ(asked, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(next(), 1);
  EXPECT_EQ(asked.size(), 3U) << "the failure is the last for now";
  EXPECT_THROW(next(), std::runtime_error);
  EXPECT_EQ(p.progress().iteration, 3);
  EXPECT_EQ(p.progress().sample, 4) << "batches of one sample, the lost one was to be of two";
  EXPECT_THROW(next(), FeedInterrupted);
  EXPECT_EQ(next(), 3) << "what was under way when it came";
  EXPECT_EQ(next(), 5) << "4 is lost";
  EXPECT_EQ(p.progress().iteration, 6);
  EXPECT_EQ(next(), 6);
  EXPECT_TRUE(p.ended());
  p.fill(feeder);
  EXPECT_EQ(p.pending(), 0);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), 7), 1) << "until reset()";
  p.reset();
  EXPECT_FALSE(p.schedule(feeder)) << "the same iteration again: nothing was taken";
  EXPECT_EQ(asked.back(), 7);
}

Pipeline chain_of(int operators) {
  Pipeline p({.batch_size = 2, .num_threads = 2, .seed = 1});
  Node x = p.add("random.uniform", {}, {{"shape", Integers{64, 64, 64}}, {"range", Reals{2, 3}}});
  for (int i = 1; i < operators; ++i) x = p.add("gaussian_blur", {x}, {{"sigma", 2.0}});
  p.set_outputs({x});
  return p;
}

TEST(Pipeline, a_long_chain_is_left_soon) {
  Pipeline p = chain_of(1000);
  p.build();
  p.schedule();
  while (p.stats().nodes_run == 0) std::this_thread::yield();
  p.close();
  EXPECT_LT(p.stats().nodes_run, 1000U);
}

TEST(Pipeline, a_chain_too_deep_for_a_stack_is_an_error) {
  Pipeline p = chain_of(1001);
  try {
    p.build();
    FAIL() << "built";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("at most 1000 operators"), std::string::npos)
        << error.what();
  }
}

TEST(Pipeline, a_closed_one_gives_nothing_more_and_keeps_what_it_gave) {
  Pipeline p({.batch_size = 4, .num_threads = 2, .seed = 1, .prefetch_queue_depth = 4});
  Node x = p.add("random.uniform", {}, {{"shape", Integers{32, 32, 32}}, {"range", Reals{2, 3}}});
  for (int i = 0; i < 4; ++i) x = p.add("gaussian_blur", {x}, {{"sigma", 1.0}});
  p.set_outputs({x});
  const std::vector<Batch> batch = p.run();
  p.close();
  p.close();
  EXPECT_THROW(p.run(), Error);
  EXPECT_THROW(p.schedule(), Error);
  EXPECT_THROW(p.wait(std::chrono::milliseconds(1)), Error);
  EXPECT_GE(*batch[0].samples[3].view().ptr<float>(), 2.0F);
}

TEST(Pipeline, samples_of_one_batch_agree) {
  Pipeline p({.batch_size = 2});
  const Node x = p.add("external_source");
  p.set_outputs({x});
  p.build();
  const std::vector<float> six(6, 0.0F);
  const auto tensor = [&](const Shape& shape) {
    return Tensor::of(std::span<const float>(six), shape);
  };
  EXPECT_THROW(p.feed(x, {tensor({6}), tensor({2, 3})}), Error);
  EXPECT_THROW(p.feed(x, {}), Error);
  EXPECT_THROW(p.feed(x, {tensor({6}), tensor({6}), tensor({6})}), Error);
}

}  // namespace
}  // namespace varo

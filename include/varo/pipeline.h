// SPDX-License-Identifier: Apache-2.0
/// Declare what happens to one sample; get batches.
///
///   varo::Pipeline pipe({.batch_size = 2, .num_threads = 4, .seed = 7});
///   auto volume = pipe.add("readers.numpy", {}, {{"file_root", "data"}});
///   auto crop = pipe.add("crop", {volume}, {{"crop", std::vector<std::int64_t>{64, 64, 64}}});
///   pipe.set_outputs({crop});
///   for (int i = 0; i < 10; ++i) use(pipe.run()[0]);
///
/// Every call may throw varo::Error. A pipeline is used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "varo/argument.h"
#include "varo/error.h"
#include "varo/progress.h"
#include "varo/tensor.h"

namespace varo {

enum class Schedule : std::uint8_t {
  parallel,  ///< `num_threads` workers
  serial,    ///< on the thread that waits, in order
  shuffled,  ///< on the thread that waits, in an order drawn from `shuffle_seed`; for tests
  /// On the thread that waits, one operator after another, every value dense and in memory: slow,
  /// and the oracle that the others must equal bit for bit. Metadata is left out.
  reference,
};

/// More threads than any machine has cores; workers stay until the process ends.
inline constexpr int kMostThreads = 1024;

struct PipelineOptions {
  int batch_size = 1;            ///< largest number of samples in a batch; at least 1
  int num_threads = 1;           ///< 1 to kMostThreads
  std::int64_t seed = -1;        ///< negative: drawn from the system
  int prefetch_queue_depth = 2;  ///< batches under way ahead of the consumer; at least 1
  Schedule schedule = Schedule::parallel;
  std::uint64_t shuffle_seed = 0;
  /// Rewrites that are not to be applied: "branches" (blends of two branches compute one),
  /// "fusion" (chains of pointwise operators run in one pass), "placement" (what an output is a
  /// view of is computed in the batch), "prune" (dead nodes are removed).
  std::vector<std::string> without_rewrites = {};
  bool enable_checkpointing = false;  ///< progress() tells the states of sources
  /// Pipelines that differ in nothing but the shard_id of their readers draw the same numbers. Without
  /// it the shard_id of the first reader with several shards takes part in all draws of samples, also
  /// those of operators with a seed of their own. The order of files never depends on it.
  bool common_draws = false;
};

/// Where a value is wanted by who reads it: where its operator leaves it, or moved.
enum class Transfer : std::uint8_t { none, to_cpu, to_gpu };

/// One output of one declared operator.
struct Node {
  int id = -1;
  int output = 0;
  Transfer transfer = Transfer::none;

  /// The same value, as a reader on that device sees it.
  Node cpu() const { return {id, output, Transfer::to_cpu}; }
  Node gpu() const { return {id, output, Transfer::to_gpu}; }
};

/// A constant, or a value per sample.
struct Argument : std::variant<ArgValue, Node> {
  using Base = std::variant<ArgValue, Node>;
  Argument(Node node) : Base(node) {}                                  // NOLINT: reads as a value
  Argument(ArgValue value) : Base(std::move(value)) {}                 // NOLINT
  Argument(bool v) : Base(ArgValue(v)) {}                              // NOLINT
  Argument(int v) : Base(ArgValue(std::int64_t{v})) {}                 // NOLINT
  Argument(std::int64_t v) : Base(ArgValue(v)) {}                      // NOLINT
  Argument(double v) : Base(ArgValue(v)) {}                            // NOLINT
  Argument(DType v) : Base(ArgValue(static_cast<std::int64_t>(v))) {}  // NOLINT
  Argument(const char* v) : Base(ArgValue(std::string(v))) {}          // NOLINT
  Argument(std::string v) : Base(ArgValue(std::move(v))) {}            // NOLINT
  Argument(std::vector<std::int64_t> v) : Base(ArgValue(std::move(v))) {}  // NOLINT
  Argument(std::vector<double> v) : Base(ArgValue(std::move(v))) {}        // NOLINT
  Argument(std::vector<std::string> v) : Base(ArgValue(std::move(v))) {}   // NOLINT
};
using Arguments = std::map<std::string, Argument>;

/// How a node came to be, for error messages and for looking it up.
struct Origin {
  std::string defined;  ///< "train.py:31   x = fn.crop(x, size=(96, 96, 96))"
  std::string name;     ///< unique in the pipeline; "" picks one
};

struct ReaderInfo {
  std::string name;
  std::int64_t epoch_size = 0, epoch_size_padded = 0;
  int number_of_shards = 1, shard_id = 0;
  bool pad_last_batch = false, stick_to_shard = false;
};

struct PipelineStats {
  std::int64_t batches = 0;    ///< finished
  std::int64_t samples = 0;    ///< finished
  int peak_workers = 0;        ///< most samples that were being evaluated at the same moment
  std::int64_t nodes_run = 0;  ///< operators run on a sample; a view or a branch not taken is none
  std::int64_t copies = 0;     ///< values computed elsewhere and then copied to their place
};

/// What came of asking for the batches that external sources hand out next.
enum class Feed : std::uint8_t {
  given,   ///< feed() was called for each of them that is not fed by hand
  nobody,  ///< nobody was asked: a source that is fed by hand has no batch
  ended,   ///< there are none, and nothing was taken of any source; see Pipeline::reset()
};
/// Feeds external sources their batches of iteration number `iteration`. What it throws takes the place
/// of the batch.
using Feeder = std::function<Feed(std::int64_t iteration)>;
/// Thrown by a feeder, it leaves fill() at once. The batch that was asked for is lost.
struct FeedInterrupted {};

class VARO_API Pipeline {
 public:
  explicit Pipeline(PipelineOptions options);
  ~Pipeline();
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;

  /// Declares an operator; its arguments are checked at once. Returns its first output.
  ///
  /// device  "cpu", "gpu", "mixed" (reads on the CPU, writes on the GPU), or "": "gpu" if an input
  ///         is there, else "cpu". This build has no back end for GPUs: all operators run on the
  ///         CPU, with the same results; explain() says which were declared for another device
  Node add(const std::string& op, std::vector<Node> inputs = {}, Arguments args = {},
           Origin origin = {}, const std::string& device = {});
  /// How many outputs the operator of this node has.
  int output_count(Node node) const;
  const std::string& name_of(Node node) const;
  /// "cpu" or "gpu": where the value is, as declared.
  std::string device_of(Node node) const;
  void set_outputs(std::vector<Node> outputs);

  /// Checks and prepares; idempotent, and done by the first run. Looks at the first header of
  /// each reader and infers types, ranks and layouts as far as they can be known.
  void build();
  /// The next batch: one Batch an output. Keeps prefetch_queue_depth batches under way.
  std::vector<Batch> run();

  // --- run() in pieces, for callers with a loop of their own ---
  // An iteration takes one batch of every source or none. What goes wrong after a feeder was asked
  // costs every source that batch: the next iteration has the next one of all of them.

  /// Sources tick, and the work of one more batch begins. Where it throws, no source has moved.
  void schedule();
  /// As schedule(), after `feeder` has been asked; false when its sources have ended.
  bool schedule(const Feeder& feeder);
  /// Schedules until prefetch_queue_depth batches are pending or the sources of `feeder` have ended.
  /// What goes wrong takes the place of its batch: take() throws it, and until then nothing is
  /// scheduled after it. It is thrown at once where nothing is pending and a source that is fed by
  /// hand has nothing.
  void fill(const Feeder& feeder = nullptr);
  /// As fill(), of what is there: a source that is fed by hand and has nothing ends it.
  void fill_ahead();
  /// The feeder has told that its sources have ended; until reset().
  bool ended() const;
  /// The feeder is asked again.
  void reset();
  /// The oldest pending batch is done: take() may be called.
  bool ready() const;
  /// Batches, and failures in the place of one, that have not been taken.
  int pending() const;
  /// Waits until the oldest pending batch is done; false if it is not after `timeout`.
  bool wait(std::chrono::milliseconds timeout);
  /// The oldest pending batch, which must be done. Throws what went wrong in it.
  std::vector<Batch> take();
  /// Gives external_source `node` its next batch: one tensor a sample, in memory.
  void feed(Node node, std::vector<Tensor> samples);
  /// Takes back the newest batch that was fed and that no tick has taken, if there is one.
  void unfeed(Node node);
  /// Batches that external_source `node` holds and that no tick has taken.
  int fed(Node node) const;

  /// After the last batch, or failure in the place of one, that was taken.
  const Progress& progress() const;
  /// Goes to where a pipeline of the same graph and the same data stood, whose seed() was `seed`. What
  /// is under way is dropped, and what was fed. Batch size, threads and depth may be others. Throws
  /// ParamError where options().seed is another one, or states do not fit.
  void restore(const Progress& progress, std::int64_t seed);
  /// Names of the nodes that Progress::sources is of.
  std::vector<std::string> sources() const;
  /// What the data set of a source consists of, in order: files by their names below file_root, mostly.
  std::vector<std::string> items(const std::string& source) const;
  /// What was declared, one line a node, but for what items() tells, devices, and lines of programs.
  std::vector<std::string> declared() const;
  /// The name of an operator that runs over batches; "" where there is none.
  std::string batch_wide() const;

  /// The caller is a user's function that this pipeline has called. It cannot step the pipeline.
  bool inside_call() const;
  /// Drops what is under way and returns when no thread works any more. Batches that were taken
  /// stay valid; no other batch comes.
  void close();

  std::vector<ReaderInfo> readers() const;
  /// What build() found that may be a mistake, a sentence each: readers that do not step alike.
  const std::vector<std::string>& warnings() const;
  /// The graph as declared and as it runs, and what each node reads and writes where known.
  std::string explain();
  PipelineStats stats() const;
  const PipelineOptions& options() const;
  /// What seeds the random operators that have no seed of their own: options().seed, or the one that
  /// was drawn instead.
  std::int64_t seed() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace varo

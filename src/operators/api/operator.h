// SPDX-License-Identifier: Apache-2.0
/// What an operator implements: four parts with one right each.
///
///   infer, prepare   may throw, draw and keep state. infer says the specs of the outputs; prepare
///                    is called once somebody wants a value, and reads what infer had no use for
///   need             says what the operator reads of each input, and which region of it
///   resolve          is a view of an input for this sample: view operations only
///   run              loops over elements: writes outputs into the views that it is given. It is
///                    noexcept and reaches nothing but what it said it needs
///
/// What may fail when it runs is no `run`: see HostFunction. An input that no part asks for is
/// never computed.
///
///   specs of inputs, infers_from()  ->  infer  ->  need: numbers, late arguments  ->  prepare
///     ->  view_of, resolve  or  need: elements  ->  setup  ->  run
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "operators/api/inference.h"
#include "varo/error.h"
#include "varo/progress.h"
#include "varo/tensor.h"

namespace varo {

/// What an operator reads of an input.
enum class Access : std::uint8_t {
  nothing,  ///< not even now: the value is never computed for this operator
  spec,     ///< type, shape and layout alone; the value is never computed for this operator
  later,    ///< cannot be told before the inputs are there that are numbers
  number,   ///< the elements, before prepare(): they decide what is done
  view,     ///< the elements, in memory, not padded; any strides
  padded,   ///< as view, but padding need not be in memory if takes_padding()
  dense,    ///< as view, row-major
  rows,     ///< as view, the last axis contiguous, forwards or backwards
  source,   ///< HostFunction only: the tensor as it is, deferred or padded
};

struct Need {
  Access access = Access::view;
  /// The elements that are read; all, if nothing. run() is given a view of this box.
  std::optional<Box> region = {};
  /// A region of a deferred input is always read by itself. Otherwise the whole is read, which its
  /// other consumers share, where the region is most of it.
  bool alone = false;
};

/// Everything that run() reads and writes.
struct HostRun {
  std::span<const PaddedView> in;     ///< as need() said; no data where it asked for none
  std::span<const View> out;          ///< dense or not; overlap no input
  std::span<std::byte> scratch = {};  ///< as many bytes as setup() said, 64-byte aligned
  Parallel& parallel;                 ///< loops over elements run here
  const std::any& kept;               ///< the state of infer() and prepare()
  const std::any& planned;            ///< what setup() left

  ConstView view(int input) const { return in[static_cast<std::size_t>(input)].inside; }
  template <class T>
  const T& state() const {
    return *std::any_cast<T>(&kept);
  }
  template <class T>
  const T& plan() const {
    return *std::any_cast<T>(&planned);
  }
  template <class T>
  std::span<T> scratch_of() const {
    return {reinterpret_cast<T*>(scratch.data()), scratch.size() / sizeof(T)};
  }
};

/// What resolve() has to do with: the input that it is a view of, and its results.
struct Views {
  const Inference& facts;
  const Tensor& in;       ///< input view_of(); perhaps deferred, perhaps padded
  std::span<Tensor> out;  ///< to be set, all or none
};

/// What a batch-wide operator needs of its inputs in all samples before any of them can go on.
enum class BatchNeed : std::uint8_t {
  none,     ///< it is not batch-wide
  shapes,   ///< their specs
  values,   ///< their elements, in memory, not padded
  tensors,  ///< the values as they are, deferred or padded
  own,      ///< dense copies that nobody else has
};

/// One sample of what a batch-wide operator looks at.
struct BatchItem {
  const Inference& facts;
  std::vector<Tensor> in;  ///< the inputs as BatchNeed says; none for BatchNeed::shapes
  Parallel& parallel;

  /// \pre BatchNeed::values
  ConstView view(int input) const { return in[static_cast<std::size_t>(input)].view(); }
};

/// One node of a pipeline. Instances are shared by all samples and threads: const means it. The class
/// that is derived from says how values come about: HostOperator, Pointwise (api/pointwise.h), Reducer
/// (api/reducer.h), Join, HostFunction, SourceOperator; Operator itself for those that are views
/// whatever the sample.
class Operator {
 public:
  virtual ~Operator() = default;

  /// Whether infer() reads the elements of `input`. Specs of the inputs are there.
  virtual bool infers_from(const Inference& facts, int input) const { return false; }
  /// Whether the per-sample argument is read by prepare() at the earliest.
  virtual bool late(const ArgDef& arg) const { return arg.late; }
  /// Specs of the outputs, by set_output(); may keep a state.
  virtual void infer(Inference& facts) const = 0;

  /// Asked after infer(), again when the inputs that are numbers are there, and after prepare().
  virtual Need need(const Inference& facts, int input) const { return {}; }
  /// Whether run() takes a padded input as it is. Asked of inputs with Access::padded; `padding` has
  /// no elements.
  virtual bool takes_padding(const Inference& facts, int input, const PaddedView& padding) const {
    return true;
  }
  /// The rest of what run() has to know, into the state.
  virtual void prepare(Inference& facts) const {}

  /// The input that the outputs are views of for this sample, kNoInput for a view of nothing; nothing
  /// if the outputs are computed.
  static constexpr int kNoInput = -1;
  virtual std::optional<int> view_of(const Inference& facts) const { return std::nullopt; }
  /// Makes the view. False where strides or padding of the input stand in the way, so that run() is
  /// needed after all. Asked more than once where its result decides where the input is computed,
  /// with stand-ins for it: it answers by shapes and strides.
  virtual bool resolve(Views& views) const { return false; }
  /// The voxel-to-world map of an output that run() writes, where the operator moves the grid of
  /// input 0, whose map is `input`. Views carry theirs along.
  virtual std::optional<Affine> moved(const Inference& facts, const Affine& input) const {
    return std::nullopt;
  }

  /// Of an operator that keeps the grid: the one input that says where the output lies. Nothing: all
  /// that are read have a say, see InheritedGrid.
  virtual std::optional<int> grid_input(const Inference& facts) const { return std::nullopt; }

  /// Batch-wide operators: once the inputs are there as batch_need() says, and the per-sample arguments
  /// that are not late, for every sample of the iteration that asks for this node, combine() is called
  /// with those samples in order. What it returns is Inference::batch() of each of them.
  virtual BatchNeed batch_need() const { return BatchNeed::none; }
  virtual std::any combine(std::span<const BatchItem> items) const { return {}; }
};

/// An operator with loops of its own.
class HostOperator : public Operator {
 public:
  /// When places are known: may throw and allocate. Returns the bytes of scratch that run() needs,
  /// and may leave a plan for it.
  virtual std::size_t setup(const HostRun& run, std::any& plan) const { return 0; }
  /// Writes every element of every output.
  virtual void run(const HostRun& run) const noexcept = 0;
};

/// What a HostFunction is given.
struct FunctionRun {
  std::span<const Tensor> in;  ///< as need() said; undefined where it asked for no elements
  std::span<const View> out;
  Parallel& parallel;
  const std::any& kept;

  template <class T>
  const T& state() const {
    return *std::any_cast<T>(&kept);
  }
};

/// An operator that may fail when it runs: it looks into files, into caches, or calls foreign code.
class HostFunction : public Operator {
 public:
  /// In place of run(). Returns what went wrong, if something did.
  virtual std::optional<Error> call(const FunctionRun& run) const = 0;
};

/// An operator whose output is its inputs side by side: it has no loops. The inputs are computed in
/// their parts of the output, or copied there.
class Join : public Operator {
 public:
  /// The part of `out` that each input is, as a view that has the input's shape; nothing for one
  /// that takes no part.
  virtual void parts(const Inference& facts, const View& out,
                     std::span<std::optional<View>> parts) const = 0;
  /// The axis of the output that the inputs lack; -1 where they have them all.
  virtual int added_axis(const Inference& facts) const { return -1; }
};

/// An operator whose output is one of its inputs, which of them is for the condition, input 0, to say.
/// infer() is given the spec of that input alone: nothing of the others is asked for, not even their
/// shapes.
class Branch : public Operator {
 public:
  bool infers_from(const Inference&, int input) const final { return input == 0; }
  /// Throws unless `condition` can be one.
  virtual void check_condition(const Spec& condition) const = 0;
  /// The input that is the output. \pre the condition is known
  virtual int taken(const Inference& facts) const = 0;
  /// Throws where values of these specs cannot be results of one node.
  virtual void check_alike(const Spec& a, const Spec& b) const = 0;
};

struct ReaderMeta {
  std::int64_t epoch_size = 0, epoch_size_padded = 0;
  int number_of_shards = 1, shard_id = 0;
  bool pad_last_batch = false, stick_to_shard = false;
};

/// Something that decides which sample of a reader comes when, in words: {"random_shuffle", "True"}.
struct OrderFact {
  std::string name, value;
};

/// An operator that begins a graph. Its values are views of nothing: of files, or of what was fed. tick(),
/// skip(), restore() and what feeds it change it, on the scheduling thread; nothing else does.
class SourceOperator : public Operator {
 public:
  static constexpr Traits kTraits{.source = true};

  std::optional<int> view_of(const Inference&) const final { return kNoInput; }
  /// Once an iteration, in order, on the scheduling thread: one ticket a sample. A source that
  /// decides the batch size itself (external_source) returns what it was fed; others return
  /// `batch_size` tickets. Cheap: touches no file.
  virtual std::vector<Ticket> tick(int batch_size) = 0;
  /// Moves on as tick() does, by a batch that nobody gets, also where tick() throws. Of what was fed,
  /// the oldest batch is dropped, if there is one.
  virtual void skip(int batch_size) = 0;
  /// Writes where the source stands into `state`, whose memory is used again. Touches no file.
  virtual void save(SourceState& state) const = 0;
  /// Goes to where a source of the same arguments and the same data stood. What was fed is not part
  /// of a state.
  virtual void restore(const SourceState& state) = 0;
  /// Which part of a data set that is divided up this source begins with; nothing where it is whole.
  virtual std::optional<std::int64_t> shard() const { return std::nullopt; }
  /// What the data set consists of, in order, under names that do not depend on where it lies; none
  /// where that is not known. May touch files.
  virtual std::vector<std::string> items() const { return {}; }
  /// Number of samples that the next tick will give, if this source decides.
  virtual std::optional<int> next_batch_size() const { return std::nullopt; }
  /// A ticket for looking at headers when the pipeline is built; nothing if there is none yet.
  virtual std::optional<Ticket> probe() const { return std::nullopt; }
  virtual std::optional<ReaderMeta> meta() const { return std::nullopt; }
  /// Of readers: all that decides their order, as far as it is known. Readers whose facts of one name
  /// are equal step alike. Touches no file.
  virtual std::vector<OrderFact> order() const { return {}; }
  /// External sources only: one batch of what the next ticks will hand out.
  virtual void feed(std::vector<Ticket> batch);
  /// Takes back the newest batch that was fed and not handed out, if there is one.
  virtual void unfeed() {}
  /// Batches fed and not yet handed out.
  virtual int fed() const { return 0; }
};

// --- the operator table -----------------------------------------------------------------------

/// Every operators/<group>/<file>.cc that has operators defines exactly one function by this macro,
/// returning them: `VARO_OPERATORS(geometry, flip) { return {OperatorDef("flip", ...)...}; }`.
/// The build collects the functions into a table; nothing is registered by hand.
#define VARO_OPERATORS(group, file) \
  std::vector<::varo::OperatorDef> varo_operators_##group##_##file()

/// All operators by name.
const std::vector<const OperatorDef*>& operator_table();
const OperatorDef* find_operator(std::string_view name);

}  // namespace varo

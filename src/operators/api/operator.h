// SPDX-License-Identifier: Apache-2.0
/// What an operator implements, and what it is given for one sample.
///
/// A node is evaluated for one sample in steps, each only when somebody asks, infer and run at most
/// once:
///   infer    specs of the outputs. May ask for specs of inputs, values of arguments and (rarely)
///            values of inputs. May throw Error. Touches no voxels of its own.
///   resolve  optional: "for this sample I am this view of an input". Touches no voxels. Asked more
///            than once where its result decides where an input is computed: with stand-ins for
///            inputs, it must answer by their shapes and strides, and leave no trace.
///   run      writes the outputs into the views it is given.
/// Nothing is asked for that the operator does not ask for itself: an input that it never touches
/// is never computed.
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/philox.h"
#include "operators/api/schema.h"
#include "varo/error.h"
#include "varo/tensor.h"

namespace varo {

/// What a source hands out for one sample when it ticks.
struct Ticket {
  std::int64_t index = -1;     ///< e.g. the file's number
  std::vector<Tensor> values;  ///< e.g. what external_source was fed
};

/// One node's view of one sample, given to infer, resolve and run.
class Sample {
 public:
  virtual ~Sample() = default;

  // --- inputs: asking evaluates what is needed for the answer ---
  virtual int input_count() const = 0;
  virtual const Spec& spec(int input) = 0;
  /// The layout to work by: the input's own, or the assumed one (InputDef::layouts).
  virtual const Layout& layout(int input) = 0;
  /// May be deferred or padded.
  virtual const Tensor& tensor(int input) = 0;
  /// In memory, may be padded; any strides.
  virtual const Tensor& loaded(int input) = 0;
  /// In memory, not padded; any strides.
  virtual ConstView view(int input) = 0;
  /// In memory, row-major.
  virtual ConstView dense(int input) = 0;
  /// The elements of a tensor made from tensor(i) by view operations: in memory, not padded, alive
  /// until the end of the call. Reads only the region of a deferred one.
  virtual ConstView fetch(const Tensor& tensor) = 0;

  // --- arguments: per sample if given so, else constant, else default ---
  /// Given, or has a default.
  virtual bool has(std::string_view arg) = 0;
  virtual bool flag(std::string_view arg) = 0;
  virtual std::int64_t integer(std::string_view arg) = 0;
  virtual double real(std::string_view arg) = 0;
  virtual const std::string& text(std::string_view arg) = 0;
  virtual DType dtype(std::string_view arg) = 0;
  virtual std::vector<std::int64_t> integers(std::string_view arg) = 0;
  virtual std::vector<double> reals(std::string_view arg) = 0;
  /// A per-sample argument as it came (any shape and dtype, in memory, dense); undefined when the
  /// argument is constant.
  virtual Tensor argument(std::string_view arg) = 0;
  /// Lists with exactly n entries: a constant scalar is repeated; anything else of another length
  /// is a ShapeError that names the argument.
  std::vector<std::int64_t> integers(std::string_view arg, int n);
  std::vector<double> reals(std::string_view arg, int n);
  virtual const Args& args() const = 0;

  // --- outputs ---
  virtual int output_count() const = 0;
  /// In infer, for every output.
  virtual void set_output(int output, Spec spec) = 0;
  virtual const Spec& output_spec(int output) = 0;
  /// In resolve, for every output (or none).
  virtual void set_result(int output, Tensor tensor) = 0;
  /// In run: write every element. Strides are arbitrary; the view does not overlap any input.
  virtual View output(int output) = 0;
  /// In run: writes the elements of `input` into `to`, a part of an output that has its shape. An
  /// input that is not there yet is computed there, if that can be.
  virtual void write_input(int input, const View& to) = 0;
  /// In run, optional: the affine of the output, if this operator moved the grid and knows how.
  virtual void set_affine(int output, const Affine& affine) = 0;

  // --- what else ---
  /// Stream of random numbers number `draw` of this node for this sample.
  virtual RandomKey random(int draw = 0) const = 0;
  /// Loops over elements run here.
  virtual Parallel& parallel() = 0;
  /// Uninitialised memory, 64-byte aligned, valid until the end of the call it was asked in.
  virtual void* scratch(std::size_t bytes) = 0;
  template <class T>
  std::span<T> scratch_of(std::int64_t count) {
    return {static_cast<T*>(scratch(static_cast<std::size_t>(count) * sizeof(T))),
            static_cast<std::size_t>(count)};
  }
  /// The node that would compute `input`, if it may be computed in this node's pass instead: a
  /// pointwise operator that is not a view, that nobody else reads, of this node's output shape.
  /// Asking for it makes it so: the caller must then emit what the producer does.
  struct Producer {
    const Operator* op;
    Sample* sample;
  };
  virtual std::optional<Producer> fuse(int input) { return std::nullopt; }
  /// Calls body; errors in it carry this node's name and line.
  virtual void in_context(FunctionRef<void()> body) { body(); }

  /// The operator's own memory for this sample, kept from infer to run: a plan, drawn parameters.
  virtual std::any& state() = 0;
  template <class T>
  T& kept() {
    return *std::any_cast<T>(&state());
  }
  /// Sources only.
  virtual const Ticket& ticket() const = 0;
};

/// What a batch-wide operator needs of all samples before any of them can go on.
enum class BatchNeed : std::uint8_t { none, shapes, values };

/// One node of a pipeline. Instances are shared by all samples and threads: const means it.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual void infer(Sample& sample) const = 0;
  /// True: set_result was called for every output, run will not be.
  virtual bool resolve(Sample& sample) const;
  virtual void run(Sample& sample) const;

  /// Batch-wide operators: after input 0's spec (or value) is there for every sample of the
  /// iteration, combine() is called once and leaves what it found in each sample's state().
  virtual BatchNeed batch_need() const { return BatchNeed::none; }
  virtual void combine(std::span<Sample* const> samples) const;
};

struct ReaderMeta {
  std::int64_t epoch_size = 0, epoch_size_padded = 0;
  int number_of_shards = 1, shard_id = 0;
  bool pad_last_batch = false, stick_to_shard = false;
};

/// An operator that begins a graph. tick() is the only call that changes it.
class SourceOperator : public Operator {
 public:
  /// Once an iteration, in order, on the scheduling thread: one ticket a sample. A source that
  /// decides the batch size itself (external_source) returns what it was fed; others return
  /// `batch_size` tickets. Cheap: touches no file.
  virtual std::vector<Ticket> tick(int batch_size) = 0;
  /// Number of samples that the next tick will give, if this source decides.
  virtual std::optional<int> next_batch_size() const { return std::nullopt; }
  /// A ticket for looking at headers when the pipeline is built; nothing if there is none yet.
  virtual std::optional<Ticket> probe() const { return std::nullopt; }
  virtual std::optional<ReaderMeta> meta() const { return std::nullopt; }
  /// External sources only: one batch of what the next ticks will hand out.
  virtual void feed(std::vector<Ticket> batch);
  /// Takes back the newest batch that was fed and not handed out, if there is one.
  virtual void unfeed() {}
  /// Batches fed and not yet handed out.
  virtual int fed() const { return 0; }
};

// --- the operator table -----------------------------------------------------------------------

/// Every operators/<group>/<file>.cc defines exactly one function by this macro, returning the
/// operators it holds: `VARO_OPERATORS(geometry, flip) { return {OperatorDef("flip", ...)...}; }`.
/// The build collects the functions into a table; nothing is registered by hand.
#define VARO_OPERATORS(group, file) \
  std::vector<::varo::OperatorDef> varo_operators_##group##_##file()

/// All operators by name.
const std::vector<const OperatorDef*>& operator_table();
const OperatorDef* find_operator(std::string_view name);

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "core/dispatch.h"
#include "formats/file_source.h"
#include "kernels/copy/copy.h"
#include "kernels/label/label.h"
#include "operators/api/in_memory.h"
#include "operators/api/operator.h"
#include "operators/labels/component_cache.h"
#include "operators/labels/component_store.h"
#include "operators/labels/object_draw.h"

namespace varo {

namespace {

constexpr std::size_t kCacheBytes = std::size_t{64} << 20;
constexpr std::uint64_t kFileSeed = 1;  // so that keys of files and of contents never meet
constexpr double kMaxWeight = std::numeric_limits<float>::max();

enum class Format : std::uint8_t { anchor_shape, start_end, box };

class RandomObjectBBox final : public HostFunction {
 public:
  explicit RandomObjectBBox(const Args& args)
      : ignore_class_(args.flag("ignore_class")),
        output_class_(args.flag("output_class")),
        store_(args.given("cache_dir")
                   ? std::make_unique<const ComponentStore>(args.text("cache_dir"))
                   : nullptr),
        cached_(args.flag("cache_objects") || store_ != nullptr),
        k_largest_(args.constant("k_largest") ? args.integer("k_largest") : 0),
        format_(args.choice<Format>("format")),
        foreground_prob_(args, "foreground_prob"),
        threshold_(args, "threshold"),
        classes_(args, "classes"),
        background_(args, "background"),
        class_weights_(args, "class_weights") {
    for (const char* name : {"classes", "class_weights"})
      if (ignore_class_ && args.given(name)) exclusive("ignore_class", name);
    if (ignore_class_ && output_class_) exclusive("ignore_class", "output_class");
  }

  static int output_count(const Args& args) {
    return (args.choice<Format>("format") == Format::box ? 1 : 2) +
           (args.flag("output_class") ? 1 : 0);
  }

  void infer(Inference& s) const override {
    const Shape& shape = s.spec(0).shape;
    const int rank = shape.rank();
    for (int i = 0; i < rank; ++i)
      if (shape[i] > std::numeric_limits<std::int32_t>::max())
        throw Error(ErrorKind::shape, fmt::format("axis {} is too long for boxes of int32", i))
            .got(fmt::format("{} voxels", shape[i]))
            .allowed(fmt::format("at most {}", std::numeric_limits<std::int32_t>::max()));
    s.state() = Plan{drawn(s, rank), shape};
    int output = 0;
    if (format_ == Format::box) {
      s.set_output(output++, {DType::i32, {2 * rank}, {}});
    } else {
      s.set_output(output++, {DType::i32, {rank}, {}});
      s.set_output(output++, {DType::i32, {rank}, {}});
    }
    if (output_class_) s.set_output(output, {DType::i32, {}, {}});
  }

  // The table of a known file needs no elements: call() says when they are to be read.
  Need need(const Inference& s, int) const override {
    return {s.kept<Plan>().draw.foreground ? Access::source : Access::spec};
  }

  std::optional<Error> call(const FunctionRun& r) const override {
    try {
      choose(r);
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }

 private:
  struct Plan {
    ObjectDraw draw;
    Shape shape;  ///< of the labels
  };

  void choose(const FunctionRun& r) const {
    const auto& plan = r.state<Plan>();
    ObjectDraw draw = plan.draw;
    Dims lo = Dims::filled(plan.shape.rank(), 0), hi = plan.shape;
    std::int64_t cls = draw.background;
    if (draw.foreground) {
      const ComponentCache::Table table = components(r.in[0], draw.background, r.parallel);
      const ObjectChoice choice = draw_object(draw, *table);
      if (choice.component >= 0) {
        cls = choice.cls;
        const auto from = table->lo(choice.component), to = table->hi(choice.component);
        std::copy(from.begin(), from.end(), lo.begin());
        std::copy(to.begin(), to.end(), hi.begin());
      }
    }
    write(r, lo, hi, cls);
  }

  [[noreturn]] static void exclusive(const char* a, const char* b) {
    throw Error(ErrorKind::param, fmt::format("{} and {} exclude each other", a, b))
        .got(fmt::format("both {} and {}", a, b))
        .allowed("one of them");
  }

  ObjectDraw drawn(const Inference& s, int rank) const {
    ObjectDraw draw{.rng = Rng(s.random()), .ignore_class = ignore_class_, .k_largest = k_largest_};
    draw.foreground = draw.rng.uniform() < foreground_prob_(s);
    if (threshold_.has()) draw.threshold = threshold_(s, rank);
    const bool classes = classes_.has();
    if (classes) draw.classes = classes_(s);
    draw.background = background_.given() ? background_(s) : default_background(draw.classes);
    if (const auto at = std::find(draw.classes.begin(), draw.classes.end(), draw.background);
        at != draw.classes.end())
      throw Error(ErrorKind::param, "the background is among the classes")
          .got(fmt::format("background {}, classes [{}]", draw.background,
                           fmt::join(draw.classes, ", ")))
          .allowed("a background that is not listed")
          .hint("leave background out: a value that is not listed is taken");
    const bool weights = class_weights_.has();
    if (weights) draw.weights = class_weights_(s);
    if (classes && weights && draw.classes.size() != draw.weights.size())
      throw Error(ErrorKind::shape, "classes and class_weights differ in length")
          .got(fmt::format("{} weights for {} classes", draw.weights.size(), draw.classes.size()))
          .allowed("one weight a class");
    draw.any_class = !classes && !weights;
    if (classes && !weights) draw.weights.assign(draw.classes.size(), 1.0);
    if (weights && !classes)
      for (std::int64_t v = 0; draw.classes.size() < draw.weights.size(); ++v)
        if (v != draw.background) draw.classes.push_back(v);
    return draw;
  }

  // Labels in a wide type, as int32.
  static Tensor narrowed(const ConstView& labels, Parallel& parallel) {
    const Tensor narrow = Tensor::own({DType::i32, labels.shape, {}});
    const Tensor again = Tensor::own({labels.dtype, labels.shape, {}});
    convert(labels, narrow.mutable_view(), parallel);
    convert(narrow.view(), again.mutable_view(), parallel);
    const Tensor dense = in_memory(Tensor::wrap(labels, std::make_shared<int>()), true, parallel);
    dispatch_all(labels.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T *given = dense.view().ptr<T>(), *held = again.view().ptr<T>();
      if constexpr (sizeof(T) > 2)
        for (std::int64_t i = 0; i < labels.volume(); ++i)
          if (!(given[i] == held[i]))
            throw Error(ErrorKind::param, "a label is no whole number of int32")
                .got(fmt::format("{}", given[i]))
                .allowed("-2147483648 to 2147483647");
    });
    return narrow;
  }

  static ComponentCache::Table labelled(const ConstView& labels, std::int64_t background,
                                        Parallel& parallel) {
    if (is_float(labels.dtype) || (size_of(labels.dtype) == 8 && !is_bool(labels.dtype)))
      return labelled(narrowed(labels, parallel).view(), background, parallel);
    return std::make_shared<const ComponentTable>(label_components(labels, background, parallel));
  }

  ComponentCache::Table components(const Tensor& labels, std::int64_t background,
                                   Parallel& parallel) const {
    // Labels in a file are read for this call alone: what follows mostly wants a part of them.
    if (!cached_) return labelled(in_memory(labels, false, parallel).view(), background, parallel);
    if (const std::optional<FileOrigin> origin = origin_of(labels))
      return components_of_file(labels, *origin, background, parallel);
    return components_of_contents(in_memory(labels, true, parallel).view(), background, parallel);
  }

  // Of a known file not a byte is read.
  ComponentCache::Table components_of_file(const Tensor& labels, const FileOrigin& origin,
                                           std::int64_t background, Parallel& parallel) const {
    const std::string id = ComponentStore::key_of(origin.key, background);
    const Hash128 key = hash_bytes(id.data(), id.size(), kFileSeed, Parallel::serial());
    const auto in_this_state = origin.source->unchanged();
    ComponentCache::Table table = in_this_state ? cache_.find(key) : nullptr;
    if (table) return table;
    if (in_this_state && origin.whole && store_) table = store_->load(id, labels.shape());
    const bool stored = table != nullptr;
    if (!stored) table = labelled(in_memory(labels, false, parallel).view(), background, parallel);
    if (stored || origin.source->unchanged()) {
      cache_.insert(key, table);
      if (!stored && origin.whole && store_) store_->save(id, *table);
    }
    return table;
  }

  ComponentCache::Table components_of_contents(const ConstView& labels, std::int64_t background,
                                               Parallel& parallel) const {
    const auto bytes = static_cast<std::size_t>(labels.volume()) * labels.element_size();
    Hash128 key = hash_bytes(labels.data, bytes, 0, parallel);
    key = hash_with(hash_with(key, static_cast<std::uint64_t>(labels.dtype)),
                    static_cast<std::uint64_t>(background));
    for (const std::int64_t extent : labels.shape)
      key = hash_with(key, static_cast<std::uint64_t>(extent));
    if (auto table = cache_.find(key)) return table;
    auto table = labelled(labels, background, parallel);
    cache_.insert(key, table);
    return table;
  }

  void write(const FunctionRun& r, const Dims& lo, const Dims& hi, std::int64_t cls) const {
    const auto put = [&](int output, int from, int i, std::int64_t value) {
      const View& v = r.out[static_cast<std::size_t>(output)];
      v.ptr<std::int32_t>()[(from + i) * v.strides[0]] = static_cast<std::int32_t>(value);
    };
    const int rank = lo.rank();
    for (int i = 0; i < rank; ++i) {
      put(0, 0, i, lo[i]);
      if (format_ == Format::box)
        put(0, rank, i, hi[i]);
      else
        put(1, 0, i, format_ == Format::start_end ? hi[i] : hi[i] - lo[i]);
    }
    if (output_class_) *r.out.back().ptr<std::int32_t>() = static_cast<std::int32_t>(cls);
  }

  const bool ignore_class_, output_class_;
  const std::unique_ptr<const ComponentStore> store_;  // where cache_dir is given
  const bool cached_;
  const std::int64_t k_largest_;
  const Format format_;
  const Arg<double> foreground_prob_;
  const Arg<std::vector<std::int64_t>> threshold_, classes_;
  const Arg<std::int64_t> background_;
  const Arg<std::vector<double>> class_weights_;
  mutable ComponentCache cache_{kCacheBytes};
};

}  // namespace

VARO_OPERATORS(labels, random_object_bbox) {
  constexpr double kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr double kMost = std::numeric_limits<std::uint32_t>::max();
  return {
      OperatorDef("segmentation.random_object_bbox",
                  "Box of a connected object drawn from a label map.")
          .doc("Draws a class, then one of its connected components (voxels of one value that "
               "share a face), and "
               "returns that component's tight bounding box: what `fn.slice` or "
               "`fn.roi_random_crop` take. With "
               "probability 1 - foreground_prob, and when no object qualifies, the box is the "
               "whole input and the "
               "class is the background.")
          .input({.name = "labels",
                  .doc = "Label map. Every axis counts, also one of channels. Labels of 64 bits "
                         "and floats are whole numbers that int32 holds.",
                  .dtypes = dtypes_except({DType::f16}),
                  .least_rank = 1,
                  .most_rank = 6})
          .output("anchor",
                  "Start of the box, or start and end in one for the format \"box\"; int32.")
          .output("shape", "Extents, or the end (exclusive) for the format \"start_end\"; int32.")
          .output("class", "With output_class: the class of the object; int32 scalar.")
          .arg({.name = "ignore_class",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Draw among the objects of all classes with equal probability. Excludes "
                       "classes, "
                       "class_weights and output_class.",
                .constant = true})
          .arg({.name = "output_class",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Return the class of the object as one more output.",
                .constant = true})
          .arg({.name = "foreground_prob",
                .type = ArgType::real,
                .default_value = 1.0,
                .doc = "Probability of drawing an object rather than the whole input."})
          .arg({.name = "classes",
                .type = ArgType::integers,
                .doc = "Values to draw from; all that occur if not given.",
                .least = kLeast,
                .most = kMost})
          .arg({.name = "background",
                .type = ArgType::integer,
                .default_value = std::int64_t{0},
                .doc = "Value that is no object. If not given: 0, or one less than the least of "
                       "the classes when 0 is "
                       "one of them.",
                .least = kLeast,
                .most = kMost})
          .arg({.name = "class_weights",
                .type = ArgType::reals,
                .doc = "Relative probability of each of the classes, or, without classes, of 0, 1, "
                       "2, ... with the "
                       "background left out. Classes that do not occur count as 0.",
                .least = 0,
                .most = kMaxWeight})
          .arg({.name = "k_largest",
                .type = ArgType::integer,
                .doc = "Draw among this many objects of the class with the largest boxes.",
                .constant = true,
                .least = 1})
          .arg({.name = "threshold",
                .type = ArgType::integers,
                .doc = "Least extent of a box along each axis, in the order of the axes; one "
                       "number for all axes."})
          .arg({.name = "format",
                .type = ArgType::text,
                .default_value = std::string("anchor_shape"),
                .doc = "\"anchor_shape\": start and extents. \"start_end\": start and end. "
                       "\"box\": one output with "
                       "start and end.",
                .constant = true,
                .choices = {"anchor_shape", "start_end", "box"}})
          .arg({.name = "cache_objects",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Remember the objects of label maps seen before. One that comes unchanged "
                       "from a file, but for views such as a flip, is known by the file's name and "
                       "state, and not read again for its objects; others are known by content. "
                       "Changes no result.",
                .constant = true})
          .arg({.name = "cache_dir",
                .type = ArgType::text,
                .doc = "Folder that keeps the objects of whole label files between runs, a small "
                       "file for each; made when it is needed. Implies cache_objects. Several "
                       "processes may share it. A file that is damaged, or that belongs to another "
                       "state of a label file, counts as missing; when nothing can be written "
                       "there, a warning says so once.",
                .constant = true})
          .traits({.random = true})
          .outputs_by([](const Args& args) { return RandomObjectBBox::output_count(args); })
          .make<RandomObjectBBox>()};
}

}  // namespace varo

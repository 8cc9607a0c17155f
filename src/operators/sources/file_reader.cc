// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/file_reader.h"

#include <algorithm>
#include <fmt/format.h>

#include "formats/stacked_source.h"
#include "operators/shared/promotion.h"
#include "operators/sources/roi.h"
#include "operators/sources/same_grid.h"

namespace varo {

struct FileReader::Files {
  CaseList cases;
  Loader loader;
};

namespace {

CaseListOptions case_options(const Args& args) {
  CaseListOptions options;
  FileListOptions& list = options.list;
  if (args.constant("file_root")) list.file_root = args.text("file_root");
  if (args.constant("file_list")) list.file_list = args.text("file_list");
  if (args.constant("files")) list.files = args.texts("files");
  if (args.def().find_arg("file_filters") != nullptr)
    list.filters = args.texts("file_filters");
  else
    list.filters = {args.text("file_filter")};
  if (args.constant("names")) options.names = args.texts("names");
  if (args.constant("channels")) options.channels = args.integers("channels");
  if (args.constant("table")) options.table = args.text("table");
  if (args.constant("columns")) options.columns = args.texts("columns");
  return options;
}

LoaderOptions loader_options(const Args& args) {
  return {.num_shards = args.integer("num_shards"),
          .shard_id = args.integer("shard_id"),
          .stick_to_shard = args.flag("stick_to_shard"),
          .pad_last_batch = args.flag("pad_last_batch"),
          .random_shuffle = args.flag("random_shuffle"),
          .shuffle_after_epoch = args.flag("shuffle_after_epoch"),
          .initial_fill = args.integer("initial_fill"),
          .seed = static_cast<std::uint64_t>(args.integer("seed"))};
}

}  // namespace

OperatorDef with_reader_args(OperatorDef def, ArgDef filter) {
  const auto add = [&](ArgDef arg) {
    arg.constant = true;
    def = std::move(def).arg(std::move(arg));
  };
  add({.name = "file_root",
       .type = ArgType::text,
       .doc = "Folder to look for files in, and where relative names begin. Files directly in it "
              "come first, then "
              "those of each folder directly below it."});
  add(std::move(filter));
  add({.name = "file_list",
       .type = ArgType::text,
       .doc = "Text file with one path a line. Relative ones begin at file_root, else at the "
              "list's own folder."});
  add({.name = "files",
       .type = ArgType::grouped,
       .doc =
           "The paths themselves. Or lists that belong together, `{\"image\": [...], \"label\": "
           "[...]}`: the reader then has an output for each, in this order, and entry i of every "
           "list is of case i. An entry that is a list of files is their stack along a new first "
           "axis (C, where the format names axes), which is read by region as well. Or patterns "
           "with the name of the case in them, `{\"image\": \"imagesTr/{case}_0000.nii.gz\", "
           "\"label\": \"labelsTr/{case}.nii.gz\"}`: cases come sorted by name, and a case "
           "that lacks a file, or has two for one place, is an error when the pipeline is built. "
           "`{channel}` in a pattern, or a list of patterns, stacks files; `*` and `?` stand for "
           "any text and any one character of a name. Lists are taken as they are: a file that "
           "is not there is an error of its sample."});
  add({.name = "table",
       .type = ArgType::text,
       .doc =
           "A file that says which files belong together: .csv or .tsv with the names of the "
           "outputs in its first line; .json with a list of objects, or an object of lists; the "
           "dataset.json of the Medical Segmentation Decathlon (its \"training\") or of nnU-Net "
           "2 (outputs image, whose channels are always stacked, and label). Relative names begin "
           "at file_root, else at the table's own folder. It is read when the reader is declared; "
           "files that are not there, and cells without one, are errors when the pipeline is "
           "built. Excludes files and file_list."});
  add({.name = "columns",
       .type = ArgType::grouped,
       .doc = "The columns of the table that are outputs, in this order; a dict names the outputs, "
              "and a list of columns in it is stacked: `{\"image\": [\"t1\", \"t2\"], "
              "\"label\": \"seg\"}`. Default: every column."});
  add({.name = "names",
       .type = ArgType::texts,
       .doc =
           "Names of the outputs. A dict given for files or columns sets it, with files or columns "
           "then a list: case by case the files of each output, or a pattern or column for each."});
  add({.name = "channels",
       .type = ArgType::integers,
       .doc =
           "With names: for each output how many files of a case are stacked; 0: one file, as it "
           "is. A dict sets it as well.",
       .least = 0});
  add({.name = "num_shards",
       .type = ArgType::integer,
       .default_value = std::int64_t{1},
       .doc = "Number of parts that the files are divided into.",
       .least = 1});
  add({.name = "shard_id",
       .type = ArgType::integer,
       .default_value = std::int64_t{0},
       .doc = "The part to begin with, below num_shards.",
       .least = 0});
  add({.name = "stick_to_shard",
       .type = ArgType::boolean,
       .default_value = false,
       .doc = "Read the same part in every epoch instead of the next one."});
  add({.name = "pad_last_batch",
       .type = ArgType::boolean,
       .default_value = false,
       .doc = "Repeat the last sample until the epoch's last batch is full and every part has "
              "given equally many "
              "batches."});
  add({.name = "random_shuffle",
       .type = ArgType::boolean,
       .default_value = false,
       .doc = "Permute the files once, then draw each sample from the next initial_fill ones."});
  add({.name = "initial_fill",
       .type = ArgType::integer,
       .default_value = std::int64_t{1024},
       .doc = "Number of samples that random_shuffle draws from.",
       .least = 1});
  add({.name = "shuffle_after_epoch",
       .type = ArgType::boolean,
       .default_value = false,
       .doc = "Permute all files anew for every epoch, in the same way in every part; implies "
              "stick_to_shard."});
  add({.name = "seed",
       .type = ArgType::integer,
       .default_value = std::int64_t{-1},
       .doc = "Seed of random_shuffle's draws. Default: derived from the pipeline's seed."});
  add({.name = "lazy_init",
       .type = ArgType::boolean,
       .default_value = false,
       .doc =
           "Look for the files when the first batch is asked for, not when the reader is made."});
  add({.name = "cache_header_information",
       .type = ArgType::boolean,
       .default_value = false,
       .doc = "Remember headers, so that a file that has not changed is not opened for its header "
              "again."});
  return with_roi_args(std::move(def))
      .one_of({"files", "file_list", "table"})
      .traits({.random = true, .moves_only = true})
      .outputs_by([](const Args& args) { return count_outputs(case_options(args)); })
      .ignored(
          {{"dont_use_mmap", false,
            "Files are never mapped: plain reads are as fast, and a mapped file that somebody shortens "
            "would end the process."},
           {"prefetch_queue_depth", 1, "How far reading runs ahead is the pipeline's decision.", 1},
           {"read_ahead", false, "Only the regions that are needed are read."},
           {"skip_cached_images", false, "Concerns decoders of pictures only."},
           {"tensor_init_bytes", 1 << 20, "Buffers are as large as the samples.", 1}});
}

OperatorDef with_affine_check(OperatorDef def) {
  return std::move(def).arg(
      {.name = "check_affine",
       .type = ArgType::boolean,
       .default_value = true,
       .doc =
           "With several files a case: their extents along D, H and W must be equal, and their "
           "voxel-to-world maps put no corner of the volume farther apart than a thousandth of "
           "the smallest voxel's edge; else the sample is an error that names both files. False: "
           "only what is stacked must agree, in extents.",
       .constant = true});
}

FileReader::FileReader(const Args& args)
    : args_(args),
      check_affine_(args.def().find_arg("check_affine") != nullptr && args.flag("check_affine")) {
  if (!args.flag("lazy_init")) files();
}
FileReader::~FileReader() = default;

FileReader::Files& FileReader::files() const {
  const std::lock_guard lock(mutex_);
  if (!files_) {
    CaseList cases = list_cases(case_options(args_));
    Loader loader(cases.count(), loader_options(args_));
    loader.restore(start_);
    for (const std::int64_t size : skipped_) loader.next_batch(static_cast<int>(size));
    files_ = std::make_unique<Files>(Files{std::move(cases), std::move(loader)});
  }
  return *files_;
}

std::vector<Ticket> FileReader::tick(int batch_size) {
  std::vector<Ticket> tickets;
  for (const std::int64_t index : files().loader.next_batch(batch_size))
    tickets.push_back({.index = index, .values = {}});
  return tickets;
}

void FileReader::skip(int batch_size) {
  bool listed = false;
  {
    const std::lock_guard lock(mutex_);
    listed = files_ != nullptr;
    if (!listed) skipped_.push_back(batch_size);
  }
  if (listed) files_->loader.next_batch(batch_size);
}

void FileReader::save(SourceState& state) const {
  const std::lock_guard lock(mutex_);
  const Loader::Position at = files_ ? files_->loader.position() : start_;
  state.words = {at.epoch, at.returned};
  if (!files_) state.words.insert(state.words.end(), skipped_.begin(), skipped_.end());
}

void FileReader::restore(const SourceState& state) {
  const bool wrong = state.words.size() < 2 ||
                     std::any_of(state.words.begin(), state.words.end(), [](std::int64_t word) {
                       return word < 0 || word > std::int64_t{1} << 40;
                     });
  if (wrong) throw Error(ErrorKind::param, "this is no position in a list of files");
  const std::lock_guard lock(mutex_);
  start_ = {state.words[0], state.words[1]};
  skipped_.assign(state.words.begin() + 2, state.words.end());
  if (!files_) return;
  files_->loader.restore(start_);
  for (const std::int64_t size : skipped_) files_->loader.next_batch(static_cast<int>(size));
}

std::optional<std::int64_t> FileReader::shard() const {
  if (args_.integer("num_shards") == 1) return std::nullopt;
  return args_.integer("shard_id");
}

std::vector<std::string> FileReader::items() const {
  std::vector<std::string> names = files().cases.paths();
  if (!args_.constant("file_root")) return names;
  std::string root = args_.text("file_root");
  while (!root.empty() && root.back() == '/') root.pop_back();
  root += '/';
  for (std::string& name : names)
    if (name.compare(0, root.size(), root) == 0) name.erase(0, root.size());
  return names;
}

std::optional<Ticket> FileReader::probe() const {
  if (args_.flag("lazy_init")) return std::nullopt;
  Loader ahead = files().loader;  // another shard's files may not even be on this machine
  return Ticket{.index = ahead.next_batch(1)[0], .values = {}};
}

std::optional<ReaderMeta> FileReader::meta() const { return files().loader.meta(); }

std::vector<OrderFact> FileReader::order() const {
  const auto flag = [&](const char* name) {
    return OrderFact{name, args_.flag(name) ? "True" : "False"};
  };
  const auto number = [&](const char* name) {
    return OrderFact{name, fmt::format("{}", args_.integer(name))};
  };
  std::vector<OrderFact> facts = {number("num_shards"),   number("shard_id"),
                                  flag("stick_to_shard"), flag("pad_last_batch"),
                                  flag("random_shuffle"), flag("shuffle_after_epoch")};
  if (args_.flag("random_shuffle")) {
    facts.push_back(number("initial_fill"));
    facts.push_back(number("seed"));
  }
  if (!args_.flag("lazy_init"))
    facts.push_back({"number of samples", fmt::format("{}", files().cases.count())});
  return facts;
}

Tensor FileReader::stack(std::span<const std::string> paths) const {
  std::vector<Tensor> parts;
  for (const std::string& path : paths) parts.push_back(open(path));
  const Tensor& first = parts[0];
  DType dtype = first.dtype();
  for (const Tensor& part : parts) {
    const auto refused = [&](const char* problem) {
      return Error(ErrorKind::read, problem)
          .got(fmt::format("{} of {}", to_string(part.shape()), part.meta().source))
          .allowed(fmt::format("{} as of {}", to_string(first.shape()), first.meta().source));
    };
    if (part.layout().has('C') || part.layout().has('F') || part.rank() == kMaxRank)
      throw Error(ErrorKind::read,
                  "a file with channels or frames cannot be one of several that are stacked")
          .got(fmt::format("{} \"{}\" of {}", to_string(part.shape()), part.layout().str(),
                           part.meta().source))
          .allowed("spatial axes only");
    if (!(part.shape() == first.shape()))
      throw refused("files that are stacked have different extents");
    if (check_affine_) check_same_grid({"", first}, {"", part});
    dtype = promoted(dtype, part.dtype());
  }
  const Layout layout = first.layout().empty() ? Layout() : first.layout().with(0, 'C');
  const Meta meta = first.meta();
  return Tensor::defer(stacked_source(std::move(parts), dtype), layout).with_meta(meta);
}

void FileReader::infer(Inference& sample) const {
  const CaseList& cases = files().cases;
  const auto outputs = static_cast<std::size_t>(sample.output_count());
  if (cases.outputs().size() != outputs)
    throw Error(ErrorKind::state, "the table has changed since the reader was declared")
        .got(fmt::format("{} columns", cases.outputs().size()))
        .allowed(fmt::format("{}", outputs));
  std::vector<Tensor> values;
  for (std::size_t k = 0; k < outputs; ++k) {
    const auto paths = cases.files(sample.ticket().index, static_cast<int>(k));
    values.push_back(cases.outputs()[k].stacked ? stack(paths) : open(paths[0]));
    if (k > 0 && check_affine_)
      check_same_grid({cases.outputs()[0].name, values[0]}, {cases.outputs()[k].name, values[k]});
  }
  for (std::size_t k = 0; k < outputs; ++k) {
    values[k] = roi_of(values[k], sample);
    sample.set_output(static_cast<int>(k), values[k].spec());
  }
  sample.state() = std::move(values);
}

bool FileReader::resolve(Views& views) const {
  const auto& values = views.facts.kept<std::vector<Tensor>>();
  for (std::size_t k = 0; k < values.size(); ++k) views.out[k] = values[k];
  return true;
}

}  // namespace varo

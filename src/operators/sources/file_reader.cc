// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/file_reader.h"

#include <algorithm>

#include "operators/sources/file_list.h"

namespace varo {

struct FileReader::Files {
  std::vector<std::string> paths;
  Loader loader;
};

namespace {

FileListOptions list_options(const Args& args) {
  FileListOptions options;
  if (args.constant("file_root")) options.file_root = args.text("file_root");
  if (args.constant("file_list")) options.file_list = args.text("file_list");
  if (args.constant("files")) options.files = args.texts("files");
  if (args.def().find_arg("file_filters") != nullptr)
    options.filters = args.texts("file_filters");
  else
    options.filters = {args.text("file_filter")};
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
       .type = ArgType::texts,
       .doc = "The paths themselves. Excludes file_list."});
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
  return std::move(def).ignored(
      {{"dont_use_mmap", false,
        "Files are never mapped: plain reads are as fast, and a mapped file that somebody shortens "
        "would end the process."},
       {"prefetch_queue_depth", 1, "How far reading runs ahead is the pipeline's decision.", 1},
       {"read_ahead", false, "Only the regions that are needed are read."},
       {"skip_cached_images", false, "Concerns decoders of pictures only."},
       {"tensor_init_bytes", 1 << 20, "Buffers are as large as the samples.", 1}});
}

FileReader::FileReader(const Args& args) : args_(args) {
  if (!args.flag("lazy_init")) files();
}
FileReader::~FileReader() = default;

FileReader::Files& FileReader::files() const {
  const std::lock_guard lock(mutex_);
  if (!files_) {
    std::vector<std::string> paths = list_files(list_options(args_));
    Loader loader(std::ssize(paths), loader_options(args_));
    loader.restore(start_);
    for (const std::int64_t size : skipped_) loader.next_batch(static_cast<int>(size));
    files_ = std::make_unique<Files>(Files{std::move(paths), std::move(loader)});
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

std::int64_t FileReader::shard() const {
  return args_.integer("num_shards") > 1 ? args_.integer("shard_id") : 0;
}

std::vector<std::string> FileReader::items() const {
  std::vector<std::string> names = files().paths;
  if (!args_.constant("file_root")) return names;
  const std::string root = args_.text("file_root") + "/";
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

void FileReader::infer(Inference& sample) const {
  const auto index = static_cast<std::size_t>(sample.ticket().index);
  Tensor tensor = open(files().paths[index], sample);
  sample.set_output(0, tensor.spec());
  sample.state() = std::move(tensor);
}

bool FileReader::resolve(Views& views) const {
  views.out[0] = views.facts.kept<Tensor>();
  return true;
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// What readers share: which files belong to a case, the order of the cases, the arguments for both.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "operators/api/operator.h"
#include "operators/sources/case_list.h"
#include "operators/sources/loader.h"

namespace varo {

/// Adds the arguments that name files, region, order and cache to a reader's definition, and as many
/// outputs as lists. `filter` is the reader's own file_filter argument.
OperatorDef with_reader_args(OperatorDef def, ArgDef filter);
/// Adds check_affine, for formats whose files have a voxel-to-world map.
OperatorDef with_affine_check(OperatorDef def);

/// Headers by path. A header knows the state of the files that it came from. Safe from any thread.
template <class Header>
class HeaderCache {
 public:
  /// The cached header, or probe(path) when there is none or a file has changed since.
  template <class Probe>
  Header get(const std::string& path, const Probe& probe) {
    const std::optional<Header> known = find(path);
    if (known && known->current()) return *known;
    Header header = probe(path);
    const std::lock_guard lock(mutex_);
    headers_.insert_or_assign(path, header);
    return header;
  }

 private:
  std::optional<Header> find(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto at = headers_.find(path);
    return at == headers_.end() ? std::nullopt : std::optional(at->second);
  }

  std::mutex mutex_;
  std::map<std::string, Header> headers_;
};

/// A source whose samples are files, one or several a case. A reader says how a file becomes a
/// (deferred) tensor.
class FileReader : public SourceOperator {
 public:
  explicit FileReader(const Args& args);
  ~FileReader() override;

  std::vector<Ticket> tick(int batch_size) override;
  void skip(int batch_size) override;
  void save(SourceState& state) const override;
  void restore(const SourceState& state) override;
  std::optional<std::int64_t> shard() const override;
  std::vector<std::string> items() const override;
  std::optional<Ticket> probe() const override;
  std::optional<ReaderMeta> meta() const override;
  std::vector<OrderFact> order() const override;
  void infer(Inference& sample) const final;
  bool resolve(Views& views) const final;

 protected:
  /// The file's value; reads no more than the header.
  virtual Tensor open(const std::string& path) const = 0;

 private:
  struct Files;
  // The files are looked up when they are first needed (lazy_init), at the latest by tick().
  Files& files() const;
  /// Several files of a case as one tensor.
  Tensor stack(std::span<const std::string> paths) const;
  const Args args_;
  const bool check_affine_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Files> files_;
  // Where the loader is to begin, and the sizes of batches that were skipped before there was one.
  Loader::Position start_;
  std::vector<std::int64_t> skipped_;
};

}  // namespace varo

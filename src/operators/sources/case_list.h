// SPDX-License-Identifier: Apache-2.0
/// The cases of a data set: which files belong together, and what each is of a case.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "operators/sources/file_list.h"

namespace varo {

struct CaseListOptions {
  FileListOptions list;  ///< of a reader of one list; file_root for the others too
  /// Names of the outputs; none: a reader of one list, or a table names them.
  std::vector<std::string> names;
  /// Of each output how many files of a case are stacked as its channels; 0: one file as it is.
  /// None: 0 everywhere.
  std::vector<std::int64_t> channels;
  std::optional<std::string> table;  ///< see case_table.h
  std::vector<std::string> columns;  ///< of the table: those of the outputs, one after the other
};

/// For each case and output one file, or several that are stacked.
class CaseList {
 public:
  struct Output {
    std::string name;  ///< empty where one list has no name
    std::int64_t files = 1;
    bool stacked = false;
  };

  CaseList(std::vector<Output> outputs, std::vector<std::string> paths);

  const std::vector<Output>& outputs() const { return outputs_; }
  std::int64_t count() const { return std::ssize(paths_) / width_; }
  /// Case after case, in a case output after output.
  const std::vector<std::string>& paths() const { return paths_; }
  std::span<const std::string> files(std::int64_t index, int output) const;

 private:
  std::vector<Output> outputs_;
  std::vector<std::string> paths_;  // case by case, output by output
  std::int64_t width_;
};

/// The cases that the options name:
///   no names, no table   one output: list_files()
///   files                a list, case by case and output by output, as given; or, with {case} in each,
///                        a pattern for each file of a case (see case_pattern.h). A pattern with
///                        {channel} is the only one of its output, whose channels are what it finds
///   table                the rows of a table, or the files that it tells of
/// Relative names begin at file_root if given; those of a table else at the table's own folder.
/// Cases that patterns find are sorted by their names. Each is complete, with one file for each place:
/// every case that has not, or has more, is told. So is a file of a table that is not there.
/// Throws ParamError for contradicting options, ReadError for the rest.
CaseList list_cases(const CaseListOptions& options);

/// How many outputs list_cases() would give; reads a table at most.
int count_outputs(const CaseListOptions& options);

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
/// Tables that say which files belong together: CSV, JSON, and the dataset.json of two data sets'
/// conventions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varo {

/// What a table says of one output of one case.
struct TableCell {
  std::vector<std::string> files;  ///< none: the table has no file there
  bool list = false;               ///< a list of files, be it of one
};
struct TableRow {
  std::string where;             ///< for messages: "line 3", "training[2]"
  std::vector<TableCell> cells;  ///< one a column
};
struct CaseTable {
  std::vector<std::string> columns;
  std::vector<TableRow> rows;
  /// The cases are those that files on disk show, not rows: these patterns, in folders beside the table
  /// (see case_pattern.h), one a channel of the image, then the label's.
  std::vector<std::string> patterns;
  std::optional<std::string> count;  ///< of the cases, as the table promises it
};

/// The table in a file, by the file's ending:
///   .csv, .tsv   the first line names the columns; RFC 4180, with tabs in a .tsv
///   .json        a list of objects; an object of lists of one length; or an object with one of
///                  "training"        such a list of objects (Medical Segmentation Decathlon)
///                  "channel_names"   and "file_ending", perhaps "dataset" (nnU-Net, version 2)
///                Columns are the keys whose values are texts, or lists of texts.
/// Throws ReadError where it is none of these.
CaseTable read_table(const std::string& path);
/// Of the bytes of such a file; `path` says its kind, and stands in messages.
CaseTable parse_table(std::string_view text, const std::string& path);

}  // namespace varo

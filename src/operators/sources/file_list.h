// SPDX-License-Identifier: Apache-2.0
/// The files of a data set, in a fixed order.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace varo {

struct FileListOptions {
  std::optional<std::string> file_root;
  std::optional<std::string> file_list;
  std::optional<std::vector<std::string>> files;
  std::vector<std::string> filters;  ///< globs on file names, case-sensitive; any may match
};

/// The paths that the options name:
///   files       as given
///   file_list   the lines of a text file that are not empty, as they are
///   neither     what a filter matches in file_root, then in each folder directly below it; sorted
///               by bytes within a folder, folders too. Hidden folders are left out, and hidden files
///               that no filter begins with a dot for (._x.nii.gz, as macOS leaves them)
/// Relative names begin at file_root if given; those of file_list else at the list's own folder.
/// Throws ParamError for contradicting options, ReadError for a folder or list that cannot be read
/// and when no file was found.
std::vector<std::string> list_files(const FileListOptions& options);

/// `name` below `folder`; an absolute name, and any where there is no folder, as it is.
std::string below(const std::string& folder, const std::string& name);

}  // namespace varo

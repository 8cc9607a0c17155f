// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/file_list.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>
#include <sstream>

#include "formats/file.h"
#include "varo/error.h"

namespace varo {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> listed(const std::string& path, const std::optional<std::string>& root) {
  const File list(path);
  std::string text(static_cast<std::size_t>(list.size()), '\0');
  list.read(0, text.data(), text.size());
  const std::string folder = root ? *root : fs::path(path).parent_path().string();
  std::vector<std::string> files;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) files.push_back(below(folder, line));
  }
  return files;
}

class Discovery {
 public:
  explicit Discovery(const std::vector<std::string>& filters) : filters_(filters) {}

  std::vector<std::string> run(const std::string& root) {
    for (const std::string& folder : visit(root)) visit(folder);
    return std::move(found_);
  }

 private:
  // Adds the folder's own files; returns the folders in it.
  std::vector<std::string> visit(const std::string& folder) {
    std::vector<std::string> names, folders;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      std::error_code unknown;  // e.g. a link to nowhere
      const std::string name = entry->path().filename().string();
      if (entry->is_directory(unknown) && !name.starts_with('.'))
        folders.push_back(below(folder, name));
      else if (entry->is_regular_file(unknown) && wanted(name))
        names.push_back(name);
    }
    if (error)
      throw Error(ErrorKind::read,
                  fmt::format("cannot list the folder {}: {}", folder, error.message()));
    std::sort(names.begin(), names.end());
    std::sort(folders.begin(), folders.end());
    for (const std::string& name : names) found_.push_back(below(folder, name));
    return folders;
  }

  bool wanted(const std::string& name) const {
    return std::any_of(filters_.begin(), filters_.end(), [&](const std::string& filter) {
      return fnmatch(filter.c_str(), name.c_str(), FNM_PERIOD) == 0;
    });
  }

  const std::vector<std::string>& filters_;
  std::vector<std::string> found_;
};

}  // namespace

std::string below(const std::string& folder, const std::string& name) {
  if (folder.empty() || fs::path(name).is_absolute()) return name;
  return (fs::path(folder) / name).string();
}

std::vector<std::string> list_files(const FileListOptions& options) {
  if (options.files && options.file_list)
    throw Error(ErrorKind::param, "files and file_list exclude each other")
        .got(
            fmt::format("{} files and file_list=\"{}\"", options.files->size(), *options.file_list))
        .allowed("one of the two");
  std::vector<std::string> found;
  std::string where;
  if (options.files) {
    for (const std::string& name : *options.files)
      found.push_back(below(options.file_root.value_or(""), name));
    where = "an empty list";
  } else if (options.file_list) {
    found = listed(*options.file_list, options.file_root);
    where = fmt::format("file_list=\"{}\" without a path in it", *options.file_list);
  } else if (options.file_root) {
    found = Discovery(options.filters).run(*options.file_root);
    where = fmt::format("nothing that matches {} in {} or the folders directly below it",
                        fmt::join(options.filters, " or "), *options.file_root);
  } else {
    throw Error(ErrorKind::param, "no files were named")
        .allowed("one of files, file_list and file_root");
  }
  if (found.empty())
    throw Error(ErrorKind::read, "No files found").got(where).allowed("at least 1 file");
  return found;
}

}  // namespace varo

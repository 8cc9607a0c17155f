// SPDX-License-Identifier: Apache-2.0
/// Files for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace varo::testing {

/// A new empty folder that goes away with this object.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "varo_test_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string at(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }
  /// Writes a file, with the folders it lies in; returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(at(name), std::ios::binary) << bytes;
    return at(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace varo::testing

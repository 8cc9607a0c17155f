// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/file_list.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/testing.h"
#include "varo/error.h"

namespace varo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileList : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* path :
         {"b.npy", "a.npy", "C.NPY", "z/1.npy", "y/2.npy", "y/10.npy", "y/deep/3.npy", "y/n.txt"})
      folder_.write(path, "x");
  }
  std::string at(const char* name) const { return folder_.at(name); }
  std::string error_of(const FileListOptions& options) {
    try {
      list_files(options);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  varo::testing::TempFolder folder_;
  const std::filesystem::path root_ = folder_.path();
};

TEST_F(FileList, finds_files_in_the_root_and_one_level_below) {
  EXPECT_THAT(list_files({.file_root = root_.string(), .filters = {"*.npy"}}),
              ElementsAre(at("a.npy"), at("b.npy"), at("y/10.npy"), at("y/2.npy"), at("z/1.npy")));
  EXPECT_THAT(list_files({.file_root = root_.string(), .filters = {"[0-9].npy", "*.txt"}}),
              ElementsAre(at("y/2.npy"), at("y/n.txt"), at("z/1.npy")));
}

TEST_F(FileList, follows_links_and_skips_broken_ones) {
  std::filesystem::create_symlink("a.npy", root_ / "link.npy");
  std::filesystem::create_symlink("nowhere", root_ / "broken.npy");
  EXPECT_THAT(list_files({.file_root = root_.string(), .filters = {"*n*.npy"}}),
              ElementsAre(at("link.npy")));
}

TEST_F(FileList, leaves_out_what_is_hidden) {
  for (const char* path : {"._b.npy", ".hidden/1.npy", "y/._2.npy", ".own.npy"})
    folder_.write(path, "x");
  EXPECT_THAT(list_files({.file_root = root_.string(), .filters = {"*.npy"}}),
              ElementsAre(at("a.npy"), at("b.npy"), at("y/10.npy"), at("y/2.npy"), at("z/1.npy")));
  EXPECT_THAT(list_files({.file_root = root_.string(), .filters = {".*.npy"}}),
              ElementsAre(at("._b.npy"), at(".own.npy"), at("y/._2.npy")));
}

TEST_F(FileList, takes_the_lines_of_a_list) {
  std::ofstream(at("list.txt")) << "one two.npy\n\n/abs/x.npy\r\n last.npy";
  EXPECT_THAT(list_files({.file_list = at("list.txt")}),
              ElementsAre(at("one two.npy"), "/abs/x.npy", at(" last.npy")));
  EXPECT_THAT(list_files({.file_root = "/r", .file_list = at("list.txt")}),
              ElementsAre("/r/one two.npy", "/abs/x.npy", "/r/ last.npy"));
}

TEST_F(FileList, takes_files_as_given) {
  EXPECT_THAT(list_files({.files = {{"q.npy", "p.npy"}}}), ElementsAre("q.npy", "p.npy"));
  EXPECT_THAT(list_files({.file_root = "/r", .files = {{"q.npy", "/p.npy"}}}),
              ElementsAre("/r/q.npy", "/p.npy"));
}

TEST_F(FileList, says_what_is_wrong) {
  EXPECT_THAT(error_of({.file_list = "l", .files = {{"a", "b"}}}), HasSubstr("2 files"));
  EXPECT_THAT(error_of({}), HasSubstr("file_root"));
  EXPECT_THAT(error_of({.files = std::vector<std::string>{}}), HasSubstr("No files found"));
  EXPECT_THAT(
      error_of({.file_root = root_.string(), .filters = {"*.nii"}}),
      ::testing::AllOf(HasSubstr("No files found"), HasSubstr("*.nii"), HasSubstr(root_.string())));
  EXPECT_THAT(error_of({.file_root = at("none"), .filters = {"*"}}), HasSubstr("none"));
  EXPECT_THAT(error_of({.file_list = at("none.txt")}), HasSubstr("none.txt"));
  EXPECT_THAT(error_of({.file_list = root_.string()}), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of({.file_list = "/dev/zero"}), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace varo

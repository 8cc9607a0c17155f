// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/case_list.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/testing.h"
#include "operators/sources/case_pattern.h"
#include "varo/error.h"

namespace varo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Texts = std::vector<std::string>;

class Cases : public ::testing::Test {
 protected:
  void write(std::initializer_list<const char*> names) {
    for (const char* name : names) folder_.write(name, "x");
  }
  std::string root() const { return folder_.path().string(); }
  // Each case as "a.nii b.nii | c.nii", names below the folder.
  Texts listed(CaseListOptions options, bool below_root = true) {
    if (below_root) options.list.file_root = root();
    const CaseList cases = list_cases(options);
    Texts texts;
    for (std::int64_t i = 0; i < cases.count(); ++i) {
      std::string text;
      for (int k = 0; k < static_cast<int>(cases.outputs().size()); ++k) {
        if (k > 0) text += " |";
        for (const std::string& path : cases.files(i, k)) {
          text += ' ';
          text += std::filesystem::path(path).lexically_relative(root()).string();
        }
      }
      texts.push_back(text.substr(1));
    }
    return texts;
  }
  Texts found(const Texts& patterns, std::vector<std::int64_t> channels = {}) {
    Texts names = {"image", "label"};
    return listed({.list = {.files = patterns}, .names = names, .channels = std::move(channels)});
  }
  template <class List>
  std::string error_of(const List& list) {
    try {
      list();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  Texts table(const std::string& name, const std::string& text, CaseListOptions options = {}) {
    options.table = folder_.write(name, text);
    return listed(options, false);
  }
  varo::testing::TempFolder folder_;
};

TEST_F(Cases, lists_come_case_by_case) {
  const CaseListOptions options{.list = {.files = {{"a", "b", "s", "c", "d", "t"}}},
                                .names = {"image", "label"},
                                .channels = {2, 0}};
  EXPECT_THAT(listed(options), ElementsAre("a b | s", "c d | t"));
  const CaseList cases = list_cases(options);
  EXPECT_TRUE(cases.outputs()[0].stacked);
  EXPECT_FALSE(cases.outputs()[1].stacked);
  EXPECT_THAT(error_of([&] {
                listed({.list = {.files = {{"a", "b", "s"}}}, .names = {"image", "label"}});
              }),
              AllOf(HasSubstr("3 files"), HasSubstr("multiple of 2")));
}

TEST_F(Cases, patterns_share_the_name_of_a_case) {
  write({"im/b_0000.nii", "im/a_0000.nii", "im/a_b_0000.nii", "im/._a_0000.nii", "la/a.nii",
         "la/b.nii", "la/a_b.nii", "im/other.txt"});
  EXPECT_THAT(found({"im/{case}_0000.nii", "la/{case}.nii"}),
              ElementsAre("im/a_0000.nii | la/a.nii", "im/a_b_0000.nii | la/a_b.nii",
                          "im/b_0000.nii | la/b.nii"));
}

TEST_F(Cases, the_name_of_a_case_may_stand_in_folders) {
  write({"c2/c2_t1.nii", "c2/c2_t2.nii", "c2/c2_seg.nii", "c1/c1_t1.nii", "c1/c1_t2.nii",
         "c1/c1_seg.nii", "c1/c2_t1.nii", "readme.txt"});
  EXPECT_THAT(
      found({"{case}/{case}_t1.nii", "{case}/{case}_t2.nii", "{case}/{case}_seg.nii"}, {2, 0}),
      ElementsAre("c1/c1_t1.nii c1/c1_t2.nii | c1/c1_seg.nii",
                  "c2/c2_t1.nii c2/c2_t2.nii | c2/c2_seg.nii"));
  write({"c1/image.nii", "c1/label.nii", "c2/image.nii", "c2/label.nii"});
  EXPECT_THAT(found({"{case}/image.nii", "{case}/label.nii"}),
              ElementsAre("c1/image.nii | c1/label.nii", "c2/image.nii | c2/label.nii"));
  EXPECT_THAT(error_of([&] {
                found({"{case}/image.nii", "{case}/seg/label.nii"});
              }),
              HasSubstr("label: c1, c2"));
}

TEST_F(Cases, channels_are_sorted_numbers_by_value) {
  write({"im/a_2.nii", "im/a_10.nii", "im/a_flair.nii", "im/b_2.nii", "im/b_10.nii",
         "im/b_flair.nii", "la/a.nii", "la/b.nii"});
  EXPECT_THAT(found({"im/{case}_{channel}.nii", "la/{case}.nii"}),
              ElementsAre("im/a_2.nii im/a_10.nii im/a_flair.nii | la/a.nii",
                          "im/b_2.nii im/b_10.nii im/b_flair.nii | la/b.nii"));
  write({"im/c_2.nii", "im/c_flair.nii", "la/c.nii"});
  EXPECT_THAT(error_of([&] {
                found({"im/{case}_{channel}.nii", "la/{case}.nii"});
              }),
              HasSubstr("image 10: c"));
}

TEST_F(Cases, what_is_missing_is_told_with_names) {
  write({"im/a.nii", "im/b.nii", "im/c.nii", "la/a.nii", "la/d.nii"});
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.nii", "la/{case}.nii"});
              }),
              AllOf(HasSubstr("label: b, c"), HasSubstr("image: d"), HasSubstr("la/{case}.nii")));
  for (int i = 0; i < 20; ++i) folder_.write("im/x" + std::to_string(i) + ".nii", "x");
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.nii", "la/{case}.nii"});
              }),
              HasSubstr("and 17 more"));
}

TEST_F(Cases, two_files_for_one_place_are_told_with_names) {
  write({"im/a.nii", "la/1/a.nii", "la/2/a.nii"});
  EXPECT_THAT(found({"im/{case}.nii", "la/1/{case}.nii"}), ElementsAre("im/a.nii | la/1/a.nii"));
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.nii", "la/*/{case}.nii"});
              }),
              AllOf(HasSubstr("several files"), HasSubstr("label: a ("),
                    HasSubstr("la/1/a.nii and"), HasSubstr("la/2/a.nii")));
}

TEST_F(Cases, patterns_that_cannot_be_are_refused) {
  write({"im/a.nii", "la/a.nii"});
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.nii", "la/a.nii"});
              }),
              AllOf(HasSubstr("{case}"), HasSubstr("la/a.nii")));
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.nii", "la/{id}{case}.nii"});
              }),
              HasSubstr("{channel}"));
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.nii", "none/{case}.nii"});
              }),
              HasSubstr("cannot list the folder"));
  EXPECT_THAT(error_of([&] {
                found({"im/{case}.npy", "la/{case}.npy"});
              }),
              HasSubstr("No files found"));
  EXPECT_THAT(error_of([&] { found({"im/{case}.nii"}); }), HasSubstr("1 patterns"));
  EXPECT_THAT(error_of([&] {
                listed({.list = {.files = {{"{case}"}}}, .names = {"a", "a"}});
              }),
              HasSubstr("one name"));
}

TEST_F(Cases, a_question_mark_is_one_character_and_a_star_any_text) {
  write({"a_v1.nii", "b_v22.nii", "c_v3.nii"});
  const auto ids = [&](const std::string& pattern) {
    Texts texts;
    for (const PatternMatch& match : find_matches(root(), pattern)) texts.push_back(match.id);
    return texts;
  };
  EXPECT_THAT(ids("{case}_v?.nii"), ElementsAre("a", "c"));
  EXPECT_THAT(ids("{case}_v*.nii"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids(root() + "//./{case}_v1.nii"), ElementsAre("a"));
}

TEST_F(Cases, csv_tables) {
  write({"a.nii", "b.nii", "l/a.nii", "l/b, \"2\".nii"});
  EXPECT_THAT(table("t.csv",
                    "\xEF\xBB\xBFimage,label\r\na.nii,l/a.nii\r\n\r\nb.nii,\"l/b, \"\"2\"\".nii\""),
              ElementsAre("a.nii | l/a.nii", "b.nii | l/b, \"2\".nii"));
  EXPECT_THAT(
      table("t.TSV", "age\tlabel\timage\n3\tl/a.nii\ta.nii\n", {.columns = {"image", "label"}}),
      ElementsAre("a.nii | l/a.nii"));
  EXPECT_THAT(table("t.csv", "x,y,s\na.nii,b.nii,l/a.nii\n",
                    {.names = {"image", "label"}, .channels = {2, 0}, .columns = {"x", "y", "s"}}),
              ElementsAre("a.nii b.nii | l/a.nii"));
  const auto error = [&](const std::string& text, CaseListOptions options = {}) {
    return error_of([&] { table("t.csv", text, options); });
  };
  EXPECT_THAT(error("image,label\na.nii,l/a.nii\nb.nii,\n"), HasSubstr("label: line 3"));
  EXPECT_THAT(error("image,label\na.nii,l/a.nii\nb.nii,l/none.nii\n"),
              AllOf(HasSubstr("label: "), HasSubstr("l/none.nii (line 3)")));
  EXPECT_THAT(error("image,label\na.nii\n"),
              AllOf(HasSubstr("1 in line 2"), HasSubstr("allowed  2")));
  EXPECT_THAT(error("image,label\n\"a.nii,x"), HasSubstr("quote is not closed"));
  EXPECT_THAT(error("image,image\na.nii,a.nii"), HasSubstr("several columns"));
  EXPECT_THAT(error("image\na.nii", {.columns = {"mask"}}),
              AllOf(HasSubstr("no column named mask"), HasSubstr("image")));
  EXPECT_THAT(error(""), HasSubstr("no line"));
  EXPECT_THAT(error("image,label\n"), HasSubstr("No files found"));
  EXPECT_THAT(error_of([&] { table("t.xls", ""); }), HasSubstr(".csv, .tsv or .json"));
}

TEST_F(Cases, json_tables) {
  write({"a.nii", "b.nii", "c.nii", "d.nii"});
  EXPECT_THAT(
      table(
          "t.json",
          R"([{"image": "a.nii", "age": 3, "label": "b.nii"}, {"label": "d.nii", "image": "c.nii"}])"),
      ElementsAre("a.nii | b.nii", "c.nii | d.nii"));
  EXPECT_THAT(
      table(
          "t.json",
          R"({"image": [["a.nii", "b.nii"], ["c.nii", "d.nii"]], "label": ["b.nii", "a.nii"], "ages": [1, 2]})"),
      ElementsAre("a.nii b.nii | b.nii", "c.nii d.nii | a.nii"));
  const auto error = [&](const std::string& text) {
    return error_of([&] { table("t.json", text); });
  };
  EXPECT_THAT(error(R"([{"image": "a.nii", "label": "b.nii"}, {"image": "c.nii"}])"),
              HasSubstr("label: [1]"));
  EXPECT_THAT(error(R"({"image": ["a.nii"], "label": ["b.nii", "c.nii"]})"),
              HasSubstr("image: 1, label: 2"));
  EXPECT_THAT(error(R"({"image": [["a.nii"], ["c.nii", "d.nii"]]})"),
              HasSubstr("[1] of the table"));
  EXPECT_THAT(error(R"({"name": "x"})"), HasSubstr("names no files"));
  EXPECT_THAT(error("[1]"), HasSubstr("list of objects"));
  EXPECT_THAT(error("[1"), HasSubstr("not JSON"));
}

TEST_F(Cases, the_decathlon_s_dataset) {
  write({"imagesTr/la_1.nii.gz", "labelsTr/la_1.nii.gz", "imagesTr/._la_1.nii.gz"});
  const std::string text =
      R"({"name": "x", "numTraining": 1, "labels": {"0": "b"}, "test": ["./imagesTs/la_2.nii.gz"],
    "training": [{"image": "./imagesTr/la_1.nii.gz", "label": "./labelsTr/la_1.nii.gz"}]})";
  EXPECT_THAT(table("dataset.json", text),
              ElementsAre("imagesTr/la_1.nii.gz | labelsTr/la_1.nii.gz"));
  std::filesystem::remove(folder_.at("labelsTr/la_1.nii.gz"));
  EXPECT_THAT(error_of([&] { table("dataset.json", text); }),
              AllOf(HasSubstr("label: "), HasSubstr("training[0]")));
}

TEST_F(Cases, nnunet_s_dataset) {
  write({"imagesTr/p_1_0000.nii", "imagesTr/p_1_0001.nii", "labelsTr/p_1.nii",
         "imagesTr/q_0000.nii", "imagesTr/q_0001.nii", "labelsTr/q.nii"});
  const std::string text =
      R"({"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0}, "numTraining": 2, "file_ending": ".nii"})";
  EXPECT_THAT(table("dataset.json", text),
              ElementsAre("imagesTr/p_1_0000.nii imagesTr/p_1_0001.nii | labelsTr/p_1.nii",
                          "imagesTr/q_0000.nii imagesTr/q_0001.nii | labelsTr/q.nii"));
  EXPECT_EQ(count_outputs({.table = folder_.at("dataset.json")}), 2);
  write({"imagesTr/r_0000.nii", "labelsTr/r.nii"});
  EXPECT_THAT(error_of([&] { table("dataset.json", text); }), HasSubstr("image[1]: r"));
  write({"imagesTr/r_0001.nii"});
  EXPECT_THAT(error_of([&] { table("dataset.json", text); }),
              AllOf(HasSubstr("3 cases"), HasSubstr("numTraining = 2")));
  const std::string listed =
      R"({"channel_names": {"0": "CT"}, "numTraining": 1, "file_ending": ".nii",
    "dataset": {"z": {"images": ["imagesTr/q_0000.nii"], "label": "labelsTr/q.nii"}}})";
  EXPECT_THAT(table("dataset.json", listed), ElementsAre("imagesTr/q_0000.nii | labelsTr/q.nii"));
}

TEST_F(Cases, options_that_contradict_each_other_are_refused) {
  write({"a"});
  const std::string csv = folder_.write("t.csv", "image\na\n");
  EXPECT_THAT(error_of([&] { listed({.list = {.files = {{"a"}}}, .table = csv}); }),
              HasSubstr("table excludes"));
  EXPECT_THAT(error_of([&] { listed({.list = {.filters = {"*"}}, .names = {"image"}}); }),
              HasSubstr("with files"));
  EXPECT_THAT(error_of([&] { listed({.list = {.files = {{"a"}}}, .columns = {"image"}}); }),
              HasSubstr("several outputs"));
  EXPECT_THAT(error_of([&] {
                listed({.list = {.files = {{"a"}}}, .names = {"image"}, .channels = {1, 2}});
              }),
              HasSubstr("2 numbers"));
}

}  // namespace
}  // namespace varo

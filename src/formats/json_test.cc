// SPDX-License-Identifier: Apache-2.0
#include "formats/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "varo/error.h"

namespace varo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(std::string_view text) {
  try {
    parse_json(text, "bad.json");
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::read);
    return e.what();
  }
  return "no error";
}

TEST(json, reads_values_of_every_kind) {
  const Json all =
      parse_json(R"( {"a": [1, -2.5e3, "x", null, true, {}], "b": {"c": []}, "": NaN} )", "");
  ASSERT_TRUE(all.is_object());
  EXPECT_THAT(all.keys, ElementsAre("a", "b", ""));
  const Json& list = *all.find("a");
  ASSERT_EQ(list.items.size(), 6u);
  EXPECT_EQ(list.items[1].text, "-2.5e3");
  EXPECT_TRUE(list.items[2].is_text());
  EXPECT_EQ(list.items[2].text, "x");
  EXPECT_EQ(list.items[3].kind, Json::Kind::null);
  EXPECT_TRUE(all.find("b")->find("c")->is_list());
  EXPECT_EQ(all.find("c"), nullptr);
}

TEST(json, reads_escapes) {
  EXPECT_EQ(parse_json(R"("\"\\\/\n\u00e9\u20AC\ud83d\ude00")", "").text,
            "\"\\/\n\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(parse_json("\"caf\xE9\"", "").text, "caf\xE9") << "bytes that are no UTF-8";
  EXPECT_EQ(parse_json(R"("caf\udce9")", "").text, "caf\xE9") << "such a byte as Python writes it";
  EXPECT_EQ(parse_json("\xEF\xBB\xBF[]", "").items.size(), 0u) << "a byte order mark";
}

TEST(json, says_what_is_wrong_and_where) {
  EXPECT_THAT(error_of(""), AllOf(HasSubstr("bad.json"), HasSubstr("end of the text")));
  EXPECT_THAT(error_of("{\n\n \"a\" 1}"), AllOf(HasSubstr("line 3"), HasSubstr("':'")));
  EXPECT_THAT(error_of("[1, 2"), HasSubstr("']'"));
  EXPECT_THAT(error_of("[1] x"), HasSubstr("the end"));
  EXPECT_THAT(error_of("\"abc"), HasSubstr("ends the text"));
  EXPECT_THAT(error_of("\"\\"), HasSubstr("ends the text"));
  EXPECT_THAT(error_of(R"("\x")"), HasSubstr("escape"));
  EXPECT_THAT(error_of(R"("\u12g4")"), HasSubstr("hexadecimal"));
  EXPECT_THAT(error_of(R"("\ud800x")"), HasSubstr("pairs"));
  EXPECT_THAT(error_of(R"({"a": 1, "a": 2})"), HasSubstr("comes twice"));
  EXPECT_THAT(error_of(std::string(100000, '[')), HasSubstr("inside each other"));
}

}  // namespace
}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "varo/error.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace varo {
namespace {

TEST(error, the_form_that_users_see) {
  Error error = Error(ErrorKind::shape, "the window does not fit along D")
                    .got("96 voxels starting at 40")
                    .allowed("start + size <= 128")
                    .hint("out_of_bounds_policy=\"pad\"");
  error.set_operator("crop");
  error.set_sample(17, "case_0042.nii.gz");
  error.set_defined("train.py:31   x = fn.crop(x, size=(96, 96, 96))");
  EXPECT_STREQ(error.what(),
               "crop: the window does not fit along D\n"
               "  got      96 voxels starting at 40\n"
               "  allowed  start + size <= 128\n"
               "  sample   17, case_0042.nii.gz\n"
               "  defined  train.py:31   x = fn.crop(x, size=(96, 96, 96))\n"
               "  try      out_of_bounds_policy=\"pad\"");
  EXPECT_EQ(error.kind(), ErrorKind::shape);
  EXPECT_EQ(error.problem(), "the window does not fit along D");
  EXPECT_EQ(error.operator_name(), "crop");
}

TEST(error, fields_that_are_empty_leave_no_line) {
  EXPECT_STREQ(Error(ErrorKind::param, "too bad").what(), "too bad");
  EXPECT_STREQ(Error(ErrorKind::param, "too bad").allowed("better").what(),
               "too bad\n  allowed  better");
  Error unnamed(ErrorKind::read, "too bad");
  unnamed.set_sample(3, "");
  EXPECT_STREQ(unnamed.what(), "too bad\n  sample   3");
}

TEST(error, the_innermost_context_stays) {
  Error error(ErrorKind::internal, "oh");
  error.set_operator("inner");
  error.set_operator("outer");
  error.set_sample(1, "a.npy");
  error.set_sample(2, "b.npy");
  error.set_defined("a.py:1");
  error.set_defined("b.py:2");
  EXPECT_STREQ(error.what(), "inner: oh\n  sample   1, a.npy\n  defined  a.py:1");
}

TEST(error, braces_in_the_users_text_are_text) {
  Error error = Error(ErrorKind::param, "{} and {0}").got("{x}");
  error.set_operator("a{}");
  EXPECT_STREQ(error.what(), "a{}: {} and {0}\n  got      {x}");
}

TEST(error, is_caught_as_what_it_is_and_keeps_its_context_when_thrown_again) {
  try {
    try {
      throw Error(ErrorKind::index, "outside").got("5").allowed("0 to 4");
    } catch (Error& error) {
      error.set_operator("slice");
      throw;
    }
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "slice: outside\n  got      5\n  allowed  0 to 4");
    const auto* ours = dynamic_cast<const Error*>(&error);
    ASSERT_NE(ours, nullptr);
    EXPECT_EQ(ours->kind(), ErrorKind::index);
  }
}

TEST(error, a_copy_has_its_own_text) {
  Error first(ErrorKind::state, "closed");
  Error second = first;
  second.set_operator("run");
  EXPECT_STREQ(first.what(), "closed");
  EXPECT_STREQ(second.what(), "run: closed");
}

}  // namespace
}  // namespace varo

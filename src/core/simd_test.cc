// SPDX-License-Identifier: Apache-2.0
#include "core/simd.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "varo/error.h"

namespace varo {
namespace {

TEST(Simd, a_limit_is_checked_and_rules_out_what_is_better) {
  const std::vector<std::string> all = simd_targets();
  ASSERT_FALSE(all.empty());

  setenv("VARO_SIMD", "abacus", 1);
  try {
    limit_simd();
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::param);
    EXPECT_NE(std::string(error.what()).find("abacus"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(all.front()), std::string::npos) << error.what();
  }

  setenv("VARO_SIMD", all.back().c_str(), 1);
  limit_simd();
  EXPECT_EQ(simd_targets(), std::vector<std::string>{all.back()});
  setenv("VARO_SIMD", all.front().c_str(), 1);
  limit_simd();
  EXPECT_EQ(simd_targets(), std::vector<std::string>{all.back()}) << "read again";

  unsetenv("VARO_SIMD");
  hwy::DisableTargets(0);
  EXPECT_EQ(simd_targets(), all);
}

}  // namespace
}  // namespace varo

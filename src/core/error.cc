// SPDX-License-Identifier: Apache-2.0
#include "varo/error.h"

#include <fmt/format.h>

namespace varo {

Error::Error(ErrorKind kind, std::string problem) : kind_(kind), problem_(std::move(problem)) {
  render();
}

Error Error::got(std::string text) && {
  got_ = std::move(text);
  render();
  return std::move(*this);
}
Error Error::allowed(std::string text) && {
  allowed_ = std::move(text);
  render();
  return std::move(*this);
}
Error Error::hint(std::string text) && {
  hint_ = std::move(text);
  render();
  return std::move(*this);
}

void Error::set_operator(const std::string& name) {
  if (!operator_.empty()) return;
  operator_ = name;
  render();
}
void Error::set_sample(std::int64_t number, const std::string& source) {
  if (!sample_.empty()) return;
  sample_ = source.empty() ? std::to_string(number) : fmt::format("{}, {}", number, source);
  render();
}
void Error::set_defined(const std::string& where) {
  if (!defined_.empty()) return;
  defined_ = where;
  render();
}

void Error::render() {
  text_ = operator_.empty() ? problem_ : fmt::format("{}: {}", operator_, problem_);
  const auto line = [&](const char* label, const std::string& text) {
    if (!text.empty()) text_ += fmt::format("\n  {:<8} {}", label, text);
  };
  line("got", got_);
  line("allowed", allowed_);
  line("sample", sample_);
  line("defined", defined_);
  line("try", hint_);
}

}  // namespace varo

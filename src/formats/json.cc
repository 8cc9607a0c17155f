// SPDX-License-Identifier: Apache-2.0
#include "formats/json.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <utility>

#include "formats/file.h"

namespace varo {

namespace {

constexpr int kMostDeep = 100;

void append_utf8(std::string& to, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  if (code < 0x10000)
    return put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F));
  put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : text_(text), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  Json document() {
    Json value = this->value(0);
    skip_blanks();
    if (at_ < text_.size()) fail("the end of the text");
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view wanted) const {
    std::string shown;
    for (const char c : text_.substr(at_, 24)) shown += c >= ' ' && c < 127 ? c : '?';
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    throw read_error(file_, "this is not JSON")
        .got(shown.empty() ? "the end of the text" : fmt::format("\"{}\" in line {}", shown, line))
        .allowed(std::string(wanted));
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Json value(int depth) {
    if (depth > kMostDeep) fail(fmt::format("at most {} values inside each other", kMostDeep));
    skip_blanks();
    if (take('{')) return object(depth);
    if (take('[')) return list(depth);
    if (at_ < text_.size() && text_[at_] == '"')
      return {.kind = Json::Kind::text, .text = quoted()};
    for (const auto& [word, kind] :
         {std::pair{"null", Json::Kind::null}, std::pair{"true", Json::Kind::boolean},
          std::pair{"false", Json::Kind::boolean}, std::pair{"NaN", Json::Kind::number},
          std::pair{"Infinity", Json::Kind::number}, std::pair{"-Infinity", Json::Kind::number}})
      if (take(std::string_view(word))) return {.kind = kind, .text = word};
    const std::size_t end = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size());
    if (end == at_) fail("a value");
    Json number{.kind = Json::Kind::number, .text = std::string(text_.substr(at_, end - at_))};
    at_ = end;
    return number;
  }

  Json object(int depth) {
    Json made{.kind = Json::Kind::object};
    std::set<std::string> seen;
    if (take('}')) return made;
    do {
      skip_blanks();
      if (at_ == text_.size() || text_[at_] != '"') fail("a key in quotes");
      made.keys.push_back(quoted());
      if (!seen.insert(made.keys.back()).second)
        fail(fmt::format("keys that come once (\"{}\" comes twice)", made.keys.back()));
      if (!take(':')) fail("':'");
      made.items.push_back(value(depth + 1));
    } while (take(','));
    if (!take('}')) fail("',' or '}'");
    return made;
  }

  Json list(int depth) {
    Json made{.kind = Json::Kind::list};
    if (take(']')) return made;
    do made.items.push_back(value(depth + 1));
    while (take(','));
    if (!take(']')) fail("',' or ']'");
    return made;
  }

  std::string quoted() {
    std::string text;
    for (++at_; at_ < text_.size() && text_[at_] != '"';) {
      if (text_[at_] != '\\') {
        text += text_[at_++];
        continue;
      }
      if (++at_ == text_.size()) break;
      const char c = text_[at_++];
      constexpr std::string_view kLetters = "\"\\/bfnrt", kMeaning = "\"\\/\b\f\n\r\t";
      if (const std::size_t i = kLetters.find(c); i != std::string_view::npos)
        text += kMeaning[i];
      else if (c == 'u')
        append_unicode(text);
      else
        fail("an escape that JSON has");
    }
    if (at_ == text_.size()) fail("a quote that ends the text");
    ++at_;
    return text;
  }

  std::uint32_t hex() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const char c = at_ < text_.size() ? text_[at_] : ' ';
      const std::size_t digit =
          kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
      if (digit == std::string_view::npos) fail("4 hexadecimal digits");
      code = code << 4 | static_cast<std::uint32_t>(digit);
    }
    return code;
  }

  void append_unicode(std::string& text) {
    const std::uint32_t code = hex();
    if (code < 0xD800 || code > 0xDFFF) return append_utf8(text, code);
    if (code >= 0xDC80 && code <= 0xDCFF) {  // a byte, as os.fsdecode has it
      text += static_cast<char>(code - 0xDC00);
      return;
    }
    if (code < 0xDC00 && take(std::string_view("\\u"))) {
      const std::uint32_t low = hex();
      if (low >= 0xDC00 && low <= 0xDFFF)
        return append_utf8(text, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
    }
    fail("surrogates in pairs");
  }

  std::string_view text_, file_;
  std::size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  const auto at = std::find(keys.begin(), keys.end(), key);
  return at == keys.end() ? nullptr : &items[static_cast<std::size_t>(at - keys.begin())];
}

Json parse_json(std::string_view bytes, std::string_view name) {
  return Parser(bytes, name).document();
}

}  // namespace varo

// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/case_pattern.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "varo/error.h"

namespace varo {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCase = "{case}", kChannel = "{channel}";

// A part of a name in a pattern.
struct Token {
  enum class Kind : std::uint8_t { letter, id, channel, any, one };
  Kind kind;
  char letter = 0;
};
using Tokens = std::vector<Token>;

struct Found {
  std::optional<std::string> id, channel;
};

class Matcher {
 public:
  Matcher(const Tokens& tokens, std::string_view name) : tokens_(tokens), name_(name) {}
  bool run(Found& found) const { return from(0, 0, found); }

 private:
  bool from(std::size_t token, std::size_t at, Found& found) const {
    for (; token < tokens_.size(); ++token, ++at) {
      switch (tokens_[token].kind) {
        case Token::Kind::letter:
          if (at == name_.size() || name_[at] != tokens_[token].letter) return false;
          break;
        case Token::Kind::one:
          if (at == name_.size()) return false;
          break;
        case Token::Kind::any:
          for (std::size_t end = name_.size() + 1; end-- > at;)
            if (from(token + 1, end, found)) return true;
          return false;
        case Token::Kind::id:
          return place(token, at, found.id, found);
        case Token::Kind::channel:
          return place(token, at, found.channel, found);
      }
    }
    return at == name_.size();
  }

  bool place(std::size_t token, std::size_t at, std::optional<std::string>& what,
             Found& found) const {
    if (what)
      return name_.substr(at).starts_with(*what) && from(token + 1, at + what->size(), found);
    for (std::size_t end = name_.size(); end > at; --end) {
      what = name_.substr(at, end - at);
      if (from(token + 1, end, found)) return true;
    }
    what.reset();
    return false;
  }

  const Tokens& tokens_;
  std::string_view name_;
};

Tokens tokens_of(std::string_view name, const std::string& pattern) {
  Tokens tokens;
  while (!name.empty()) {
    std::size_t length = 1;
    if (name.starts_with(kCase)) {
      tokens.push_back({Token::Kind::id});
      length = kCase.size();
    } else if (name.starts_with(kChannel)) {
      tokens.push_back({Token::Kind::channel});
      length = kChannel.size();
    } else if (name[0] == '{' || name[0] == '}') {
      throw Error(ErrorKind::param, "a pattern of file names holds another word in braces")
          .got(pattern)
          .allowed("{case} and {channel}");
    } else if (name[0] == '*' || name[0] == '?') {
      tokens.push_back({name[0] == '*' ? Token::Kind::any : Token::Kind::one});
    } else {
      tokens.push_back({Token::Kind::letter, name[0]});
    }
    name.remove_prefix(length);
  }
  return tokens;
}

bool plain(const Tokens& tokens) {
  return std::all_of(tokens.begin(), tokens.end(),
                     [](const Token& t) { return t.kind == Token::Kind::letter; });
}

class Search {
 public:
  explicit Search(const std::string& pattern) {
    for (std::size_t begin = 0; begin <= pattern.size();) {
      const std::size_t end = std::min(pattern.find('/', begin), pattern.size());
      if (end > begin) {
        names_.push_back(pattern.substr(begin, end - begin));
        tokens_.push_back(tokens_of(names_.back(), pattern));
      }
      begin = end + 1;
    }
  }

  std::vector<PatternMatch> run(const std::string& folder) {
    visit(folder, 0, {}, true);
    return std::move(matches_);
  }

 private:
  // `literal`: no place stands in the folder's name.
  void visit(const std::string& folder, std::size_t depth, const Found& found, bool literal) {
    const bool last = depth + 1 == tokens_.size();
    const auto take = [&](const std::string& name, const Found& now, bool plain_name) {
      const std::string path = folder.empty() ? name : (fs::path(folder) / name).string();
      std::error_code unknown;  // e.g. a link to nowhere
      if (!last)
        visit(path, depth + 1, now, plain_name);
      else if (fs::is_regular_file(path, unknown))
        matches_.push_back({now.id.value_or(""), now.channel.value_or(""), path});
    };
    const Tokens& tokens = tokens_[depth];
    if (plain(tokens)) return take(names_[depth], found, literal);
    const bool hidden = tokens[0].kind == Token::Kind::letter && tokens[0].letter == '.';
    for (const std::string& name : listed(folder, literal)) {
      Found now = found;
      if (name.starts_with('.') == hidden && Matcher(tokens, name).run(now)) take(name, now, false);
    }
  }

  static std::vector<std::string> listed(const std::string& folder, bool must_be_there) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entry(folder.empty() ? "." : folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
      names.push_back(entry->path().filename().string());
    const bool missing =
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    if (error && (must_be_there || !missing))
      throw Error(ErrorKind::read, fmt::format("cannot list the folder {}: {}",
                                               folder.empty() ? "." : folder, error.message()));
    return names;
  }

  std::vector<std::string> names_;
  std::vector<Tokens> tokens_;
  std::vector<PatternMatch> matches_;
};

}  // namespace

bool has_case(std::string_view pattern) { return pattern.find(kCase) != std::string_view::npos; }
bool has_channel(std::string_view pattern) {
  return pattern.find(kChannel) != std::string_view::npos;
}

bool channel_before(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  };
  const auto digits = [](const std::string& text) {
    const std::string_view all = text;
    return all.substr(std::min(all.find_first_not_of('0'), all.size()));
  };
  if (number(a) != number(b)) return number(a);
  if (!number(a)) return a < b;
  return std::tuple(digits(a).size(), digits(a), a) < std::tuple(digits(b).size(), digits(b), b);
}

std::vector<PatternMatch> find_matches(const std::string& root, const std::string& pattern) {
  std::vector<PatternMatch> matches = Search(pattern).run(pattern.starts_with('/') ? "/" : root);
  std::sort(matches.begin(), matches.end(), [](const PatternMatch& a, const PatternMatch& b) {
    if (a.id != b.id) return a.id < b.id;
    if (a.channel != b.channel) return channel_before(a.channel, b.channel);
    return a.path < b.path;
  });
  return matches;
}

}  // namespace varo

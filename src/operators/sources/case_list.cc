// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/case_list.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>
#include <utility>

#include "operators/sources/case_pattern.h"
#include "operators/sources/case_table.h"
#include "varo/error.h"

namespace varo {

namespace {

namespace fs = std::filesystem;

using Output = CaseList::Output;

// Of many things the first five, and how many more.
class Few {
 public:
  void add(std::string text) {
    if (++count_ <= 5) texts_.push_back(std::move(text));
  }
  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  std::string text() const {
    const std::string listed = fmt::format("{}", fmt::join(texts_, ", "));
    return count_ <= 5 ? listed : fmt::format("{} and {} more", listed, count_ - 5);
  }

 private:
  std::size_t count_ = 0;
  std::vector<std::string> texts_;
};

// Of each output; "label: case_07, case_11; image: case_02".
class FewOfEach {
 public:
  void add(const std::string& output, std::string what) {
    if (few_.find(output) == few_.end()) order_.push_back(output);
    few_[output].add(std::move(what));
  }
  void refuse(const char* problem, const std::string& allowed) const {
    if (few_.empty()) return;
    std::vector<std::string> texts;
    for (const std::string& output : order_)
      texts.push_back(fmt::format("{}: {}", output, few_.at(output).text()));
    throw Error(ErrorKind::read, problem)
        .got(fmt::format("{}", fmt::join(texts, "; ")))
        .allowed(allowed);
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, Few> few_;
};

std::vector<Output> outputs_of(const CaseListOptions& options) {
  std::vector<Output> outputs;
  std::set<std::string> seen;
  const std::vector<std::int64_t>& channels = options.channels;
  if (!channels.empty() && channels.size() != options.names.size())
    throw Error(ErrorKind::param, "channels has not one number an output")
        .got(fmt::format("{} numbers", channels.size()))
        .allowed(fmt::format("{}, as names has", options.names.size()));
  for (std::size_t k = 0; k < options.names.size(); ++k) {
    if (!seen.insert(options.names[k]).second)
      throw Error(ErrorKind::param, "two outputs have one name").got(options.names[k]);
    const std::int64_t stacked = channels.empty() ? 0 : channels[k];
    outputs.push_back({options.names[k], std::max<std::int64_t>(stacked, 1), stacked > 0});
  }
  return outputs;
}

std::int64_t width_of(const std::vector<Output>& outputs) {
  std::int64_t width = 0;
  for (const Output& output : outputs) width += output.files;
  return width;
}

std::string channels_text(const Output& output, std::int64_t file) {
  return output.stacked ? fmt::format("{}[{}]", output.name, file) : output.name;
}

CaseList of_one_list(const CaseListOptions& options) {
  if (!options.channels.empty() || !options.columns.empty())
    throw Error(ErrorKind::param, "channels and columns are for several outputs")
        .allowed("with names, or with a table");
  return {{Output{}}, list_files(options.list)};
}

CaseList of_lists(const CaseListOptions& options) {
  std::vector<Output> outputs = outputs_of(options);
  std::vector<std::string> paths = list_files(options.list);
  const std::int64_t width = width_of(outputs);
  if (std::ssize(paths) % width != 0)
    throw Error(ErrorKind::param, "the files are no whole number of cases")
        .got(fmt::format("{} files", paths.size()))
        .allowed(fmt::format("a multiple of {}: case by case, those of {}", width,
                             fmt::join(options.names, ", ")));
  return {std::move(outputs), std::move(paths)};
}

// --- patterns ------------------------------------------------------------------------------------

// A file of each case, by the case's name.
struct Place {
  std::string output;   // for messages
  std::string pattern;  // likewise
  std::map<std::string, std::string> files;
};

void put(Place& place, const PatternMatch& match, FewOfEach& doubled) {
  const auto [at, fresh] = place.files.emplace(match.id, match.path);
  if (!fresh)
    doubled.add(place.output, fmt::format("{} ({} and {})", match.id, at->second, match.path));
}

// The places of one pattern: one, or one a channel.
std::vector<Place> places_of(const std::string& root, const std::string& pattern,
                             const std::string& name, FewOfEach& doubled) {
  std::vector<Place> places;
  std::map<std::string, std::size_t> by_channel;
  const std::vector<PatternMatch> matches = find_matches(root, pattern);
  for (const PatternMatch& match : matches) by_channel.emplace(match.channel, 0);
  std::vector<std::string> channels;
  for (const auto& [channel, unused] : by_channel) channels.push_back(channel);
  std::sort(channels.begin(), channels.end(), channel_before);
  for (const std::string& channel : channels) {
    by_channel[channel] = places.size();
    places.push_back({channel.empty() ? name : fmt::format("{} {}", name, channel), pattern, {}});
  }
  for (const PatternMatch& match : matches) put(places[by_channel[match.channel]], match, doubled);
  if (places.empty()) places.push_back({name, pattern, {}});
  return places;
}

CaseList of_patterns(std::vector<Output> outputs, const std::string& root,
                     const std::vector<std::string>& patterns) {
  FewOfEach doubled, missing;
  std::vector<Place> places;
  for (std::size_t p = 0, k = 0; k < outputs.size(); ++k) {
    Output& output = outputs[k];
    const std::size_t before = places.size();
    for (std::int64_t i = 0; i < output.files; ++i, ++p) {
      const bool channels = has_channel(patterns[p]);
      if (channels && output.files > 1)
        throw Error(ErrorKind::param,
                    fmt::format("{} has {{channel}} in one of several patterns", output.name))
            .got(patterns[p])
            .allowed("{channel} in the only pattern of an output");
      for (Place& place :
           places_of(root, patterns[p], channels ? output.name : channels_text(output, i), doubled))
        places.push_back(std::move(place));
      if (channels) output.stacked = true;
    }
    output.files = static_cast<std::int64_t>(places.size() - before);
  }
  doubled.refuse("a case has several files for one place", "one file for each case and output");

  std::set<std::string> ids;
  for (const Place& place : places)
    for (const auto& [id, path] : place.files) ids.insert(id);
  if (ids.empty())
    throw Error(ErrorKind::read, "No files found")
        .got(fmt::format("nothing that matches {} in {}", fmt::join(patterns, " or "),
                         root.empty() ? "the working folder" : root))
        .allowed("at least 1 case");
  std::vector<std::string> paths;
  for (const std::string& id : ids)
    for (const Place& place : places) {
      const auto at = place.files.find(id);
      if (at == place.files.end())
        missing.add(place.output, id);
      else
        paths.push_back(at->second);
    }
  missing.refuse("files of cases are missing",
                 fmt::format("for each of the {} cases a file that matches {}", ids.size(),
                             fmt::join(patterns, " and ")));
  return {std::move(outputs), std::move(paths)};
}

CaseList of_patterns(const CaseListOptions& options) {
  std::vector<Output> outputs = outputs_of(options);
  const std::vector<std::string>& patterns = *options.list.files;
  for (const std::string& pattern : patterns)
    if (!has_case(pattern))
      throw Error(ErrorKind::param, "a pattern does not hold {case}")
          .got(pattern)
          .allowed("{case} in each, or in none");
  if (width_of(outputs) != std::ssize(patterns))
    throw Error(ErrorKind::param, "there is not one pattern for each file of a case")
        .got(fmt::format("{} patterns", patterns.size()))
        .allowed(fmt::format("{}", width_of(outputs)));
  return of_patterns(std::move(outputs), options.list.file_root.value_or(""), patterns);
}

// --- tables --------------------------------------------------------------------------------------

std::vector<std::size_t> columns_of(const CaseTable& table,
                                    const std::vector<std::string>& wanted) {
  std::vector<std::size_t> columns;
  for (const std::string& name : wanted.empty() ? table.columns : wanted) {
    const auto count = std::count(table.columns.begin(), table.columns.end(), name);
    if (count != 1)
      throw Error(ErrorKind::read, fmt::format("the table has {} named {}",
                                               count == 0 ? "no column" : "several columns", name))
          .got(fmt::format("{}", fmt::join(table.columns, ", ")));
    columns.push_back(static_cast<std::size_t>(
        std::find(table.columns.begin(), table.columns.end(), name) - table.columns.begin()));
  }
  return columns;
}

void check_count(const CaseTable& table, std::int64_t found, const std::string& path) {
  if (table.count && *table.count != fmt::format("{}", found))
    throw Error(ErrorKind::read, fmt::format("{} promises another number of cases", path))
        .got(fmt::format("{} cases", found))
        .allowed(fmt::format("numTraining = {}", *table.count));
}

// Of the outputs of `options` the columns, one after the other.
std::vector<Output> outputs_of(const CaseListOptions& options, const CaseTable& table,
                               const std::vector<std::size_t>& columns) {
  std::vector<Output> outputs = outputs_of(options);
  if (outputs.empty())
    for (const std::size_t column : columns) outputs.push_back({table.columns[column], 1, false});
  if (width_of(outputs) != std::ssize(columns))
    throw Error(ErrorKind::param, "there is not one column for each file of a case")
        .got(fmt::format("{} columns", columns.size()))
        .allowed(fmt::format("{}", width_of(outputs)));
  return outputs;
}

// The files of a row's cells; none if one of them has none.
TableCell joined(const TableRow& row, std::span<const std::size_t> columns) {
  TableCell all;
  for (const std::size_t column : columns) {
    const TableCell& cell = row.cells[column];
    if (cell.files.empty() || std::count(cell.files.begin(), cell.files.end(), "") > 0) return {};
    all.list = all.list || cell.list;
    all.files.insert(all.files.end(), cell.files.begin(), cell.files.end());
  }
  return all;
}

CaseList of_rows(const CaseTable& table, std::vector<Output> outputs,
                 const std::vector<std::size_t>& columns, const std::string& folder) {
  FewOfEach empty, absent;
  std::vector<std::string> paths;
  std::vector<std::int64_t> counts(outputs.size(), 0);
  for (const TableRow& row : table.rows) {
    std::size_t next = 0;
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const auto width = static_cast<std::size_t>(outputs[k].files);
      const TableCell cell = joined(row, std::span(columns).subspan(next, width));
      next += width;
      if (cell.files.empty()) {
        empty.add(outputs[k].name, row.where);
        continue;
      }
      if (counts[k] == 0) counts[k] = std::ssize(cell.files);
      if (std::ssize(cell.files) != counts[k])
        throw Error(
            ErrorKind::read,
            fmt::format("{} of the table has another number of files than other rows, for {}",
                        row.where, outputs[k].name))
            .got(fmt::format("{}", cell.files.size()))
            .allowed(fmt::format("{}", counts[k]));
      outputs[k].stacked = outputs[k].stacked || cell.list;
      for (const std::string& name : cell.files) {
        paths.push_back(below(folder, name.starts_with("./") ? name.substr(2) : name));
        std::error_code unknown;
        if (!fs::is_regular_file(paths.back(), unknown))
          absent.add(outputs[k].name, fmt::format("{} ({})", paths.back(), row.where));
      }
    }
  }
  empty.refuse("rows of the table name no file",
               "a file of each output in every row; columns= leaves other columns out");
  absent.refuse("files that the table names are not there",
                "names that begin at file_root, else at the table's own folder");
  for (std::size_t k = 0; k < outputs.size(); ++k) outputs[k].files = counts[k];
  return {std::move(outputs), std::move(paths)};
}

CaseList of_table(const CaseListOptions& options) {
  if (options.list.files || options.list.file_list)
    throw Error(ErrorKind::param, "table excludes files and file_list");
  const std::string& path = *options.table;
  const CaseTable table = read_table(path);
  const std::string folder = options.list.file_root.value_or(fs::path(path).parent_path().string());
  if (!table.patterns.empty()) {
    if (!options.names.empty() || !options.columns.empty())
      throw Error(ErrorKind::param, fmt::format("{} names its outputs itself", path))
          .allowed("neither names nor columns");
    const std::int64_t channels = std::ssize(table.patterns) - 1;
    CaseList cases =
        of_patterns({{"image", channels, true}, {"label", 1, false}}, folder, table.patterns);
    check_count(table, cases.count(), path);
    return cases;
  }
  const std::vector<std::size_t> columns = columns_of(table, options.columns);
  std::vector<Output> outputs = outputs_of(options, table, columns);
  check_count(table, std::ssize(table.rows), path);
  if (table.rows.empty())
    throw Error(ErrorKind::read, "No files found")
        .got(fmt::format("{} without a case in it", path))
        .allowed("at least 1 case");
  return of_rows(table, std::move(outputs), columns, folder);
}

bool patterns_given(const CaseListOptions& options) {
  return options.list.files && std::any_of(options.list.files->begin(), options.list.files->end(),
                                           [](const std::string& name) { return has_case(name); });
}

}  // namespace

CaseList::CaseList(std::vector<Output> outputs, std::vector<std::string> paths)
    : outputs_(std::move(outputs)), paths_(std::move(paths)), width_(width_of(outputs_)) {}

std::span<const std::string> CaseList::files(std::int64_t index, int output) const {
  std::int64_t at = index * width_;
  for (int k = 0; k < output; ++k) at += outputs_[static_cast<std::size_t>(k)].files;
  return {paths_.data() + at,
          static_cast<std::size_t>(outputs_[static_cast<std::size_t>(output)].files)};
}

CaseList list_cases(const CaseListOptions& options) {
  if (options.table) return of_table(options);
  if (options.names.empty()) return of_one_list(options);
  if (!options.list.files)
    throw Error(ErrorKind::param, "names is for several lists of files")
        .allowed("with files, or with a table");
  return patterns_given(options) ? of_patterns(options) : of_lists(options);
}

int count_outputs(const CaseListOptions& options) {
  if (!options.names.empty()) return static_cast<int>(options.names.size());
  if (!options.table) return 1;
  if (!options.columns.empty()) return static_cast<int>(options.columns.size());
  return static_cast<int>(read_table(*options.table).columns.size());
}

}  // namespace varo

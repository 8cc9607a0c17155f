// SPDX-License-Identifier: Apache-2.0
/// Files whose names follow a pattern with the name of a case in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace varo {

/// A file that matches, and what stands in the pattern's places.
struct PatternMatch {
  std::string id;       ///< of the case
  std::string channel;  ///< empty where the pattern has no {channel}
  std::string path;
};

/// "imagesTr/{case}_0000.nii.gz". Places in a pattern:
///   {case}     the name of the case; the same text wherever it stands
///   {channel}  the name of one of the case's files; likewise
///   *  ?       any text; any one character
/// No place reaches over a '/'. {case} and {channel} are not empty, and as long as they can be, the
/// first one before the others. Names that begin with a dot are matched by a pattern's own dot only.
bool has_case(std::string_view pattern);
bool has_channel(std::string_view pattern);

/// The regular files that match, sorted by case, channel (numbers by value) and path, bytes compared.
/// A relative pattern begins at `root`, or at the working folder if that is empty.
/// Throws ParamError for other words in braces, ReadError for a folder that cannot be listed; one
/// whose name holds a place need not be there.
std::vector<PatternMatch> find_matches(const std::string& root, const std::string& pattern);

/// Numbers by value, then texts by their bytes.
bool channel_before(const std::string& a, const std::string& b);

}  // namespace varo

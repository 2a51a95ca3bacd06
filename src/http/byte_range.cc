#include "http/byte_range.h"

#include <algorithm>
#include <optional>

#include "http/field_text.h"

namespace sluice::http {

namespace {

// A number as its digits, without leading zeros: it may be larger than any integer.
using number_text = std::string_view;

std::optional<number_text> read_number(std::string_view text) noexcept {
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    return text.substr(std::min(text.find_first_not_of('0'), text.size()));
}

bool is_less(number_text left, number_text right) noexcept {
    return left.size() != right.size() ? left.size() < right.size() : left < right;
}

// The number, or UINT64_MAX when it is larger. No file is as large as that.
std::uint64_t saturated(number_text digits) noexcept {
    std::uint64_t number = 0;
    for (char digit : digits) {
        auto value = static_cast<std::uint64_t>(digit - '0');
        if (number > (UINT64_MAX - value) / 10) return UINT64_MAX;
        number = number * 10 + value;
    }
    return number;
}

struct range_spec {
    bool suffix = false;
    std::uint64_t first = 0;  // of a suffix: its length
    std::uint64_t last = UINT64_MAX;
};

std::optional<range_spec> read_spec(std::string_view text) noexcept {
    auto hyphen = text.find('-');
    if (hyphen == std::string_view::npos) return std::nullopt;
    auto before = text.substr(0, hyphen);
    auto after = text.substr(hyphen + 1);
    if (before.empty()) {
        auto length = read_number(after);
        if (!length) return std::nullopt;
        return range_spec{.suffix = true, .first = saturated(*length)};
    }
    auto first = read_number(before);
    if (!first) return std::nullopt;
    if (after.empty()) return range_spec{.first = saturated(*first)};
    auto last = read_number(after);
    if (!last || is_less(*last, *first)) return std::nullopt;
    return range_spec{.first = saturated(*first), .last = saturated(*last)};
}

// The part of the file that a spec means; nothing when it means none.
std::optional<byte_range> clip(const range_spec& spec, std::uint64_t file_size) noexcept {
    if (spec.suffix) {
        auto size = std::min(spec.first, file_size);
        if (size == 0) return std::nullopt;
        return byte_range{file_size - size, size};
    }
    if (spec.first >= file_size) return std::nullopt;
    auto last = std::min(spec.last, file_size - 1);
    return byte_range{spec.first, last - spec.first + 1};
}

// Sorts the ranges and joins those that overlap or touch; false when none did.
bool sort_and_join(std::vector<byte_range>& ranges) {
    if (ranges.empty()) return false;
    std::sort(ranges.begin(), ranges.end(), [](const byte_range& left, const byte_range& right) {
        return left.first < right.first;
    });
    std::size_t kept = 0;
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        auto& before = ranges[kept];
        auto end = before.first + before.size;
        if (ranges[i].first > end) {
            ranges[++kept] = ranges[i];
        } else {
            before.size = std::max(end, ranges[i].first + ranges[i].size) - before.first;
        }
    }
    bool joined = kept + 1 < ranges.size();
    ranges.resize(kept + 1);
    return joined;
}

// Gathers ranges in bounded memory.
class range_gatherer {
  public:
    explicit range_gatherer(std::size_t ranges_max)
        : ranges_max_(ranges_max), capacity_(std::max<std::size_t>(256, 4 * ranges_max)) {}

    void add(const byte_range& range) {
        found_ = true;
        if (flooded_) return;
        ranges_.push_back(range);
        if (ranges_.size() < capacity_) return;
        sort_and_join(ranges_);
        // Half of the space must be free again, so that joining stays cheap per range.
        flooded_ = ranges_.size() > capacity_ / 2;
    }

    [[nodiscard]] range_selection finish() && {
        if (flooded_ || !found_) return {range_selection::kind::unsatisfiable, {}};
        auto joined = ranges_;
        if (sort_and_join(joined)) ranges_ = std::move(joined);
        if (ranges_.size() > ranges_max_) return {range_selection::kind::unsatisfiable, {}};
        return {range_selection::kind::partial, std::move(ranges_)};
    }

  private:
    std::size_t ranges_max_;
    std::size_t capacity_;
    std::vector<byte_range> ranges_;
    bool found_ = false;
    bool flooded_ = false;
};

constexpr std::string_view unit = "bytes=";

}  // namespace

range_selection select_ranges(std::string_view range_field, std::uint64_t file_size,
                              std::size_t ranges_max) {
    auto rest = trim_white_space(range_field);
    if (!equal_ignoring_case(rest.substr(0, unit.size()), unit)) return {};
    rest.remove_prefix(unit.size());
    range_gatherer gatherer(ranges_max);
    bool any_spec = false;
    bool any_suffix = false;
    while (!rest.empty()) {
        auto element = take_element(rest, ',');
        if (element.empty()) continue;  // lists may have empty elements (section 5.6.1)
        auto spec = read_spec(element);
        if (!spec) return {};
        any_spec = true;
        any_suffix = any_suffix || (spec->suffix && spec->first > 0);
        if (auto range = clip(*spec, file_size)) gatherer.add(*range);
    }
    if (!any_spec || (file_size == 0 && any_suffix)) return {};
    return std::move(gatherer).finish();
}

std::string content_range(const byte_range& range, std::uint64_t file_size) {
    return "bytes " + std::to_string(range.first) + "-" +
           std::to_string(range.first + range.size - 1) + "/" + std::to_string(file_size);
}

std::string unsatisfied_content_range(std::uint64_t file_size) {
    return "bytes */" + std::to_string(file_size);
}

}  // namespace sluice::http

#include "http/preconditions.h"

#include "http/entity_tag.h"
#include "http/field_text.h"
#include "http/http_date.h"

namespace sluice::http {

namespace {

std::optional<std::int64_t> date_in(std::optional<std::string_view> field,
                                    std::int64_t now) noexcept {
    return field ? parse_http_date(trim_white_space(*field), now) : std::nullopt;
}

// Steps 1 and 2: is this still the file that the client means?
bool is_expected_file(const conditional_fields& fields, const validators& file) noexcept {
    if (fields.if_match) return any_matches_strongly(*fields.if_match, file.etag);
    auto date = date_in(fields.if_unmodified_since, file.now);
    return !date || file.last_modified <= *date;
}

// Steps 3 and 4: does the client have this file already?
bool is_known_file(const conditional_fields& fields, const validators& file,
                   bool get_or_head) noexcept {
    if (fields.if_none_match) return any_matches_weakly(*fields.if_none_match, file.etag);
    if (!get_or_head) return false;
    auto date = date_in(fields.if_modified_since, file.now);
    return date && file.last_modified <= *date;
}

}  // namespace

precondition evaluate(const conditional_fields& fields, const validators& file,
                      bool get_or_head) noexcept {
    if (!is_expected_file(fields, file)) return precondition::failed;
    if (!is_known_file(fields, file, get_or_head)) return precondition::proceed;
    return get_or_head ? precondition::not_modified : precondition::failed;
}

bool if_range_holds(std::string_view if_range, const validators& file) noexcept {
    auto value = trim_white_space(if_range);
    if (value.starts_with('"') || value.starts_with("W/")) return value == file.etag;
    auto date = parse_http_date(value, file.now);
    return date && *date == file.last_modified && file.last_modified < file.now;
}

}  // namespace sluice::http
